"""Functions of histograms, native ones and classic ones made of ``le`` buckets."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from monitor.core import patience, quantiles
from monitor.core.histograms import HistogramBlock
from monitor.core.labels import Labels, once
from monitor.promql.functions import remarks
from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Cells, Floats, Ints, Mask, Notes, Vector, nameless, piled

_NUMBER = re.compile(r"[+-]?(?:inf(?:inity)?|nan|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)", re.IGNORECASE)
# differences between buckets below this are rounding, not falling counts
_TOLERANCE = 1e-12


def _native(vector: Vector, read: Callable[[HistogramBlock, Cells], Floats]) -> Vector:
    """One number per histogram."""
    values, found = np.zeros(vector.values.shape), np.zeros(vector.values.shape, dtype=bool)
    with np.errstate(all="ignore"):
        for cells in vector.histograms:
            patience.look()
            values.reshape(-1)[cells.place] = read(cells.block, cells)
            found.reshape(-1)[cells.place] = True
    return Vector(nameless(vector.labels), values, found)


@function("vector")
def histogram_count(_: Context, vector: Vector) -> Vector:
    """Number of observations in each native histogram."""
    return _native(vector, lambda block, _: block.count)


@function("vector")
def histogram_sum(_: Context, vector: Vector) -> Vector:
    """Sum of observations in each native histogram."""
    return _native(vector, lambda block, _: block.total)


@function("vector")
def histogram_avg(_: Context, vector: Vector) -> Vector:
    """Mean of the observations in each native histogram."""
    return _native(vector, lambda block, _: block.total / block.count)


@function("vector")
def histogram_stdvar(_: Context, vector: Vector) -> Vector:
    """Estimated variance of the observations in each native histogram."""
    return _native(vector, lambda block, _: quantiles.variance(block))


@function("vector")
def histogram_stddev(_: Context, vector: Vector) -> Vector:
    """Estimated standard deviation of the observations in each native histogram."""
    return _native(vector, lambda block, _: np.sqrt(quantiles.variance(block)))


@function("scalar", "vector")
def histogram_quantile(context: Context, q: Floats, vector: Vector) -> Vector:
    """The quantile (0 to 1) of histograms, native or classic ``le`` buckets."""
    return _quantile(context, q, vector)


@function("vector", "string", "scalar", "scalar", optional=9)
def histogram_quantiles(context: Context, vector: Vector, label: str, *shares: Floats) -> Vector:
    """Several quantiles at once, told apart by a label."""
    results = []
    for q in shares:
        answer = _quantile(context, q, vector)
        text = remarks.go_number(float(q[0])) if len(q) else ""
        results.append(answer.with_labels([labels.having({label: text}) for labels in answer.labels]))
    return piled(results, vector.steps)


def _quantile(context: Context, q: Floats, vector: Vector) -> Vector:
    notes = context.notes
    for wrong in np.unique(q[~((q >= 0) & (q <= 1))]):
        if len(vector.labels):
            remarks.invalid_quantile(notes, float(wrong))
    native, groups = _separated(notes, vector)

    def read(block: HistogramBlock, cells: Cells) -> Floats:
        answer = quantiles.quantile(block, q[cells.place % vector.steps])
        for flags, what in ((answer.nan_result, "NaN"), (answer.skewed, "skewed higher")):
            for row in np.unique(cells.place[flags] // vector.steps):
                name = remarks.named(vector.labels[row].name)
                notes.inform(f"input to histogram_quantile has NaN observations, result is {what}{name}")
        return answer.values

    def classic(buckets: Buckets, steps: Ints) -> Floats:
        values, forced = _bucket_quantile(buckets, q[steps])
        if forced:
            notes.inform(
                "input to histogram_quantile needed to be fixed for monotonicity (see"
                " https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
                # delayed name removal is off, so the name is gone by now
            )
        return values

    return _answers(vector, native, groups, read, classic)


@function("scalar", "scalar", "vector")
def histogram_fraction(context: Context, lower: Floats, upper: Floats, vector: Vector) -> Vector:
    """Estimated share of observations between two bounds, for native and classic histograms."""
    native, groups = _separated(context.notes, vector)

    def read(block: HistogramBlock, cells: Cells) -> Floats:
        steps = cells.place % vector.steps
        answer = quantiles.fraction(block, lower[steps], upper[steps])
        for row in np.unique(cells.place[answer.excluded] // vector.steps):
            name = remarks.named(vector.labels[row].name)
            context.notes.inform(
                f"input to histogram_fraction has NaN observations, which are excluded from all fractions{name}"
            )
        return answer.values

    def classic(buckets: Buckets, steps: Ints) -> Floats:
        return _bucket_fraction(buckets, lower[steps], upper[steps])

    return _answers(vector, native, groups, read, classic)


@dataclass(slots=True)
class Buckets:
    """One classic histogram: upper bounds ascending, each once, and cumulative counts (bounds, steps)."""

    bounds: Floats
    counts: Floats


@dataclass(slots=True)
class Group:
    """The rows that are the buckets of one classic histogram, by ascending bound; ``present`` (rows, steps)."""

    labels: Labels
    rows: Ints
    bounds: Floats
    present: Mask

    def patterns(self, values: Floats) -> Iterator[tuple[Ints, Buckets]]:
        """(steps, buckets) for each set of buckets that occurs together."""
        kinds, which = np.unique(self.present, axis=1, return_inverse=True)
        for number, kind in enumerate(kinds.T):
            patience.look()
            if kind.any():
                steps = np.flatnonzero(which.reshape(-1) == number)
                yield steps, _buckets(self.bounds[kind], values[self.rows[kind]][:, steps])


def _buckets(bounds: Floats, counts: Floats) -> Buckets:
    """Bounds that occur twice (1 and 1.0) made one."""
    starts = np.flatnonzero(np.diff(bounds, prepend=np.nan) != 0)
    if len(starts) == len(bounds):
        return Buckets(bounds, counts)
    return Buckets(bounds[starts], np.add.reduceat(counts, starts, axis=0))


def _separated(notes: Notes, vector: Vector) -> tuple[Vector, list[Group]]:
    """The native histograms, and the classic ones; where both claim one name neither counts."""
    filled, labels = vector.floats.any(axis=1), vector.labels
    if filled.all():
        classic = once(labels, "le", lambda: _by_bound(labels, range(len(labels))))
    else:
        classic = _by_bound(labels, np.flatnonzero(filled).tolist())
    for text, metric in classic.malformed:
        notes.warn(
            f'bucket label "le" is missing or has a malformed value of {remarks.quoted(text)}'
            f"{remarks.named(metric)}"
        )
    native = Vector(labels, vector.values, np.zeros_like(vector.floats), vector.histograms)
    own = {one: row for row, one in enumerate(labels)} if vector.histograms else {}
    has_native = vector.histogram_mask() if vector.histograms else None
    groups = []
    for name, rows, bounds in patience.each(classic.members):
        present = vector.floats[rows]
        if has_native is not None and name in own:
            clash = present.any(axis=0) & has_native[own[name]]
            if clash.any():
                notes.warn(
                    f"vector contains a mix of classic and native histograms{remarks.named(name.name)}"
                )
                present = present & ~clash
                allowed = np.ones(vector.values.shape, dtype=bool)
                allowed[own[name]] = ~clash
                native = native.where(allowed)
        groups.append(Group(name, rows, bounds, present))
    return native, groups


@dataclass(frozen=True, slots=True)
class _Classic:
    """Labels without ``le``, rows and bounds of each classic histogram; (text, metric) of what has no bound."""

    members: list[tuple[Labels, Ints, Floats]]
    malformed: list[tuple[str, str]]


def _by_bound(labels: list[Labels], rows: Iterable[int]) -> _Classic:
    members: dict[Labels, list[tuple[float, int]]] = {}
    malformed = []
    for row in patience.each(list(rows)):
        text = labels[row].get("le", "")
        if _NUMBER.fullmatch(text) is None:
            malformed.append((text, labels[row].name))
        else:
            members.setdefault(labels[row].drop(("le",)), []).append((float(text), row))
    found = []
    for name, pairs in members.items():
        pairs.sort()
        found.append((name, np.array([row for _, row in pairs]), np.array([bound for bound, _ in pairs])))
    return _Classic(found, malformed)


def _answers(
    vector: Vector,
    native: Vector,
    groups: list[Group],
    read: Callable[[HistogramBlock, Cells], Floats],
    classic: Callable[[Buckets, Ints], Floats],
) -> Vector:
    parts = [_native(native, read)] if native.histograms else []
    values = np.zeros((len(groups), vector.steps))
    found = np.zeros(values.shape, dtype=bool)
    alike: dict[bytes, list[int]] = {}
    with np.errstate(all="ignore"):
        for row, group in enumerate(groups):
            patience.look()
            if group.present.all():
                found[row] = True
                alike.setdefault(group.bounds.tobytes(), []).append(row)
                continue
            found[row] = group.present.any(axis=0)
            for steps, buckets in group.patterns(vector.values):
                values[row, steps] = classic(buckets, steps)
        for rows in alike.values():
            patience.look()
            values[rows] = _side_by_side(vector.values, [groups[row] for row in rows], classic)
    parts.append(Vector(nameless(group.labels for group in groups), values, found))
    return piled([part.without_empty_rows() for part in parts], vector.steps)


def _side_by_side(values: Floats, groups: list[Group], classic: Callable[[Buckets, Ints], Floats]) -> Floats:
    """Whole histograms of the same bounds, worked out as if they were further steps of one."""
    steps, many = values.shape[1], len(groups)
    rows = np.stack([group.rows for group in groups], axis=1)
    buckets = _buckets(groups[0].bounds, values[rows].reshape(len(rows), many * steps))
    return classic(buckets, np.tile(np.arange(steps), many)).reshape(many, steps)


def _bucket_quantile(buckets: Buckets, q: Floats) -> tuple[Floats, bool]:
    """Prometheus' rules: linear within a bucket, 0 as the natural lower end, no guess beyond the last bound."""
    bounds, counts = buckets.bounds, buckets.counts
    outside = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, np.nan))
    if bounds[-1] != np.inf:
        return np.where((q >= 0) & (q <= 1), np.nan, outside), False
    counts, forced = _rising(counts)
    if len(bounds) < 2:
        return np.where((q >= 0) & (q <= 1), np.nan, outside), False
    observations = counts[-1]
    rank = q * observations
    reached = counts[:-1] >= rank
    bucket = np.where(reached.any(axis=0), reached.argmax(axis=0), len(bounds) - 1)
    step = np.arange(counts.shape[1])
    inner = np.minimum(bucket, len(bounds) - 2)
    previous = np.maximum(inner - 1, 0)
    start = np.where(inner > 0, bounds[previous], 0.0)
    below = np.where(inner > 0, counts[previous, step], 0.0)
    share = (rank - below) / (counts[inner, step] - below)
    values = start + (bounds[inner] - start) * share
    values = np.where((inner == 0) & (bounds[0] <= 0), bounds[0], values)
    values = np.where(bucket == len(bounds) - 1, bounds[-2], values)
    values = np.where(observations == 0, np.nan, values)
    valid = (q >= 0) & (q <= 1)
    return np.where(valid, values, outside), bool((forced & valid).any())


