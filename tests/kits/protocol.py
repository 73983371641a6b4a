"""What every protocol must pass; a new entry gains these tests by being in the list.

Payloads lie in ``tests/ingest/protocols/fixtures/NAME``: ``X.body`` and, beside it, ``X.json`` with the headers.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from monitor.ingest.envelope import Batch
from monitor.ingest.protocols import PROTOCOLS
from monitor.ingest.protocols.base import Protocol

FIXTURES = Path(__file__).parent.parent / "ingest" / "protocols" / "fixtures"


@dataclass(frozen=True)
class Payload:
    """A request as it came in; ``label`` names it in the report."""

    label: str
    body: bytes
    headers: dict[str, str]


def made(name: str) -> Protocol:
    protocol: Protocol = PROTOCOLS[name]()
    return protocol


def payloads(name: str) -> list[Payload]:
    return [
        Payload(path.stem, path.read_bytes(), json.loads(path.with_suffix(".json").read_text()))
        for path in sorted((FIXTURES / name).glob("*.body"))
    ]


def records(batch: Batch) -> int:
    return batch.records
