"""Native histograms of remote-write as ours: spans and deltas become bucket indices and counts."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from monitor.core.histograms import CUSTOM_SCHEMA, DEFAULT_ZERO_THRESHOLD, Floats, HistogramRun, Ints
from monitor.core.samples import STALE_BITS
from monitor.ingest.wire.remote_write_pb2 import Histogram, Span

MAX_BUCKETS = 10_000
SCHEMAS = range(-4, 9)
GAUGE_HINT = 3


class BadHistogramError(ValueError):
    """A histogram that contradicts itself. The sender has to mend it."""


def run_of(histogram: Histogram) -> HistogramRun | None:
    """One sample as a run of one; None for a staleness marker. Raises BadHistogramError."""
    if np.float64(histogram.sum).view(np.uint64) == STALE_BITS:
        return None
    custom = histogram.schema == CUSTOM_SCHEMA
    if not custom and histogram.schema not in SCHEMAS:
        message = f"schema {histogram.schema} is unknown; use -4 to 8, or -53 with custom_values"
        raise BadHistogramError(message)
    whole = histogram.WhichOneof("count") == "count_int"
    positive_index = _indices(histogram.positive_spans)
    negative_index = _indices(histogram.negative_spans)
    run = HistogramRun(
        times=np.array([histogram.timestamp], dtype=np.int64),
        count=_one(histogram.count_int if whole else histogram.count_float),
        total=_one(histogram.sum),
        zero=_one(histogram.zero_count_int if whole else histogram.zero_count_float),
        schema=histogram.schema,
        zero_threshold=histogram.zero_threshold or (0.0 if custom else DEFAULT_ZERO_THRESHOLD),
        positive_index=positive_index,
        positive=_counts(
            positive_index, histogram.positive_deltas if whole else histogram.positive_counts, whole=whole
        ),
        negative_index=negative_index,
        negative=_counts(
            negative_index, histogram.negative_deltas if whole else histogram.negative_counts, whole=whole
        ),
        custom_bounds=_bounds(histogram.custom_values) if custom else (),
        gauge=histogram.reset_hint == GAUGE_HINT,
    )
    _check(run, custom=custom, whole=whole)
    return run


def _one(value: float) -> Floats:
    return np.array([value], dtype=np.float64)


def _indices(spans: Iterable[Span]) -> Ints:
    parts: list[Ints] = []
    at, total = 0, 0
    for n, span in enumerate(spans):
        if n and span.offset < 0:
            message = f"span {n} starts inside the one before it"
            raise BadHistogramError(message)
        total += span.length
        if total > MAX_BUCKETS:
            message = f"more than {MAX_BUCKETS} buckets"
            raise BadHistogramError(message)
        at += span.offset
        parts.append(np.arange(at, at + span.length, dtype=np.int64))
        at += span.length
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)


def _counts(index: Ints, sent: Sequence[float], *, whole: bool) -> Floats:
    if len(sent) != len(index):
        message = f"spans say {len(index)} buckets, but {len(sent)} counts were sent"
        raise BadHistogramError(message)
    row = np.array(sent, dtype=np.int64 if whole else np.float64)
    counts: Floats = (np.cumsum(row) if whole else row).astype(np.float64)[None, :]
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        message = "a bucket holds less than nothing"
        raise BadHistogramError(message)
    return counts


def _bounds(values: Sequence[float]) -> tuple[float, ...]:
    bounds = tuple(values)
    if any(not math.isfinite(bound) for bound in bounds) or list(bounds) != sorted(set(bounds)):
        message = "custom bounds are not finite and ascending"
        raise BadHistogramError(message)
    return bounds


def _check(run: HistogramRun, *, custom: bool, whole: bool) -> None:
    if not math.isfinite(run.count[0]) or run.count[0] < 0 or not run.zero[0] >= 0:
        message = "the count is not a number of at least 0"
        raise BadHistogramError(message)
    if custom and (len(run.negative_index) or run.positive_index.max(initial=0) > len(run.custom_bounds)):
        message = "more buckets than custom bounds allow"
        raise BadHistogramError(message)
    if not (math.isfinite(run.zero_threshold) and run.zero_threshold >= 0):
        message = "the zero threshold is not a number of at least 0"
        raise BadHistogramError(message)
    held = run.positive.sum() + run.negative.sum() + run.zero[0]
    # NaN observations are counted but fall into no bucket; float histograms may be sums of anything
    if whole and held > run.count[0] * (1 + 1e-9) + 1e-9:
        message = f"the buckets hold {held:g} observations, the count says {run.count[0]:g}"
        raise BadHistogramError(message)
