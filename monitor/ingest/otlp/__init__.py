"""OTLP: what OpenTelemetry's senders export, as calls of models, marks on them and series."""
