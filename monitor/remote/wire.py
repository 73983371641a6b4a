"""What waits in the queue as remote-write messages: native histograms as they are, or taken apart into ranges.

A store without native histograms (VictoriaMetrics) gets a series per filled bucket, told apart by ``vmrange``,
and two for count and sum; its own functions read them, and ``vmrange.py`` turns questions to them.
"""

from collections.abc import Iterator

import numpy as np

from monitor.core.histograms import HistogramBlock, HistogramRun, block_of, coarser, upper_bounds
from monitor.core.labels import NAME, Labels
from monitor.outside.remote_write import floats_bytes, labels_bytes, run_bytes
from monitor.remote.vmrange import BUCKET, COUNT, RANGE, SUM, range_text
from monitor.store.ageing.outgoing import Outgoing

# buckets 9 % wide: each is a series of its own there
RANGE_SCHEMA = 3


def messages(one: Outgoing, label: str, *, native: bool) -> Iterator[bytes]:
    """The series of one request that carry these samples."""
    labels = one.labels.having({label: str(one.project_id)})
    if native or not one.runs:
        runs = b"".join(run_bytes(run) for run in one.runs)
        yield labels_bytes(labels) + floats_bytes(one.times, one.values) + runs
        return
    if len(one.times):
        yield labels_bytes(labels) + floats_bytes(one.times, one.values)
    for run in one.runs:
        yield from _apart(labels, run)


def _apart(labels: Labels, run: HistogramRun) -> Iterator[bytes]:
    yield labels_bytes(_named(labels, COUNT)) + floats_bytes(run.times, run.count)
    yield labels_bytes(_named(labels, SUM)) + floats_bytes(run.times, run.total)
    whole = block_of(run)
    block = whole if whole.custom or whole.schema <= RANGE_SCHEMA else coarser(whole, RANGE_SCHEMA)
    for text, counts in _ranges(block):
        # a bucket is there from one step before it is first filled, so that its rise is seen
        filled = np.flatnonzero(counts)
        if len(filled):
            part = slice(max(0, int(filled[0]) - 1), None)
            bucket = _named(labels, BUCKET).having({RANGE: text})
            yield labels_bytes(bucket) + floats_bytes(run.times[part], counts[part])


def _ranges(block: HistogramBlock) -> Iterator[tuple[str, np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    """Every bucket's range and its counts over time."""
    if not block.custom:
        yield range_text(-block.zero_threshold, block.zero_threshold), block.zero
    for index, counts, mirrored in (
        (block.positive_index, block.positive, False),
        (block.negative_index, block.negative, True),
    ):
        high = upper_bounds(index, block.schema, block.custom_bounds).tolist()
        low = upper_bounds(index - 1, block.schema, block.custom_bounds).tolist()
        for column, (lower, upper) in enumerate(zip(low, high, strict=True)):
            yield range_text(-upper, -lower) if mirrored else range_text(lower, upper), counts[:, column]


def _named(labels: Labels, ending: str) -> Labels:
    return labels.having({NAME: labels.name + ending})
