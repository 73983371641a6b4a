"""Targets that do not push are pulled, as Prometheus does it: jobs, discovery, relabelling, the scrape itself."""
