"""What every fitted signal can do, and the hours it is asked about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from monitor.core.stats import Floats, Ints
from monitor.drift.bodies import TICKS, Body, Marks
from monitor.drift.engine.detector import Evidence
from monitor.drift.engine.vectors import VectorHours

# how many past ticks of 5 minutes make the load of one
LOAD_TICKS = 3
# over so long an effect must be small before a page ends
CALM_SECONDS = 6 * 3600
LEAST_HOURS = 6


class NothingToLearnError(ValueError):
    """The reference holds too little of this signal; says what is missing."""


@dataclass(frozen=True, slots=True)
class Window:
    """Consecutive hours of one version: their sums, and the calls of the whole model by 5 minutes (12 H,)."""

    hours: Ints
    bodies: Sequence[Body]
    marks: Sequence[Marks]
    load: Floats
    vectors: VectorHours | None = None

    @property
    def hourly_load(self) -> Floats:
        found: Floats = self.load.reshape(-1, TICKS).sum(axis=1)
        return found

    @property
    def tick_load(self) -> Floats:
        """The calls of the last 15 minutes at each tick."""
        found: Floats = np.convolve(self.load, np.ones(LOAD_TICKS))[: self.load.size]
        return found


class Judged(Protocol):
    """Ticks of one signal. ``effect`` and the band are in the unit that people read; NaN is unknown."""

    @property
    def ends(self) -> Ints: ...

    @property
    def effect(self) -> Floats: ...

    @property
    def low(self) -> Floats: ...

    @property
    def high(self) -> Floats: ...

    def take(self, evidence: Evidence, tick: int) -> None: ...

    def calm(self, tick: int) -> bool:
        """Whether the effect of the last 6 hours is well within the tolerance."""
        ...


class Channel(Protocol):
    """A fitted signal. ``names``: its streams, [""] for the only one."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def evidence(self) -> Evidence: ...

    def by_name(self, evidence: Evidence) -> Floats:
        """R of each named stream."""
        ...

    def judge(self, window: Window) -> Judged: ...
