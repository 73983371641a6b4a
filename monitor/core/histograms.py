"""Native (exponential) histograms in columns: many samples of one series, one layout, one matrix.

Source: Prometheus native histogram specification. Schema s has bounds 2**(i/2**s); bucket i holds
(2**((i-1)/2**s), 2**(i/2**s)]. Schema -53 means custom bounds (an "NHCB").
"""

import math
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CUSTOM_SCHEMA = -53
DEFAULT_ZERO_THRESHOLD = 2.0**-128


def _no_index() -> Ints:
    return np.empty(0, dtype=np.int64)


@dataclass(slots=True)
class HistogramRun:
    """n consecutive histogram samples of one series that share schema, zero threshold and custom bounds.

    Shapes: times, count, total, zero (n,); positive (n, len(positive_index)); negative likewise. Counts are
    absolute per bucket (never deltas to neighbours). Bucket columns are in ascending index order.
    ``gauge`` marks histograms that may go down (no counter resets are looked for).
    """

    times: Ints
    count: Floats
    total: Floats
    zero: Floats
    schema: int = 5
    zero_threshold: float = DEFAULT_ZERO_THRESHOLD
    positive_index: Ints = field(default_factory=_no_index)
    positive: Floats = field(default_factory=lambda: np.empty((0, 0)))
    negative_index: Ints = field(default_factory=_no_index)
    negative: Floats = field(default_factory=lambda: np.empty((0, 0)))
    custom_bounds: tuple[float, ...] = ()
    gauge: bool = False


def bucket_index(values: Floats, schema: int) -> Ints:
    """The bucket of each positive value under ``schema``: the least i with value <= 2**(i/2**schema)."""
    mantissa, exponent = np.frexp(values)
    bounds = np.exp2(np.arange(2**schema) / 2**schema - 1.0)
    # frexp gives mantissa in [0.5, 1): bounds[0] == 0.5 is the upper edge of the octave below
    inside = np.searchsorted(bounds, mantissa, side="left")
    index: Ints = (exponent.astype(np.int64) - 1) * 2**schema + inside
    return index


def bucket_of(value: float, schema: int) -> int:
    """``bucket_index`` of a single value."""
    mantissa, exponent = math.frexp(value)
    return ((exponent - 1) << schema) + bisect_left(_bounds(schema), mantissa)


@cache
def _bounds(schema: int) -> list[float]:
    found: list[float] = np.exp2(np.arange(2**schema) / 2**schema - 1.0).tolist()
    return found


MAX_FLOAT = float(np.finfo(np.float64).max)


@dataclass(slots=True)
class HistogramBlock:
    """m histograms of one layout, in columns, free of time: what arithmetic works on.

    Shapes as in HistogramRun. A missing bucket and a bucket of 0 are the same.
    """

    count: Floats
    total: Floats
    zero: Floats
    positive: Floats
    negative: Floats
    positive_index: Ints
    negative_index: Ints
    schema: int
    zero_threshold: float
    custom_bounds: tuple[float, ...] = ()
    gauge: bool = False

    def __len__(self) -> int:
        return len(self.count)

    @property
    def layout(self) -> tuple[int, float, tuple[float, ...], bool]:
        return (self.schema, self.zero_threshold, self.custom_bounds, self.gauge)

    @property
    def custom(self) -> bool:
        return self.schema == CUSTOM_SCHEMA

    def take(self, rows: Ints | npt.NDArray[np.bool_] | slice) -> "HistogramBlock":
        """These rows; a slice shares memory."""
        if isinstance(rows, slice):
            positive, negative = self.positive[rows], self.negative[rows]
            return self._with(self.count[rows], self.total[rows], self.zero[rows], positive, negative)
        if rows.dtype == np.bool_:
            rows = np.flatnonzero(rows)
        return self._with(
            self.count.take(rows),
            self.total.take(rows),
            self.zero.take(rows),
            self.positive.take(rows, axis=0),
            self.negative.take(rows, axis=0),
        )

    def times(self, factor: Floats | float) -> "HistogramBlock":
        wide = factor[:, None] if isinstance(factor, np.ndarray) else factor
        return self._with(
            self.count * factor,
            self.total * factor,
            self.zero * factor,
            self.positive * wide,
            self.negative * wide,
        )

    def over(self, divisor: Floats) -> "HistogramBlock":
        """Divided; division by zero leaves no buckets, as in Prometheus."""
        with np.errstate(divide="ignore", invalid="ignore"):
            wide = divisor[:, None]
            nothing = wide == 0
            return self._with(
                self.count / divisor,
                self.total / divisor,
                self.zero / divisor,
                np.where(nothing, 0.0, self.positive / np.where(nothing, 1.0, wide)),
                np.where(nothing, 0.0, self.negative / np.where(nothing, 1.0, wide)),
            )

    def as_gauge(self) -> "HistogramBlock":
        block = self.take(slice(None))
        block.gauge = True
        return block

    def _with(
        self, count: Floats, total: Floats, zero: Floats, positive: Floats, negative: Floats
    ) -> "HistogramBlock":
        return HistogramBlock(
            count,
            total,
            zero,
            positive,
            negative,
            self.positive_index,
            self.negative_index,
            self.schema,
            self.zero_threshold,
            self.custom_bounds,
            self.gauge,
        )


