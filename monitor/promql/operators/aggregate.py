"""sum, avg, topk and the other aggregations: rows grouped by labels, all steps at once."""

from collections.abc import Callable, Iterator

import numpy as np

from monitor.core import patience
from monitor.core.histograms import UnlikeHistogramsError, added
from monitor.promql import tree
from monitor.promql.errors import ExecutionError
from monitor.promql.functions import remarks
from monitor.promql.functions.over_time import careful_sum
from monitor.promql.operators.count_values import count_values
from monitor.promql.operators.groups import Afford, Grouping, grouping
from monitor.promql.operators.lots import lot
from monitor.promql.values import Cells, Floats, Ints, Mask, Notes, Vector, empty, joined

_CANCELLED = 1e-7
FEW = 8_192
# values that are put in order between two looks at the time
SORTED_AT_ONCE = 262_144


def aggregate(
    node: tree.Aggregation, vector: Vector, param: Floats | str | None, notes: Notes, afford: Afford
) -> Vector:
    if not vector.labels:
        return empty(vector.steps)
    if node.op == "count_values":
        assert isinstance(param, str)
        return count_values(node, vector, param, afford)
    groups = grouping(vector.labels, node)
    # staleness markers lie where no value counts; arithmetic stumbles over them
    with np.errstate(all="ignore"):
        if node.op in _SELECTING:
            assert isinstance(param, np.ndarray)
            return _SELECTING[node.op](vector, groups, param, notes)
        if node.op == "quantile":
            assert isinstance(param, np.ndarray)
            return _quantile(vector, groups, param, notes)
        return _PLAIN[node.op](vector, groups, notes)


def _counts(mask: Mask, groups: Grouping) -> Ints:
    if mask.all():
        counts = np.empty((len(groups.starts), mask.shape[1]), dtype=np.int64)
        counts[:-1, 0] = groups.starts[1:] - groups.starts[:-1]
        counts[-1, 0] = len(mask) - groups.starts[-1]
        counts[:, 1:] = counts[:, :1]
        return counts
    return np.add.reduceat(mask[groups.order], groups.starts, axis=0, dtype=np.int64)


def _reduced(operation: np.ufunc, values: Floats, groups: Grouping) -> Floats:
    """Per group over its rows; where that is much, groups are handled one by one: that spares a sorted copy."""
    if values.size <= FEW:
        reduced: Floats = operation.reduceat(values[groups.order], groups.starts, axis=0)
        return reduced
    result = np.empty((len(groups.labels), values.shape[1]))
    for place, rows in enumerate(patience.each(groups.rows)):
        if len(rows) == 1:
            result[place] = values[rows[0]]
        elif len(rows) == len(values):
            operation.reduce(values, axis=0, out=result[place])
        else:
            operation.reduce(values[rows], axis=0, out=result[place])
    return result


def _sums(vector: Vector, groups: Grouping) -> Floats:
    values = vector.values if vector.floats.all() else np.where(vector.floats, vector.values, 0.0)
    totals = _reduced(np.add, values, groups)
    if not (values >= 0).all():
        doubtful = np.abs(totals) < _reduced(np.add, np.abs(values), groups) * _CANCELLED
        members = groups.rows
        for group, step in np.argwhere(doubtful):
            patience.look()
            totals[group, step] = careful_sum(values[members[group], step])
    return totals


def _sum(vector: Vector, groups: Grouping, notes: Notes) -> Vector:
    counts = _counts(vector.floats, groups)
    result = Vector(groups.labels, _sums(vector, groups), counts > 0)
    return _with_histograms(vector, groups, notes, result, mean=False)


def _avg(vector: Vector, groups: Grouping, notes: Notes) -> Vector:
    counts = _counts(vector.floats, groups)
    totals = _sums(vector, groups)
    values = totals / counts
    members = groups.rows
    for group, step in np.argwhere(np.isinf(totals)):
        patience.look()
        samples = vector.values[members[group], step][vector.floats[members[group], step]]
        if np.isfinite(samples).all():
            values[group, step] = careful_sum(samples / len(samples))
    return _with_histograms(vector, groups, notes, Vector(groups.labels, values, counts > 0), mean=True)


