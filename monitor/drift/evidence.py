"""Evidence that adds up over ticks: a Shiryaev-Roberts e-detector. Pure.

With excess z (in units of the noise) each bet l gives R(l) = (1 + R(l)) exp(l z - l^2/2); their mean R crosses
A on average no sooner than after A calm ticks, so A is a budget: one false page in 90 days for all watches of
a model together. z is clipped, so that one bad hour alone cannot page.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.drift.engine.detector import BETS, CLIP, LARGEST

CALM_TICKS_TO_RESOLVE = 3


@dataclass(slots=True)
class Evidence:
    """State between two ticks. ``paged``: a page is open; it stays so until enough calm ticks in a row."""

    bets: list[float] = field(default_factory=lambda: [0.0] * len(BETS))
    paged: bool = False
    calm: int = 0
    ticks: int = 0

    def step(self, excess: float, *, outside: bool, limit: float) -> None:
        """Take in one tick. On reaching ``limit`` the bets start anew and the page stays open."""
        z = min(excess, CLIP)
        self.bets = [
            min(LARGEST, (1.0 + r) * math.exp(bet * z - bet * bet / 2.0))
            for bet, r in zip(BETS.tolist(), self.bets, strict=True)
        ]
        self.ticks += 1
        self.calm = 0 if outside else self.calm + 1
        if sum(self.bets) / len(self.bets) >= limit:
            self.paged, self.bets = True, [0.0] * len(BETS)
        elif self.paged and self.calm >= CALM_TICKS_TO_RESOLVE:
            self.paged = False

    def value(self, limit: float) -> float:
        """0 to 1: 1 = page, 0.7 = warning."""
        if self.paged:
            return 1.0
        mean = sum(self.bets) / len(self.bets)
        return min(1.0, max(0.0, math.log(max(mean, 1.0)) / math.log(limit)))

    def to_json(self) -> dict[str, Any]:
        return {"bets": self.bets, "paged": self.paged, "calm": self.calm, "ticks": self.ticks}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Evidence":
        known = cls()
        if data and len(data.get("bets", ())) == len(BETS):
            known = cls(list(data["bets"]), bool(data["paged"]), int(data["calm"]), int(data["ticks"]))
        return known