def block_of(run: HistogramRun) -> HistogramBlock:
    """The run without its times; shares its arrays."""
    rows = len(run.count)
    positive = run.positive if len(run.positive_index) else np.empty((rows, 0))
    negative = run.negative if len(run.negative_index) else np.empty((rows, 0))
    return HistogramBlock(
        run.count,
        run.total,
        run.zero,
        positive,
        negative,
        run.positive_index,
        run.negative_index,
        run.schema,
        0.0 if run.schema == CUSTOM_SCHEMA else run.zero_threshold,
        run.custom_bounds,
        run.gauge,
    )


def upper_bounds(index: Ints, schema: int, custom_bounds: tuple[float, ...] = ()) -> Floats:
    """The upper bound of each bucket index; one beyond the largest float is the largest float."""
    if schema == CUSTOM_SCHEMA:
        edges = np.array([-np.inf, *custom_bounds, np.inf])
        return np.asarray(edges[np.clip(index + 1, 0, len(edges) - 1)])
    with np.errstate(over="ignore"):
        if schema < 0:
            exponent = index << -schema
            return np.where(exponent == 1024, MAX_FLOAT, np.ldexp(1.0, exponent))
        fraction = index & ((1 << schema) - 1)
        exponent = (index >> schema) + 1
        bounds = np.ldexp(np.exp2(fraction / (1 << schema)) * 0.5, exponent)
        return np.where((fraction == 0) & (exponent == 1025), MAX_FLOAT, bounds)


def spread(counts: Floats, index: Ints, onto: Ints) -> Floats:
    """The bucket columns of ``index`` as columns of ``onto``, which holds all of them; others are 0."""
    if len(index) == len(onto):
        return counts
    wide = np.zeros((len(counts), len(onto)))
    wide[:, np.searchsorted(onto, index)] = counts
    return wide


def coarser(block: HistogramBlock, schema: int) -> HistogramBlock:
    """The same histograms at a lower resolution: buckets merge, nothing is estimated."""
    if schema == block.schema:
        return block
    shift = block.schema - schema
    positive_index, positive = _merged(block.positive_index, block.positive, shift)
    negative_index, negative = _merged(block.negative_index, block.negative, shift)
    result = block._with(block.count, block.total, block.zero, positive, negative)  # noqa: SLF001 - same class
    result.positive_index, result.negative_index, result.schema = positive_index, negative_index, schema
    return result


def _merged(index: Ints, counts: Floats, shift: int) -> tuple[Ints, Floats]:
    if not len(index):
        return index, counts
    target = ((index - 1) >> shift) + 1
    starts = np.flatnonzero(np.diff(target, prepend=target[0] - 1))
    return target[starts], np.add.reduceat(counts, starts, axis=1)


def widened(block: HistogramBlock, threshold: float) -> list[tuple[Ints, HistogramBlock]]:
    """The histograms with the zero bucket grown to ``threshold``: (rows, block) pairs covering all rows.

    Where the threshold would cut a populated bucket, the zero bucket takes that bucket whole, so rows may
    end up with different thresholds.
    """
    rows = np.arange(len(block))
    if threshold <= block.zero_threshold:
        return [(rows, block)]
    cut = np.zeros(len(block), dtype=bool)
    edge = threshold
    kept = []
    for index, counts in ((block.positive_index, block.positive), (block.negative_index, block.negative)):
        upper, lower = upper_bounds(index, block.schema), upper_bounds(index - 1, block.schema)
        within = (lower < threshold) & (upper > threshold)
        if within.any():
            cut |= (counts[:, within] != 0).any(axis=1)
            edge = float(upper[within][0])
        kept.append(lower >= threshold)
    pieces = [(rows[cut][part], grown) for part, grown in widened(block.take(cut), edge)] if cut.any() else []
    if cut.all():
        return pieces
    rest = block.take(~cut)
    absorbed = rest.positive[:, ~kept[0]].sum(axis=1) + rest.negative[:, ~kept[1]].sum(axis=1)
    grown = rest._with(  # noqa: SLF001 - same class
        rest.count, rest.total, rest.zero + absorbed, rest.positive[:, kept[0]], rest.negative[:, kept[1]]
    )
    grown.positive_index, grown.negative_index = rest.positive_index[kept[0]], rest.negative_index[kept[1]]
    grown.zero_threshold = threshold
    return [*pieces, (rows[~cut], grown)]


class UnlikeHistogramsError(ValueError):
    """Histograms whose buckets can't be brought together: exponential with custom, or other custom bounds."""

    def __init__(self, *, mixed: bool) -> None:
        super().__init__("exponential and custom buckets" if mixed else "custom buckets with other bounds")
        self.mixed = mixed


def check_alike(a: HistogramBlock, b: HistogramBlock) -> None:
    if a.custom != b.custom:
        raise UnlikeHistogramsError(mixed=True)
    if a.custom_bounds != b.custom_bounds:
        raise UnlikeHistogramsError(mixed=False)


