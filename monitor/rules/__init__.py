"""PromQL into alerts: rule groups as people edit them, evaluated at one time, with Prometheus' semantics."""