def _with_histograms(vector: Vector, groups: Grouping, notes: Notes, result: Vector, *, mean: bool) -> Vector:
    """Adds the histograms' sums or means; a group that mixes kinds has no answer at that step."""
    if not vector.histograms:
        return result
    there = _counts(vector.histogram_mask(), groups)
    mixed = result.floats & (there > 0)
    if mixed.any():
        remarks.mixed_aggregation(notes)
    allowed = (there > 0) & ~mixed
    result.floats = result.floats & ~mixed
    sums, spoilt = _histogram_sums(vector, groups, allowed, notes)
    final = []
    for cells in sums:
        cells = cells.where(~spoilt.reshape(-1)[cells.place])  # noqa: PLW2901 - narrowed
        if len(cells.place):
            share = 1.0 / there.reshape(-1)[cells.place] if mean else 1.0
            final.append(Cells(cells.place, cells.block.times(share)))
    result.histograms = tuple(final)
    return result


def _histogram_sums(
    vector: Vector, groups: Grouping, allowed: Mask, notes: Notes
) -> tuple[tuple[Cells, ...], Mask]:
    """Sums per (group, step), and the places whose histograms do not go together."""
    steps = vector.steps
    spoilt = np.zeros(allowed.shape, dtype=bool)
    totals: tuple[Cells, ...] = ()
    for cells in vector.histograms:
        row, step = np.divmod(cells.place, steps)
        place = groups.group[row] * steps + step
        mine = allowed.reshape(-1)[place]
        if not mine.any():
            continue
        part = _summed(
            Cells(place, cells.block) if mine.all() else Cells(place[mine], cells.block.take(mine))
        )
        names = {vector.labels[one].name for one in np.unique(row[mine])}
        totals, unlike = _folded(totals, part, spoilt)
        for error in unlike:
            _remark(notes, names, error)
    return totals, spoilt


def _remark(notes: Notes, names: set[str], error: UnlikeHistogramsError) -> None:
    for name in sorted(names):
        remarks.unlike(notes, name, error)


def _summed(cells: Cells) -> Cells:
    """One layout: histograms at the same place added up."""
    if (cells.place[1:] > cells.place[:-1]).all():
        return cells
    order = np.argsort(cells.place, kind="stable")
    place = cells.place[order]
    starts = np.flatnonzero(np.diff(place, prepend=-1))
    block = cells.block
    if len(starts) == len(place):
        return Cells(place, block.take(order))
    result = block.take(order[starts])

    def total(column: Floats) -> Floats:
        return np.asarray(np.add.reduceat(column[order], starts, axis=0))

    result.count, result.total, result.zero = total(block.count), total(block.total), total(block.zero)
    result.positive, result.negative = total(block.positive), total(block.negative)
    return Cells(place[starts], result)


def _folded(
    totals: tuple[Cells, ...], part: Cells, spoilt: Mask
) -> tuple[tuple[Cells, ...], list[UnlikeHistogramsError]]:
    """``part`` added to the totals, place by place, whatever their layouts; marks the places it can't be."""
    results: list[Cells] = []
    unlike: list[UnlikeHistogramsError] = []
    for known in totals:
        both, mine, theirs = np.intersect1d(known.place, part.place, assume_unique=True, return_indices=True)
        if not len(both):
            results.append(known)
            continue
        alone = np.ones(len(known.place), dtype=bool)
        alone[mine] = False
        results.append(known.where(alone))
        try:
            for rows, block in added(known.block.take(mine), part.block.take(theirs)):
                results.append(Cells(both[rows], block))
        except UnlikeHistogramsError as error:
            spoilt.reshape(-1)[both] = True
            unlike.append(error)
        left = np.ones(len(part.place), dtype=bool)
        left[theirs] = False
        part = part.where(left)
    return joined([*results, part]), unlike