def aligned(a: HistogramBlock, b: HistogramBlock) -> list[tuple[Ints, HistogramBlock, HistogramBlock]]:
    """Row by row brought to one layout: (rows, a, b) triples covering all rows; raises UnlikeHistogramsError."""
    check_alike(a, b)
    done, waiting = [], [(np.arange(len(a)), a, b)]
    while waiting:
        rows, left, right = waiting.pop()
        if left.zero_threshold == right.zero_threshold:
            done.append((rows, *_same_columns(left, right)))
        elif left.zero_threshold < right.zero_threshold:
            pieces = widened(left, right.zero_threshold)
            waiting += [(rows[part], grown, right.take(part)) for part, grown in pieces]
        else:
            pieces = widened(right, left.zero_threshold)
            waiting += [(rows[part], left.take(part), grown) for part, grown in pieces]
    return done


def _same_columns(a: HistogramBlock, b: HistogramBlock) -> tuple[HistogramBlock, HistogramBlock]:
    if not a.custom:
        schema = min(a.schema, b.schema)
        a, b = coarser(a, schema), coarser(b, schema)
    positive = np.union1d(a.positive_index, b.positive_index)
    negative = np.union1d(a.negative_index, b.negative_index)
    return with_columns(a, positive, negative), with_columns(b, positive, negative)


def with_columns(block: HistogramBlock, positive: Ints, negative: Ints) -> HistogramBlock:
    """The block over these bucket indices, which hold all of its own."""
    if len(positive) == len(block.positive_index) and len(negative) == len(block.negative_index):
        return block
    wide = block._with(  # noqa: SLF001 - same class
        block.count,
        block.total,
        block.zero,
        spread(block.positive, block.positive_index, positive),
        spread(block.negative, block.negative_index, negative),
    )
    wide.positive_index, wide.negative_index = positive, negative
    return wide


def added(a: HistogramBlock, b: HistogramBlock, sign: float = 1.0) -> list[tuple[Ints, HistogramBlock]]:
    """Row by row a + sign·b; (rows, block) pairs covering all rows; raises UnlikeHistogramsError."""
    results = []
    for rows, left, right in aligned(a, b):
        total = left._with(  # noqa: SLF001 - same class
            left.count + sign * right.count,
            left.total + sign * right.total,
            left.zero + sign * right.zero,
            left.positive + sign * right.positive,
            left.negative + sign * right.negative,
        )
        total.gauge = a.gauge or b.gauge
        results.append((rows, total))
    return results


def stacked(blocks: list[HistogramBlock]) -> HistogramBlock:
    """Blocks of one layout as one, rows in order, over the union of their bucket columns."""
    if len(blocks) == 1:
        return blocks[0]
    first = blocks[0]
    positive, negative = first.positive_index, first.negative_index
    for block in blocks[1:]:
        if not np.array_equal(block.positive_index, positive):
            positive = np.union1d(positive, block.positive_index)
        if not np.array_equal(block.negative_index, negative):
            negative = np.union1d(negative, block.negative_index)
    wide = [with_columns(block, positive, negative) for block in blocks]
    result = first._with(  # noqa: SLF001 - same class
        np.concatenate([block.count for block in wide]),
        np.concatenate([block.total for block in wide]),
        np.concatenate([block.zero for block in wide]),
        np.concatenate([block.positive for block in wide]),
        np.concatenate([block.negative for block in wide]),
    )
    result.positive_index, result.negative_index = positive, negative
    return result


def equal_rows(a: HistogramBlock, b: HistogramBlock) -> npt.NDArray[np.bool_]:
    """Which histograms are the same, layout included."""
    if (a.schema, a.zero_threshold, a.custom_bounds) != (b.schema, b.zero_threshold, b.custom_bounds):
        return np.zeros(len(a), dtype=bool)
    a, b = _same_columns(a, b)
    same_total = (a.total == b.total) | (np.isnan(a.total) & np.isnan(b.total))
    scalars = (a.count == b.count) & same_total & (a.zero == b.zero)
    buckets = (a.positive == b.positive).all(axis=1) & (a.negative == b.negative).all(axis=1)
    return np.asarray(scalars & buckets)


def reset_rows(previous: HistogramBlock, current: HistogramBlock) -> npt.NDArray[np.bool_]:
    """Where a counter histogram must have started anew between ``previous`` and ``current``, row by row."""
    everything = np.ones(len(current), dtype=bool)
    if previous.custom != current.custom or previous.custom_bounds != current.custom_bounds:
        return everything
    if current.schema > previous.schema or current.zero_threshold < previous.zero_threshold:
        return everything
    reset = current.count < previous.count
    for rows, grown in widened(previous, current.zero_threshold):
        if grown.zero_threshold != current.zero_threshold:
            reset[rows] = True
            continue
        whole = len(rows) == len(current)
        before, after = _same_columns(grown, current if whole else current.take(rows))
        fell = (after.positive < before.positive).any(axis=1) | (after.negative < before.negative).any(axis=1)
        reset[rows] |= fell | (after.zero < before.zero)
    return np.asarray(reset)
