"""sum, avg, topk and the other aggregations: rows grouped by labels, all steps at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from monitor.core.histograms import HistogramBlock, UnlikeHistogramsError, added
from monitor.core.labels import NAME, Labels, Roster, once
from monitor.promql import tree
from monitor.promql.errors import ExecutionError
from monitor.promql.functions import remarks
from monitor.promql.functions.over_time import careful_sum
from monitor.promql.numbers import bucket_list, number_text
from monitor.promql.operators.lots import lot
from monitor.promql.values import Cells, Floats, Ints, Mask, Notes, Vector, empty, joined, piled

_CANCELLED = 1e-7
FEW = 8_192


@dataclass(slots=True)
class Grouping:
    """``group`` (n,) says where each row belongs; ``order`` sorts rows by group, ``starts`` cuts that order into
    the ``rows`` of each group.
    """

    labels: list[Labels]
    group: Ints
    order: Ints
    starts: Ints
    rows: list[Ints]


@lru_cache(maxsize=50_000)
def _key(labels: Labels, names: frozenset[str], without: bool) -> tuple[tuple[str, str], ...]:  # noqa: FBT001 - cached by position
    """The labels by which a series is grouped; the same series are grouped again and again."""
    if without:
        dropped = names | {NAME}
        return tuple(pair for pair in labels.items_sorted if pair[0] not in dropped)
    return tuple(pair for pair in labels.items_sorted if pair[0] in names)


def grouping(rows: list[Labels], node: tree.Aggregation) -> Grouping:
    names, without = frozenset(node.labels), node.without
    return once(rows, ("groups", names, without), lambda: _grouped(rows, names, without=without))


def _grouped(rows: list[Labels], names: frozenset[str], *, without: bool) -> Grouping:
    places: dict[tuple[tuple[str, str], ...], int] = {}
    group = np.empty(len(rows), dtype=np.int64)
    for row, labels in enumerate(rows):
        key = _key(labels, names, without) if names or without else ()
        group[row] = places.setdefault(key, len(places))
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(places)))
    members = np.split(order, starts[1:])
    return Grouping(Roster(Labels(key) for key in places), group, order, starts, members)


def aggregate(node: tree.Aggregation, vector: Vector, param: Floats | str | None, notes: Notes) -> Vector:
    if not vector.labels:
        return empty(vector.steps)
    groups = grouping(vector.labels, node)
    if node.op == "count_values":
        assert isinstance(param, str)
        return _count_values(node, vector, param)
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
        sizes = np.diff(groups.starts, append=len(mask))
        return np.repeat(sizes[:, None], mask.shape[1], axis=1)
    return np.add.reduceat(mask[groups.order], groups.starts, axis=0, dtype=np.int64)


def _reduced(operation: np.ufunc, values: Floats, groups: Grouping) -> Floats:
    """Per group over its rows; where that is much, groups are handled one by one: that spares a sorted copy."""
    if values.size <= FEW:
        reduced: Floats = operation.reduceat(values[groups.order], groups.starts, axis=0)
        return reduced
    result = np.empty((len(groups.labels), values.shape[1]))
    for place, rows in enumerate(groups.rows):
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
            values[place] = _quantiles(vector.values[rows], vector.floats[rows], counts[place], q)
    return Vector(groups.labels, values, counts > 0)


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
        keys = vector.values[rows] * sign
        # absent after NaN after numbers
        absent = ~vector.floats[rows]
        order = np.lexsort((np.where(absent, 0.0, keys), np.isnan(keys), absent), axis=0)
        if vector.steps == 1:
            first = order[: max(0, int(limits[0])), 0]
            chosen[rows[first]] = ~absent[first]
            sequence += rows[order[:, 0]].tolist()
            continue
        rank = np.empty_like(order)
        np.put_along_axis(rank, order, np.arange(len(rows))[:, None], axis=0)
        chosen[rows] = (rank < limits) & ~absent
        sequence += rows[order[:, 0]].tolist()
    kept = vector.where(chosen)
    return (kept.rows(sequence) if vector.steps == 1 else kept).without_empty_rows()


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
    for rows in groups.rows:
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
    place = np.array([lot(labels) for labels in vector.labels])[:, None]
    chosen = np.where(capped >= 0, place < capped, place >= 1.0 + capped)
    return vector.where(chosen).without_empty_rows()


def _count_values(node: tree.Aggregation, vector: Vector, label: str) -> Vector:
    if not label or "\ufffd" in label or any("\ud800" <= letter <= "\udfff" for letter in label):
        message = f'invalid label name "{label}"'
        raise ExecutionError(message)
    results = []
    for value, chosen in _distinct(vector):
        rows = np.flatnonzero(chosen.any(axis=1))
        counted = [vector.labels[row].having({label: value}) for row in rows]
        # the new label always belongs to the group
        kept = tuple(name for name in node.labels if name != label) if node.without else (*node.labels, label)
        groups = grouping(counted, tree.Aggregation("count", node.expr, None, kept, node.without))
        counts = _counts(chosen[rows], groups)
        results.append(Vector(groups.labels, counts.astype(np.float64), counts > 0))
    return piled(results, vector.steps)


def _distinct(vector: Vector) -> list[tuple[str, Mask]]:
    """Each value that occurs, as text, and where."""
    found: dict[str, Mask] = {}
    for value in np.unique(vector.values[vector.floats]):
        same = np.isnan(vector.values) if np.isnan(value) else vector.values == value
        found[number_text(float(value))] = vector.floats & same
    for cells in vector.histograms:
        for row, place in enumerate(cells.place):
            text = histogram_text(cells.block.take(slice(row, row + 1)))
            found.setdefault(text, np.zeros(vector.floats.shape, dtype=bool)).reshape(-1)[place] = True
    return list(found.items())


def histogram_text(block: HistogramBlock) -> str:
    """One histogram as Prometheus spells it in a label."""
    parts = [
        f"count:{remarks.go_number(float(block.count[0]))}",
        f"sum:{remarks.go_number(float(block.total[0]))}",
    ]
    for rule, lower, upper, count in bucket_list(block, 0):
        left = "[" if rule in {1, 3} else "("
        right = "]" if rule in {0, 3} else ")"
        bounds = f"{remarks.go_number(lower)},{remarks.go_number(upper)}"
        parts.append(f"{left}{bounds}{right}:{remarks.go_number(count)}")
    return "{" + ", ".join(parts) + "}"


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