def _ignoring(vector: Vector, notes: Notes, op: str) -> None:
    if vector.histograms:
        remarks.ignored_in_aggregation(notes, op)


def _min(vector: Vector, groups: Grouping, notes: Notes) -> Vector:
    return _extreme(vector, groups, notes, np.fmin, "min")


def _max(vector: Vector, groups: Grouping, notes: Notes) -> Vector:
    return _extreme(vector, groups, notes, np.fmax, "max")


def _extreme(vector: Vector, groups: Grouping, notes: Notes, operation: np.ufunc, op: str) -> Vector:
    _ignoring(vector, notes, op)
    values = vector.values if vector.floats.all() else np.where(vector.floats, vector.values, np.nan)
    return Vector(groups.labels, _reduced(operation, values, groups), _counts(vector.floats, groups) > 0)


def _count(vector: Vector, groups: Grouping, _: Notes) -> Vector:
    counts = _counts(vector.present(), groups)
    return Vector(groups.labels, counts.astype(np.float64), counts > 0)


def _group(vector: Vector, groups: Grouping, _: Notes) -> Vector:
    found = _counts(vector.present(), groups) > 0
    return Vector(groups.labels, np.ones(found.shape), found)


def _stdvar(vector: Vector, groups: Grouping, notes: Notes) -> Vector:
    return _spread(vector, groups, notes, "stdvar")


def _stddev(vector: Vector, groups: Grouping, notes: Notes) -> Vector:
    result = _spread(vector, groups, notes, "stddev")
    return Vector(result.labels, np.sqrt(result.values), result.floats)


def _spread(vector: Vector, groups: Grouping, notes: Notes, op: str) -> Vector:
    _ignoring(vector, notes, op)
    counts = _counts(vector.floats, groups)
    # measured from the smallest value, so that equal values differ by exactly nothing
    least = _reduced(np.fmin, np.where(vector.floats, vector.values, np.nan), groups)
    values = np.where(vector.floats, vector.values - least[groups.group], 0.0)
    means = _reduced(np.add, values, groups) / counts
    away = np.where(vector.floats, values - means[groups.group], 0.0)
    return Vector(groups.labels, _reduced(np.add, away * away, groups) / counts, counts > 0)


def _quantile(vector: Vector, groups: Grouping, q: Floats, notes: Notes) -> Vector:
    _ignoring(vector, notes, "quantile")
    for wrong in np.unique(q[~((q >= 0) & (q <= 1))]):
        remarks.invalid_quantile(notes, float(wrong))
    counts = _counts(vector.floats, groups)
    values = np.empty(counts.shape)
    with np.errstate(all="ignore"):
        for place, rows in enumerate(groups.rows):
            for part in _parts(len(rows), vector.steps):
                given, there = vector.values[rows, part], vector.floats[rows, part]
                values[place, part] = _quantiles(given, there, counts[place, part], q[part])
    return Vector(groups.labels, values, counts > 0)


