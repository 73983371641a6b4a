"""Pages of metrics: Prometheus' text format, OpenMetrics, and its protobuf form with native histograms. Pure."""
