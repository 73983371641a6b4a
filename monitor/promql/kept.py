"""Answers whose samples stay as they are: closed steps are kept, only new ones are worked out.

A step is closed when the newest sample it may look at is older than what can still arrive unnoticed. Whoever
reads the samples tells from which time on some have changed since; the steps that may see those are dropped.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from threading import Lock

import numpy as np

from monitor.core.labels import Labels
from monitor.promql import tree
from monitor.promql.plan import inner_grid
from monitor.promql.values import Floats, Grid, Mask, Notes, Value, Vector

BYTES_KEPT = 48_000_000
# shorter questions cost less than what keeping them brings
LEAST_STEPS = 8
# what depends on the whole question, on more than samples up to the step, or on the order of series
_UNKEPT_CALLS = frozenset({"start", "end", "range", "step", "info"})
_UNKEPT_AGGREGATIONS = frozenset({"limitk"})
_BYTES_PER_CELL = 9
# of the question itself
_BYTES_PER_NODE = 1_000

# works out (expression, grid, grid of the whole question), adding to the notes
Evaluate = Callable[[tree.Node, Grid, Grid, Notes], Value]


@dataclass(frozen=True, slots=True)
class Key:
    """One question, wherever it begins: the same steps, as many of them, over the same project."""

    owner: int
    expr: tree.Node
    lookback: int
    step: int
    phase: int
    steps: int
    # a tree's takes a walk through it, and is asked for several times
    hashed: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        whole = (self.owner, self.expr, self.lookback, self.step, self.phase, self.steps)
        object.__setattr__(self, "hashed", hash(whole))

    def __hash__(self) -> int:
        return self.hashed


@dataclass(frozen=True, slots=True)
class Look:
    """What a reader saw: samples up to ``closed_ms`` stay as they are until ``changed_from`` says otherwise.

    ``lasting`` is false for a reader who sees what may be undone.
    """

    owner: int
    version: int
    closed_ms: int
    changed_from: Callable[[int], int | None]
    lasting: bool


@dataclass(frozen=True, slots=True)
class Kept:
    """Closed steps from ``grid.start`` on, what was noted about them, and the version of the samples seen."""

    version: int
    grid: Grid
    vector: Vector
    notes: Notes


class Answers:
    """Kept answers, the least recently used ones dropped first."""

    def __init__(self, room: int) -> None:
        self.room, self.used = room, 0
        self.kept: OrderedDict[Key, Kept] = OrderedDict()
        self.lock = Lock()

    def get(self, key: Key) -> Kept | None:
        with self.lock:
            found = self.kept.get(key)
            if found is not None:
                self.kept.move_to_end(key)
            return found

    def put(self, key: Key, answer: Kept) -> None:
        size = _size(key, answer)
        with self.lock:
            before = self.kept.pop(key, None)
            self.used -= 0 if before is None else _size(key, before)
            if size > self.room // 2:
                return
            self.kept[key] = answer
            self.used += size
            while self.used > self.room:
                self.used -= _size(*self.kept.popitem(last=False))

    def clear(self) -> None:
        with self.lock:
            self.kept.clear()
            self.used = 0


def _size(key: Key, answer: Kept) -> int:
    cells, labels = answer.vector.values.size, len(answer.vector.labels)
    return cells * _BYTES_PER_CELL + 100 * labels + _BYTES_PER_NODE * tree.weight(key.expr)


answers = Answers(BYTES_KEPT)


def lead(node: tree.Node) -> int | None:
    """How much later than a step the newest sample is that it may look at; None: its answer can't be kept."""
    found = list(_leads(node, 0))
    return None if not found or None in found else max(one for one in found if one is not None)


def _leads(node: tree.Node, shift: int) -> Iterator[int | None]:
    match node:
        case tree.Selector(offset=offset, at=at, edges=edges):
            yield None if at is not None or edges == "smoothed" else shift - offset
        case tree.Subquery(expr=expr, offset=offset, at=at):
            if at is not None:
                yield None
            yield from _leads(expr, shift - offset)
        case tree.Call(name=name) if name in _UNKEPT_CALLS:
            yield None
        case tree.Aggregation(op=op) if op in _UNKEPT_AGGREGATIONS:
            yield None
        case tree.Given():
            yield None
        case _:
            for child in tree.children(node):
                yield from _leads(child, shift)


