"""The answer of our own protocols: how many were taken, and each record that was not, with the reason."""

from typing import Any

import msgspec

from monitor.ingest.envelope import Batch
from monitor.ingest.protocols.base import Answer


def counted(batch: Batch, *, duplicates: int) -> Answer:
    """200 with the counts; 400 when nothing could be taken."""
    taken = len(batch.generations) + len(batch.points) + len(batch.histograms) + len(batch.scores)
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
