"""Evidence of one watch: a stream of the engine, and a page that stays open until it has been calm for a while. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from monitor.drift.engine import detector

CALM_TICKS_TO_RESOLVE = 3


def _nothing() -> detector.Evidence:
    return detector.Evidence.of(1)


@dataclass(slots=True)
class Evidence:
    """State between two ticks. ``paged``: a page is open; ``calm``: ticks in a row within the normal band."""

    stream: detector.Evidence = field(default_factory=_nothing)
    paged: bool = False
    calm: int = 0

    def step(self, excess: float, *, outside: bool, limit: float) -> None:
        """Take in one tick. On reaching ``limit`` the bets start anew and the page stays open."""
        self.stream.excess(np.array([excess]))
        self.calm = 0 if outside else self.calm + 1
        if self.stream.total >= limit:
            self.paged = True
            self.stream.reset()
        elif self.paged and self.calm >= CALM_TICKS_TO_RESOLVE:
            self.paged = False

    def value(self, limit: float) -> float:
        """0 to 1: 1 = page, 0.7 = warning."""
        return 1.0 if self.paged else self.stream.value(limit)

    def to_json(self) -> dict[str, Any]:
        return {"bets": self.stream.to_json(), "paged": self.paged, "calm": self.calm}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Evidence":
        bets = np.array(data.get("bets", ()), dtype=np.float64)
        if bets.size != detector.BETS.size:
            return cls()
        return cls(detector.Evidence(bets.reshape(1, -1)), bool(data["paged"]), int(data["calm"]))
