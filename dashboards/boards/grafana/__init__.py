"""Grafana's JSON, both ways: what is understood becomes ours, what is not is told."""
