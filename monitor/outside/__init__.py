"""The only place that dials out: time-outs, the private-address rule, and no secret in any error."""
