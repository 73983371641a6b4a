"""The series store beyond this machine: any Prometheus-compatible cluster that ``METRICS_URL`` names."""
