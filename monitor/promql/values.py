"""What expressions evaluate to: whole grids at once, series down, steps across."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from monitor.core import patience
from monitor.core.histograms import HistogramBlock, stacked
from monitor.core.labels import Labels, Roster, once

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Grid:
    """Evaluation times from start to end, both included, every ``step`` milliseconds."""

    start: int
    end: int
    step: int

    @property
    def steps(self) -> int:
        return max(0, (self.end - self.start) // self.step + 1)

    @property
    def times(self) -> Ints:
        return self.start + self.step * np.arange(self.steps, dtype=np.int64)


@dataclass(slots=True)
class Cells:
    """Histograms of one layout at places of a grid: place = row · steps + step, ascending."""

    place: Ints
    block: HistogramBlock

    def where(self, chosen: Mask) -> "Cells":
        return Cells(self.place[chosen], self.block.take(chosen))


@dataclass(slots=True)
class Vector:
    """n series over s steps. ``floats`` says where ``values`` (both (n, s)) mean something.

    Histograms lie beside them, never at a place that also has a float. Values under a false mask are noise.
    """

    labels: list[Labels]
    values: Floats
    floats: Mask
    histograms: tuple[Cells, ...] = ()

    @property
    def steps(self) -> int:
        return int(self.values.shape[1])

    def histogram_mask(self) -> Mask:
        mask = np.zeros(self.values.shape, dtype=bool)
        for cells in self.histograms:
            mask.reshape(-1)[cells.place] = True
        return mask

    def present(self) -> Mask:
        return self.floats | self.histogram_mask() if self.histograms else self.floats

    def with_labels(self, labels: list[Labels]) -> "Vector":
        return Vector(labels, self.values, self.floats, self.histograms)

    def with_floats(self, values: Floats, floats: Mask | None = None) -> "Vector":
        """Other values at the float places, without histograms and without names."""
        return Vector(nameless(self.labels), values, self.floats if floats is None else floats)

    def where(self, chosen: Mask) -> "Vector":
        """Only the places under ``chosen``: (n, s), or (s,) for steps at which all rows stay."""
        cells: list[Cells] = []
        if self.histograms:
            flat = np.broadcast_to(chosen, self.floats.shape).reshape(-1)
            cells = [c.where(flat[c.place]) for c in self.histograms]
        return Vector(self.labels, self.values, self.floats & chosen, tuple(c for c in cells if len(c.place)))

    def rows(self, order: Ints | Sequence[int]) -> "Vector":
        """These rows in this order, each at most once."""
        index = np.asarray(order, dtype=np.int64)
        target = np.full(len(self.labels), -1, dtype=np.int64)
        target[index] = np.arange(len(index))
        cells = moved(self.histograms, target, self.steps)
        return Vector([self.labels[row] for row in index], self.values[index], self.floats[index], cells)

    def without_empty_rows(self) -> "Vector":
        filled = self.present().any(axis=1)
        return self if filled.all() else self.rows(np.flatnonzero(filled))


Value = Vector | Floats | str


def empty(steps: int) -> Vector:
    return Vector([], np.empty((0, steps)), np.empty((0, steps), dtype=bool))


def nameless(labels: Iterable[Labels]) -> list[Labels]:
    if isinstance(labels, Roster):
        return once(labels, "nameless", lambda: Roster(one.nameless for one in labels))
    return [one.nameless for one in labels]


def moved(cells: Iterable[Cells], target: Ints, steps: int) -> tuple[Cells, ...]:
    """The cells with row r moved to row target[r]; -1 drops a row."""
    results = []
    for group in cells:
        row, step = np.divmod(group.place, steps)
        place = target[row] * steps + step
        kept = target[row] >= 0
        order = np.argsort(place[kept], kind="stable")
        if len(order):
            results.append(Cells(place[kept][order], group.block.take(np.flatnonzero(kept)[order])))
    return tuple(results)


def joined(cells: Iterable[Cells]) -> tuple[Cells, ...]:
    """Cells of the same layout put together."""
    by_layout: dict[object, list[Cells]] = {}
    for group in cells:
        if len(group.place):
            by_layout.setdefault(group.block.layout, []).append(group)
    results = []
    for groups in by_layout.values():
        place = np.concatenate([group.place for group in groups])
        block = stacked([group.block for group in groups])
        if len(groups) > 1:
            order = np.argsort(place, kind="stable")
            place, block = place[order], block.take(order)
        results.append(Cells(place, block))
    return tuple(results)


def piled(vectors: Sequence[Vector], steps: int) -> Vector:
    """All rows of all vectors, one below the other."""
    if len(vectors) == 1:
        return vectors[0]
    if not vectors:
        return empty(steps)
    cells: list[Cells] = []
    offset = 0
    for vector in vectors:
        cells += [Cells(group.place + offset * steps, group.block) for group in vector.histograms]
        offset += len(vector.labels)
    return Vector(
        [labels for vector in vectors for labels in vector.labels],
        np.concatenate([vector.values for vector in vectors]),
        np.concatenate([vector.floats for vector in vectors]),
        joined(cells),
    )


def distinct(labels: list[Labels]) -> bool:
    """Whether no label set occurs twice."""
    return once(labels, "distinct", lambda: len(set(labels)) == len(labels))


def merged(vector: Vector, conflict: Callable[[Labels], Exception]) -> Vector:
    """Rows with equal labels made one; raises ``conflict(labels)`` where two are present at the same step."""
    if distinct(vector.labels):
        return vector
    places: dict[Labels, int] = {}
    target = np.array([places.setdefault(labels, len(places)) for labels in vector.labels], dtype=np.int64)
    present = vector.present()
    filled = np.zeros((len(places), vector.steps), dtype=np.int64)
    np.add.at(filled, target, present)
    if (filled > 1).any():
        raise conflict(list(places)[int(np.flatnonzero((filled > 1).any(axis=1))[0])])
    values = np.zeros((len(places), vector.steps))
    floats = np.zeros(values.shape, dtype=bool)
    for row, goal in enumerate(patience.each(target.tolist())):
        mask = vector.floats[row]
        values[goal][mask] = vector.values[row][mask]
        floats[goal] |= mask
    return Vector(list(places), values, floats, joined(moved(vector.histograms, target, vector.steps)))


@dataclass(slots=True)
class Notes:
    """Warnings and infos of one query, each once, in order of appearance, with what gave them.

    ``of`` is the function or operator that is worked out now.
    """

    warnings: dict[str, str] = field(default_factory=dict)
    infos: dict[str, str] = field(default_factory=dict)
    of: str = ""

    def warn(self, text: str) -> None:
        self.warnings[f"PromQL warning: {text}"] = self.of

    def inform(self, text: str) -> None:
        self.infos[f"PromQL info: {text}"] = self.of