def value(
    node: tree.Node, grid: Grid, look: Look, evaluate: Evaluate, *, lookback: int, notes: Notes
) -> Value:
    """The value of ``node`` on ``grid``, closed steps taken from what is kept."""
    ahead = lead(node) if grid.steps >= LEAST_STEPS else None
    if ahead is None:
        return evaluate(node, grid, grid, notes)
    key = Key(look.owner, node, lookback, grid.step, grid.start % grid.step, grid.steps)
    stored = answers.get(key)
    known = _still_true(stored, look, ahead)
    found = None if known is None else _continued(known, node, grid, evaluate)
    if found is None:
        fresh = Notes()
        vector = evaluate(node, grid, grid, fresh)
        if not isinstance(vector, Vector):
            return vector
        found = (vector, fresh)
    vector, noted = found
    notes.warnings.update(noted.warnings)
    notes.infos.update(noted.infos)
    closed = min(grid.steps, (look.closed_ms - ahead - grid.start) // grid.step + 1)
    if known is not None and known is stored and _covers(known.grid, grid, closed):
        # nothing has closed since
        return vector
    if (
        closed > 0
        and look.lasting
        and not vector.histograms
        and len(set(vector.labels)) == len(vector.labels)
    ):
        part = Grid(grid.start, grid.start + (closed - 1) * grid.step, grid.step)
        answers.put(key, Kept(look.version, part, _columns(vector, 0, closed), noted))
    return vector


def _covers(known: Grid, grid: Grid, closed: int) -> bool:
    return known.start <= grid.start and grid.start + (closed - 1) * grid.step <= known.end


def _still_true(known: Kept | None, look: Look, ahead: int) -> Kept | None:
    """What is left of an answer after the changes since it was worked out."""
    if known is None or known.version > look.version:
        return None
    changed = look.changed_from(known.version)
    if changed is None:
        return known
    grid = known.grid
    steps = min(grid.steps, -(-(changed - ahead - grid.start) // grid.step))
    if steps <= 0:
        return None
    kept = Grid(grid.start, grid.start + (steps - 1) * grid.step, grid.step)
    return Kept(look.version, kept, _columns(known.vector, 0, steps), known.notes)


def _continued(known: Kept, node: tree.Node, grid: Grid, evaluate: Evaluate) -> tuple[Vector, Notes] | None:
    """The kept steps with the missing ones behind them; None where that is no way to the answer."""
    last = known.grid.start + (known.grid.steps - 1) * grid.step
    if not known.grid.start <= grid.start <= last:
        return None
    skipped = (grid.start - known.grid.start) // grid.step
    old = _columns(known.vector, skipped, min(known.grid.steps, skipped + grid.steps))
    noted = bool(known.notes.warnings or known.notes.infos)
    if old.steps == grid.steps:
        return None if noted and skipped else (old.without_empty_rows(), known.notes)
    notes = Notes()
    rest = replace(grid, start=grid.start + old.steps * grid.step)
    new = evaluate(node, rest, grid, notes)
    # what is noted about some steps only can't be told apart: such a question is worked out as a whole
    same = (
        notes.warnings.keys() == known.notes.warnings.keys()
        and notes.infos.keys() == known.notes.infos.keys()
    )
    if not isinstance(new, Vector) or new.histograms or not same or len(set(new.labels)) < len(new.labels):
        return None
    return _beside(old, new).without_empty_rows(), notes


def _columns(vector: Vector, first: int, last: int) -> Vector:
    """Some steps of a vector without histograms."""
    if first == 0 and last == vector.steps:
        return vector
    return Vector(vector.labels, vector.values[:, first:last].copy(), vector.floats[:, first:last].copy())


def _beside(old: Vector, new: Vector) -> Vector:
    """The steps of ``new`` after those of ``old``, series by series, sorted when they are not the same."""
    if old.labels == new.labels:
        return Vector(old.labels, np.hstack([old.values, new.values]), np.hstack([old.floats, new.floats]))
    labels = sorted({*old.labels, *new.labels}, key=lambda one: one.items_sorted)
    place = {one: row for row, one in enumerate(labels)}
    shape = (len(labels), old.steps + new.steps)
    values, floats = np.zeros(shape), np.zeros(shape, dtype=bool)
    _put(old, place, values[:, : old.steps], floats[:, : old.steps])
    _put(new, place, values[:, old.steps :], floats[:, old.steps :])
    return Vector(labels, values, floats)


def _put(vector: Vector, place: dict[Labels, int], values: Floats, floats: Mask) -> None:
    rows = [place[labels] for labels in vector.labels]
    values[rows], floats[rows] = vector.values, vector.floats


def with_given(
    node: tree.Node, grid: Grid, most_steps: int, inner: Callable[[tree.Node, Grid], Value]
) -> tree.Node:
    """The expression with its keepable subqueries worked out by ``inner``."""

    def changed(child: tree.Node) -> tree.Node:
        return with_given(child, grid, most_steps, inner)

    if isinstance(node, tree.Subquery):
        steps = inner_grid(node, grid)
        if node.at is not None or not LEAST_STEPS <= steps.steps <= most_steps or lead(node.expr) is None:
            return node
        found = inner(node.expr, steps)
        return replace(node, expr=tree.Given(found)) if isinstance(found, Vector) else node
    if isinstance(node, tree.Range | tree.Selector):
        return node
    return tree.mapped(node, changed)
