"""What senders read back: for our own protocols, how many records were taken and why others were not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from monitor.ingest.envelope import Batch


@dataclass(frozen=True, slots=True)
class Answer:
    """What the sender reads."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


def counted(batch: Batch, *, duplicates: int) -> Answer:
    """200 with the counts; 400 when nothing could be taken."""
    taken = batch.records
    content: dict[str, Any] = {
        "accepted": taken - duplicates,
        "duplicates": duplicates,
        "rejected": [{"index": one.index, "field": one.field, "error": one.error} for one in batch.rejected],
    }
    if taken or not batch.rejected:
        return Answer(body=msgspec.json.encode(content))
    first = batch.rejected[0]
    error = f"no record could be taken; record {first.index}, {first.field or 'whole'}: {first.error}"
    refusal = {"status": "error", "errorType": "bad_data", "error": error, **content}
    return Answer(400, msgspec.json.encode(refusal))
