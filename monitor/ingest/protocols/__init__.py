"""Protocols: how others send. Each turns the bytes of one request into a Batch and answers as its senders
expect. The ingest view reads paths and content types from here.
"""

from monitor.registry import Registry

PROTOCOLS = Registry(
    "protocol",
    {
        "native": "monitor.ingest.protocols.native.Native",
        "exposition": "monitor.ingest.protocols.exposition.Exposition",
        "otlp": "monitor.ingest.protocols.otlp.Otlp",
        "remote_write": "monitor.ingest.protocols.remote_write.RemoteWrite",
    },
)
