"""The contract of a drift detector: two sketches in, one effect out, in a unit that people read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import CategorySketch, Numbers, Sketch, VectorMean, VectorSample
from monitor.core.stats import Floats, Ints

S = TypeVar("S", CategorySketch, VectorMean, VectorSample)
Counted = Numbers | CategorySketch
Kind = Literal["numbers", "categories", "vectors", "samples"]
Data = Literal["numbers", "categories", "vectors"]
# which data a detector's sketches are made of
DATA: Mapping[Kind, Data] = {
    "numbers": "numbers", "categories": "categories", "vectors": "vectors", "samples": "vectors",
}  # fmt: skip
WORDS: Mapping[type, str] = {CategorySketch: "categories", VectorMean: "vectors", VectorSample: "vectors"}
# so many categories of the reference stand for themselves, all others together are one
MOST_CATEGORIES = 64
REST = "…"


class TooFewError(ValueError):
    """A window has fewer items than the detector needs. Unknown, not calm; worth asking again later."""


class WrongDataError(TypeError):
    """Numbers given to a detector of vectors, or two embedders mixed. Whoever set the watch up can mend it."""


@dataclass(frozen=True, slots=True)
class Score:
    """``effect`` in the detector's unit; ``facts``: further figures worth showing, by name."""

    effect: float
    facts: dict[str, float] = field(default_factory=dict)


class Detector(Protocol):
    """``kinds``: what it compares: numbers, categories, the mean of vectors, or a sample of vectors.

    ``floor``: the least effect worth anyone's time. ``least``: items that a window must have.
    ``false_alarms``: the share of calm windows that may leave the normal band; the kit measures it.
    """

    fields: tuple[Field, ...]
    kinds: tuple[Kind, ...]
    unit: str
    signed: bool
    floor: float
    least: int
    false_alarms: float

    def __init__(self, settings: Mapping[str, Any]) -> None: ...

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        """How far ``current`` has moved from ``reference``; raises TooFewError or WrongDataError."""
        ...


class Drawing(Protocol):
    """A detector of samples that can also say which vectors of now are least like those of the reference."""

    def newness(self, reference: VectorSample, current: VectorSample, vectors: Floats) -> Floats:
        """One figure for each of ``vectors`` (k, d): the larger, the more it belongs to now alone."""
        ...


def reads(detector: type[Detector] | Detector, data: str) -> Kind | None:
    """As what a detector reads this data; None where it can't."""
    return next((kind for kind in detector.kinds if DATA[kind] == data), None)


def need(kind: type[S], least: int, reference: Sketch, current: Sketch) -> tuple[S, S]:
    """Both sketches, checked; the first lines of every ``distance``."""
    if not isinstance(reference, kind) or not isinstance(current, kind):
        message = f"needs {WORDS[kind]} on both sides; choose a detector that fits the watched feature"
        raise WrongDataError(message)
    _enough(least, reference, current)
    return reference, current


def need_counts(least: int, reference: Sketch, current: Sketch) -> tuple[Counted, Counted]:
    """The same of numbers or categories."""
    if (
        type(reference) is not type(current)
        or not isinstance(reference, Numbers | CategorySketch)
        or not isinstance(current, Numbers | CategorySketch)
    ):
        message = "needs numbers or categories on both sides; choose a detector that fits the watched feature"
        raise WrongDataError(message)
    _enough(least, reference, current)
    return reference, current


def need_numbers(least: int, reference: Sketch, current: Sketch) -> tuple[Numbers, Numbers]:
    """The same of numbers of one kind."""
    before, after = need_counts(least, reference, current)
    if not isinstance(before, Numbers) or not isinstance(after, Numbers):
        message = "needs numbers on both sides; choose a detector that fits the watched feature"
        raise WrongDataError(message)
    return before, after


def _enough(least: int, reference: Sketch, current: Sketch) -> None:
    if min(reference.n, current.n) < least:
        message = f"{min(reference.n, current.n)} calls in a window; at least {least} are needed"
        raise TooFewError(message)


def same_length(old: int, new: int) -> None:
    """Vectors of two embedders can't be compared: raises WrongDataError."""
    if old != new:
        message = f"vectors of {old} and {new} numbers; pin the reference anew"
        raise WrongDataError(message)


def binned(before: Counted, after: Counted) -> tuple[Floats, Floats]:
    """How many items of each side fall into common bins: equal stretches of numbers, or the categories."""
    if isinstance(before, CategorySketch) and isinstance(after, CategorySketch):
        return _by_category(before, after)
    if not isinstance(before, Numbers) or not isinstance(after, Numbers):
        message = "numbers and categories can't be compared with each other"
        raise WrongDataError(message)
    places = [sketch.bins(before) for sketch in (before, after)]
    grid = np.union1d(*places)
    return _held(places[0], before, grid), _held(places[1], after, grid)


def _held(places: Ints, sketch: Numbers, grid: Ints) -> Floats:
    found: Floats = np.bincount(np.searchsorted(grid, places), sketch.counts, grid.size).astype(np.float64)
    return found


def _by_category(before: CategorySketch, after: CategorySketch) -> tuple[Floats, Floats]:
    ordered = sorted(before.counts, key=lambda name: (name == REST, -before.counts[name], name))
    known = [name for name in ordered[:MOST_CATEGORIES] if name != REST]
    found = []
    for sketch in (before, after):
        counts = [float(sketch.counts.get(name, 0)) for name in known]
        found.append(np.array([*counts, float(sketch.n) - sum(counts)]))
    return found[0], found[1]


def carried(x: Floats, y: Floats, before: Numbers, after: Numbers) -> float:
    """The distance over which the mass at ``x`` must be carried to lie at ``y``."""
    from scipy.stats import wasserstein_distance  # 1 s to import: workers only

    return float(wasserstein_distance(x, y, before.counts, after.counts))
