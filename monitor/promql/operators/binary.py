"""Arithmetic, comparison and set operators, with Prometheus' rules of vector matching."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from monitor.core import patience
from monitor.core.histograms import HistogramBlock, UnlikeHistogramsError, added, equal_rows
from monitor.core.labels import METADATA, NAME, Labels
from monitor.core.trims import trimmed
from monitor.promql import tree
from monitor.promql.errors import ExecutionError
from monitor.promql.functions.labels import same_labels
from monitor.promql.functions.remarks import quoted
from monitor.promql.values import Cells, Floats, Ints, Mask, Notes, Vector, joined, merged, piled

Operation = Callable[[Floats, Floats], Floats]
Key = tuple[tuple[str, str], ...]

_ARITHMETIC: dict[str, Operation] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}
_COMPARISON: dict[str, Callable[[Floats, Floats], Mask]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}
# whether they cut off what lies above
_TRIMS = {"</": True, ">/": False}
SET_OPERATORS = frozenset({"and", "or", "unless"})


def scalars(node: tree.Binary, left: Floats, right: Floats) -> Floats:
    if node.op in _TRIMS:
        message = f"operator {quoted(node.op)} not allowed for Scalar operations"
        raise ExecutionError(message)
    with np.errstate(all="ignore"):
        if node.op in _ARITHMETIC:
            return _ARITHMETIC[node.op](left, right)
        return _COMPARISON[node.op](left, right).astype(np.float64)


def with_scalar(
    node: tree.Binary, vector: Vector, scalar: Floats, notes: Notes, *, scalar_left: bool
) -> Vector:
    """Every element with the same number; a comparison without bool filters."""
    wide = np.broadcast_to(scalar, vector.values.shape)
    left, right = (wide, vector.values) if scalar_left else (vector.values, wide)
    labels = vector.labels
    if node.op in _ARITHMETIC or node.returns_bool:
        labels = [one.nameless for one in labels]
    with np.errstate(all="ignore"):
        if node.op in _ARITHMETIC:
            values, floats = _ARITHMETIC[node.op](left, right), vector.floats
        elif node.op in _TRIMS:
            values, floats = vector.values, _untrimmable(node, vector.floats, notes)
        else:
            holds = _COMPARISON[node.op](left, right)
            if node.returns_bool:
                values, floats = holds.astype(np.float64), vector.floats
            else:
                values, floats = vector.values, vector.floats & holds
    cells = _scaled(node, vector, scalar, notes, scalar_left=scalar_left)
    return merged(Vector(labels, values, floats, cells), same_labels)


def _untrimmable(node: tree.Binary, floats: Mask, notes: Notes) -> Mask:
    """Only histograms can be trimmed: no number stays."""
    if floats.any():
        _incompatible(notes, node.op, "float", "float")
    return np.zeros_like(floats)


def _scaled(
    node: tree.Binary, vector: Vector, scalar: Floats, notes: Notes, *, scalar_left: bool
) -> tuple[Cells, ...]:
    if not vector.histograms:
        return ()
    results = []
    for cells in vector.histograms:
        factor = scalar[cells.place % vector.steps]
        if node.op == "*":
            results.append(Cells(cells.place, cells.block.times(factor)))
        elif node.op == "/" and not scalar_left:
            results.append(Cells(cells.place, cells.block.over(factor)))
        elif node.op in _TRIMS and not scalar_left:
            results.append(Cells(cells.place, trimmed(cells.block, factor, above=_TRIMS[node.op])))
        else:
            kinds = ("float", "histogram") if scalar_left else ("histogram", "float")
            _incompatible(notes, node.op, *kinds)
    return tuple(results)


def _incompatible(notes: Notes, op: str, left: str, right: str) -> None:
    notes.inform(
        f"incompatible sample types encountered for binary operator {quoted(op)}: {left} {op} {right}"
    )


def signature(labels: Labels, node: tree.Binary) -> Key:
    """What two elements must share to be partners. Type and unit count only where they are named, like the name."""
    names = frozenset(node.labels)
    if node.on:
        return tuple(pair for pair in labels.items_sorted if pair[0] in names)
    return tuple(pair for pair in labels.items_sorted if pair[0] not in names and pair[0] not in METADATA)


def sets(node: tree.Binary, left: Vector, right: Vector) -> Vector:
    """``and``, ``or``, ``unless``: elements stay or go by whether they have a partner at that step."""
    keys: dict[Key, int] = {}
    mine = [keys.setdefault(signature(labels, node), len(keys)) for labels in patience.each(left.labels)]
    theirs = [keys.setdefault(signature(labels, node), len(keys)) for labels in patience.each(right.labels)]
    if node.op == "or":
        return _union(left, right, mine, theirs, len(keys))
    there = np.zeros((len(keys) + 1, left.steps), dtype=bool)
    present = right.present()
    for row, key in enumerate(patience.each(theirs)):
        there[key] |= present[row]
    partner = there[np.array(mine, dtype=np.int64)] if mine else there[:0]
    return left.where(partner if node.op == "and" else ~partner).without_empty_rows()


def _union(left: Vector, right: Vector, mine: list[int], theirs: list[int], keys: int) -> Vector:
    taken = np.zeros((keys, left.steps), dtype=bool)
    present = left.present()
    for row, key in enumerate(patience.each(mine)):
        taken[key] |= present[row]
    free = ~taken[np.array(theirs, dtype=np.int64)] if theirs else taken[:0]
    rest = right.where(free).without_empty_rows()
    return merged(piled([left, rest], left.steps), same_labels)


@dataclass(slots=True)
class Pairs:
    """Partners: row many[i] of the "many" side with row one[i] of the other; -1 stands for the fill value."""

    many: list[int] = field(default_factory=list)
    one: list[int] = field(default_factory=list)
    key: list[int] = field(default_factory=list)


def vectors(node: tree.Binary, left: Vector, right: Vector, notes: Notes) -> Vector:
    """Element by element with its partner on the other side."""
    swapped = node.cardinality == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    fill_many, fill_one = (node.fill_right, node.fill_left) if swapped else (node.fill_left, node.fill_right)
    if fill_many is None and fill_one is None:
        both = np.logical_or.reduce(many.present(), axis=0) & np.logical_or.reduce(one.present(), axis=0)
        many, one = many.where(both), one.where(both)
    keys: dict[Key, int] = {}
    many_key = [keys.setdefault(signature(labels, node), len(keys)) for labels in patience.each(many.labels)]
    one_key = [keys.setdefault(signature(labels, node), len(keys)) for labels in patience.each(one.labels)]
    _refuse_twins(one, one_key, list(keys), "left" if swapped else "right")
    filler = _Filler(fill_many, fill_one)
    many, one, pairs = _paired(many, many_key, one, one_key, filler, list(keys))
    if not pairs.many:
        return Vector([], np.empty((0, left.steps)), np.empty((0, left.steps), dtype=bool))
    labels = [
        _result_labels(node, many.labels[m], one.labels[o])
        for m, o in zip(patience.each(pairs.many), pairs.one, strict=True)
    ]
    result = _computed(node, many, one, pairs, notes, swapped=swapped)
    result.labels = labels
    return _checked(node, result, pairs)


def _refuse_twins(one: Vector, keys: list[int], known: list[Key], side: str) -> None:
    if len(set(keys)) == len(keys):
        return
    present = one.present()
    by_key: dict[int, list[int]] = {}
    for row, key in enumerate(keys):
        by_key.setdefault(key, []).append(row)
    for key, rows in by_key.items():
        patience.look()
        if len(rows) > 1 and (present[rows].sum(axis=0) > 1).any():
            step = int((present[rows].sum(axis=0) > 1).argmax())
            twins = [braces(one.labels[row].items_sorted) for row in rows if present[row, step]][:2]
            message = (
                f"found duplicate series for the match group {braces(known[key])} on the {side} hand-side of the"
                f" operation: [{', '.join(twins)}];many-to-many matching not allowed: matching labels must be"
                " unique on one side"
            )
            raise ExecutionError(message)


def braces(pairs: Key) -> str:
    name = dict(pairs).get(NAME, "")
    inner = ", ".join(f"{label}={quoted(value)}" for label, value in pairs if label != NAME)
    return f"{name}{{{inner}}}" if inner or not name else name


@dataclass(frozen=True, slots=True)
class _Filler:
    many: float | None
    one: float | None


def _paired(
    many: Vector, many_key: list[int], one: Vector, one_key: list[int], filler: _Filler, keys: list[Key]
) -> tuple[Vector, Vector, Pairs]:
    rows_of: dict[int, list[int]] = {}
    for row, key in enumerate(one_key):
        rows_of.setdefault(key, []).append(row)
    pairs = Pairs()
    for row, key in enumerate(patience.each(many_key)):
        for partner in rows_of.get(key, ()):
            pairs.many.append(row)
            pairs.one.append(partner)
            pairs.key.append(key)
    if filler.many is None and filler.one is None:
        return many, one, pairs
    return _filled(many, many_key, one, one_key, filler, (pairs, keys))


def _filled(
    many: Vector,
    many_key: list[int],
    one: Vector,
    one_key: list[int],
    filler: _Filler,
    found: tuple[Pairs, list[Key]],
) -> tuple[Vector, Vector, Pairs]:
    """Adds a stand-in row wherever a key has an element on one side only."""
    pairs, keys = found
    there = {"many": np.zeros((len(keys), many.steps), bool), "one": np.zeros((len(keys), many.steps), bool)}
    for side, vector, side_keys in (("many", many, many_key), ("one", one, one_key)):
        present = vector.present()
        for row, key in enumerate(side_keys):
            there[side][key] |= present[row]
    sides = {"many": (many, many_key, filler.many), "one": (one, one_key, filler.one)}
    extended = {"many": many, "one": one}
    for side, other in (("many", "one"), ("one", "many")):
        value = sides[side][2]
        if value is None:
            continue
        missing = there[other] & ~there[side]
        lonely = np.flatnonzero(missing.any(axis=1))
        base = len(extended[side].labels)
        stand_in = Vector(
            [Labels(keys[key]) for key in lonely], np.full((len(lonely), many.steps), value), missing[lonely]
        )
        extended[side] = piled([extended[side], stand_in], many.steps)
        number = {int(key): base + place for place, key in enumerate(lonely)}
        for row, key in enumerate(sides[other][1]):
            if key in number:
                pairs.many.append(number[key] if side == "many" else row)
                pairs.one.append(row if side == "many" else number[key])
                pairs.key.append(key)
    return extended["many"], extended["one"], pairs


def _result_labels(node: tree.Binary, many: Labels, one: Labels) -> Labels:
    labels = many
    if node.op in _ARITHMETIC or node.returns_bool:
        labels = labels.nameless
    if node.cardinality == "one-to-one":
        labels = labels.keep(node.labels) if node.on else labels.drop(node.labels)
    if node.include:
        labels = labels.having({name: one.get(name, "") for name in node.include})
    return labels


def _computed(
    node: tree.Binary, many: Vector, one: Vector, pairs: Pairs, notes: Notes, *, swapped: bool
) -> Vector:
    """The result per pair, before labels."""
    many_rows, one_rows = np.array(pairs.many), np.array(pairs.one)
    left, right = (one, many) if swapped else (many, one)
    left_rows, right_rows = (one_rows, many_rows) if swapped else (many_rows, one_rows)
    a, b = left.values[left_rows], right.values[right_rows]
    both = left.floats[left_rows] & right.floats[right_rows]
    with np.errstate(all="ignore"):
        if node.op in _ARITHMETIC:
            values, floats = _ARITHMETIC[node.op](a, b), both
        elif node.op in _TRIMS:
            values, floats = a, _untrimmable(node, both, notes)
        else:
            holds = _COMPARISON[node.op](a, b)
            if node.returns_bool:
                values, floats = holds.astype(np.float64), both
            else:
                values, floats = a, both & holds
    result = Vector([], values, floats)
    if left.histograms or right.histograms:
        _add_histograms(node, result, (left, left_rows), (right, right_rows), notes)
    return result


def _places(vector: Vector, rows: Ints) -> list[tuple[Ints, Cells]]:
    """For every histogram of the chosen rows its place in the result, sorted, with the cells in that order."""
    steps = vector.steps
    results = []
    for cells in vector.histograms:
        edges = np.searchsorted(cells.place, np.arange(len(vector.labels) + 1) * steps)
        sizes = (edges[1:] - edges[:-1])[rows]
        starts = edges[:-1][rows]
        index = np.repeat(starts - (np.cumsum(sizes) - sizes), sizes) + np.arange(int(sizes.sum()))
        target = np.repeat(np.arange(len(rows)), sizes)
        place = target * steps + cells.place[index] % steps
        results.append((place, Cells(place, cells.block.take(index))))
    return results


def _add_histograms(
    node: tree.Binary, result: Vector, left: tuple[Vector, Ints], right: tuple[Vector, Ints], notes: Notes
) -> None:
    mine, theirs = _places(*left), _places(*right)
    my_floats = left[0].floats[left[1]].reshape(-1)
    their_floats = right[0].floats[right[1]].reshape(-1)
    found: list[Cells] = []
    for place, cells in mine:
        met = their_floats[place]
        if met.any():
            found += _with_floats(
                node, cells.where(met), right[0].values[right[1]], notes, histogram_left=True
            )
        for other_place, others in theirs:
            _, a, b = np.intersect1d(place, other_place, assume_unique=True, return_indices=True)
            if len(a):
                pair = (place[a], cells.block.take(a), others.block.take(b))
                found += _of_two(node, result, pair, notes)
    for place, cells in theirs:
        met = my_floats[place]
        if met.any():
            found += _with_floats(
                node, cells.where(met), left[0].values[left[1]], notes, histogram_left=False
            )
    result.histograms = joined(found)


def _with_floats(
    node: tree.Binary, cells: Cells, values: Floats, notes: Notes, *, histogram_left: bool
) -> list[Cells]:
    factor = values.reshape(-1)[cells.place]
    if node.op == "*":
        return [Cells(cells.place, cells.block.times(factor))]
    if node.op == "/" and histogram_left:
        return [Cells(cells.place, cells.block.over(factor))]
    if node.op in _TRIMS and histogram_left:
        return [Cells(cells.place, trimmed(cells.block, factor, above=_TRIMS[node.op]))]
    _incompatible(notes, node.op, *(("histogram", "float") if histogram_left else ("float", "histogram")))
    return []


def _of_two(
    node: tree.Binary, result: Vector, pair: tuple[Ints, HistogramBlock, HistogramBlock], notes: Notes
) -> list[Cells]:
    place, a, b = pair
    if node.op in {"+", "-"}:
        try:
            sign = 1.0 if node.op == "+" else -1.0
            return [Cells(place[rows], block) for rows, block in added(a, b, sign)]
        except UnlikeHistogramsError:
            notes.warn(f"incompatible bucket layout encountered for binary operator {node.op}")
            return []
    if node.op in {"==", "!="}:
        holds = equal_rows(a, b) == (node.op == "==")
        if node.returns_bool:
            result.values.reshape(-1)[place] = holds
            result.floats.reshape(-1)[place] = True
            return []
        return [Cells(place[holds], a.take(holds))] if holds.any() else []
    _incompatible(notes, node.op, "histogram", "histogram")
    return []


def _checked(node: tree.Binary, result: Vector, pairs: Pairs) -> Vector:
    """Refuses where one key has several results at a step; joins rows that take turns."""
    present = result.present()
    by_key: dict[int, list[int]] = {}
    for row, key in enumerate(pairs.key):
        by_key.setdefault(key, []).append(row)
    for rows in by_key.values():
        if len(rows) == 1 or not (present[rows].sum(axis=0) > 1).any():
            continue
        if node.cardinality == "one-to-one":
            message = (
                "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
            )
            raise ExecutionError(message)
        seen: dict[Labels, Mask] = {}
        for row in rows:
            known = seen.get(result.labels[row])
            if known is not None and (known & present[row]).any():
                message = "multiple matches for labels: grouping labels must ensure unique matches"
                raise ExecutionError(message)
            seen[result.labels[row]] = present[row] if known is None else known | present[row]
    return merged(result.without_empty_rows(), same_labels)