def _parts(rows: int, steps: int) -> Iterator[slice]:
    """Steps in parts small enough to be put in order between two looks."""
    width = max(1, SORTED_AT_ONCE // max(1, rows))
    for start in range(0, steps, width):
        patience.look()
        yield slice(start, start + width)


def _quantiles(values: Floats, floats: Mask, count: Ints, q: Floats) -> Floats:
    """Per column; NaN values rank lowest, as in Prometheus."""
    ordered = np.sort(np.where(floats, values, np.nan), axis=0)
    nans = (floats & np.isnan(values)).sum(axis=0)
    rank = np.nan_to_num(np.clip(q, 0, 1) * np.maximum(count - 1, 0))
    below = np.floor(rank).astype(np.int64)
    above = np.maximum(0, np.minimum(count - 1, below + 1))
    column = np.arange(values.shape[1])

    def at(place: Ints) -> Floats:
        return np.where(place < nans, np.nan, ordered[np.maximum(place - nans, 0), column])

    weight = rank - below
    result = at(below) * (1 - weight) + at(above) * weight
    result = np.where(q < 0, -np.inf, np.where(q > 1, np.inf, result))
    return np.where(np.isnan(q), np.nan, result)


def _topk(vector: Vector, groups: Grouping, k: Floats, notes: Notes) -> Vector:
    return _best(vector, groups, k, notes, sign=-1.0)


def _bottomk(vector: Vector, groups: Grouping, k: Floats, notes: Notes) -> Vector:
    return _best(vector, groups, k, notes, sign=1.0)


def _best(vector: Vector, groups: Grouping, k: Floats, notes: Notes, *, sign: float) -> Vector:
    _ignoring(vector, notes, "topk" if sign < 0 else "bottomk")
    limits = _whole(k)
    chosen = np.zeros(vector.values.shape, dtype=bool)
    sequence: list[int] = []
    for rows in groups.rows:
        for part in _parts(len(rows), vector.steps):
            order, absent = _ordered(vector.values[rows, part] * sign, ~vector.floats[rows, part])
            rank = np.empty_like(order)
            np.put_along_axis(rank, order, np.arange(len(rows))[:, None], axis=0)
            chosen[rows, part] = (rank < limits[part]) & ~absent
            if vector.steps == 1:
                sequence += rows[order[:, 0]].tolist()
    kept = vector.where(chosen)
    return (kept.rows(sequence) if vector.steps == 1 else kept).without_empty_rows()


def _ordered(keys: Floats, absent: Mask) -> tuple[Ints, Mask]:
    """The rows of each step, absent ones after NaN after numbers; and which are absent."""
    return np.lexsort((np.where(absent, 0.0, keys), np.isnan(keys), absent), axis=0), absent


def _whole(k: Floats) -> Ints:
    """The parameter as a count; refuses what is none."""
    if np.isnan(k).any():
        message = "Parameter value is NaN"
        raise ExecutionError(message)
    if (k >= 2.0**63).any() or (k < -(2.0**63)).any():
        message = f"Scalar value {float(k[np.abs(k).argmax()])!r} overflows int64"
        raise ExecutionError(message)
    return np.clip(k, -1, 2**31).astype(np.int64)


def _limitk(vector: Vector, groups: Grouping, k: Floats, _: Notes) -> Vector:
    limits = _whole(k)
    present = vector.present()
    chosen = np.zeros(present.shape, dtype=bool)
    for rows in patience.each(groups.rows):
        chosen[rows] = present[rows] & (np.cumsum(present[rows], axis=0) <= limits)
    return vector.where(chosen).without_empty_rows()


def _limit_ratio(vector: Vector, _: Grouping, ratio: Floats, notes: Notes) -> Vector:
    if np.isnan(ratio).any():
        message = "Ratio value is NaN"
        raise ExecutionError(message)
    capped = np.clip(ratio, -1.0, 1.0)
    for wrong in np.unique(ratio[ratio != capped]):
        held = remarks.go_number(1.0 if wrong > 0 else -1.0)
        notes.warn(
            f"ratio value should be between -1 and 1, got {remarks.go_number(float(wrong))}, capping to {held}"
        )
    place = np.array([lot(labels) for labels in patience.each(vector.labels)])[:, None]
    chosen = np.where(capped >= 0, place < capped, place >= 1.0 + capped)
    return vector.where(chosen).without_empty_rows()


_PLAIN: dict[str, Callable[[Vector, Grouping, Notes], Vector]] = {
    "sum": _sum,
    "avg": _avg,
    "min": _min,
    "max": _max,
    "count": _count,
    "group": _group,
    "stddev": _stddev,
    "stdvar": _stdvar,
}
_SELECTING: dict[str, Callable[[Vector, Grouping, Floats, Notes], Vector]] = {
    "topk": _topk,
    "bottomk": _bottomk,
    "limitk": _limitk,
    "limit_ratio": _limit_ratio,
}