def _rising(counts: Floats) -> tuple[Floats, Mask]:
    """Counts made monotonic along the bounds, and the steps where that changed more than rounding."""
    forced = np.zeros(counts.shape[1], dtype=bool)
    higher, lower = counts[1:], counts[:-1]
    gained = higher - lower
    if ((gained == 0) | (gained >= _TOLERANCE * (np.abs(higher) + np.abs(lower)))).all():
        return counts, forced
    result = counts.copy()
    for row in range(1, len(counts)):
        patience.look()
        previous, current = result[row - 1], result[row]
        size = np.abs(previous) + np.abs(current)
        near = np.abs(current - previous) < _TOLERANCE * np.minimum(size, np.finfo(np.float64).max)
        falls = (current < previous) & ~near
        forced |= falls
        result[row] = np.where(near | falls, previous, current)
    return result, forced


def _bucket_fraction(buckets: Buckets, lower: Floats, upper: Floats) -> Floats:
    bounds, counts = buckets.bounds, buckets.counts
    if bounds[-1] != np.inf:
        return np.full(counts.shape[1], np.nan)
    count = counts[-1]
    share = (_bucket_rank(buckets, upper) - _bucket_rank(buckets, lower)) / count
    share = np.where(lower >= upper, 0.0, share)
    return np.where((count == 0) | np.isnan(lower) | np.isnan(upper), np.nan, share)


def _bucket_rank(buckets: Buckets, at: Floats) -> Floats:
    bounds, counts = buckets.bounds, buckets.counts
    place = np.searchsorted(bounds, at, side="right")
    step = np.arange(counts.shape[1])
    inside = np.minimum(place, len(bounds) - 1)
    before = np.maximum(inside - 1, 0)
    # the first bucket starts at 0, unless it reaches below
    low = np.where(inside > 0, bounds[before], 0.0 if bounds[0] > 0 else -np.inf)
    below = np.where(inside > 0, counts[before, step], 0.0)
    part = np.where(low == -np.inf, 1.0, (at - low) / (bounds[inside] - low))
    rank = below + (counts[inside, step] - below) * np.where(at <= low, 0.0, part)
    return np.asarray(np.where(place >= len(bounds), counts[-1], np.minimum(rank, counts[-1])))
