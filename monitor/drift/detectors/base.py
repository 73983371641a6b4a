"""The contract of a drift detector: two sketches in, one effect out, in a unit that people read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from monitor.core.fields import Field
from monitor.core.sketches import LogSketch, Sketch, VectorMean, VectorSample

S = TypeVar("S", LogSketch, VectorMean, VectorSample)


Kind = Literal["numbers", "vectors", "samples"]
# which data a detector's sketches are made of
DATA: Mapping[Kind, str] = {"numbers": "numbers", "vectors": "vectors", "samples": "vectors"}


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
    """``kind``: numbers, the mean of vectors, or a sample of vectors. ``floor``: the least effect worth anyone's time. ``least``: items that a window must have.

    ``false_alarms``: the share of calm windows that may leave the normal band; the kit measures it.
    """

    fields: tuple[Field, ...]
    kind: Kind
    unit: str
    signed: bool
    floor: float
    least: int
    false_alarms: float

    def __init__(self, settings: Mapping[str, Any]) -> None: ...

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        """How far ``current`` has moved from ``reference``; raises TooFewError or WrongDataError."""
        ...


def need(kind: type[S], least: int, reference: Sketch, current: Sketch) -> tuple[S, S]:
    """Both sketches, checked; the first lines of every ``distance``."""
    if not isinstance(reference, kind) or not isinstance(current, kind):
        message = f"needs {kind.__name__} on both sides; choose a detector that fits the watched feature"
        raise WrongDataError(message)
    if min(reference.n, current.n) < least:
        message = f"{min(reference.n, current.n)} calls in a window; at least {least} are needed"
        raise TooFewError(message)
    return reference, current


def same_length(old: int, new: int) -> None:
    """Vectors of two embedders can't be compared: raises WrongDataError."""
    if old != new:
        message = f"vectors of {old} and {new} numbers; pin the reference anew"
        raise WrongDataError(message)
