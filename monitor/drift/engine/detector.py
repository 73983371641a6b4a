"""Evidence that adds up over ticks: Shiryaev-Roberts e-detectors. Pure; one object holds many at once.

Each bet l keeps R(l) = (1 + R(l)) e(l), where e(l) is an e-value of the tick: at most 1 on average while the
effect stays within its tolerance. The mean R over bets, directions and categories is one again, and crosses A
on average no sooner than after A calm ticks. So A is a budget: one false page in 90 days for all detectors of
a model (Shin, Ramdas, Rinaldo: "E-detectors", 2022).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.core.stats import Floats

BETS = np.array([0.25, 0.5, 1.0, 2.0, 3.0])
RATES = np.array([1.5, 2.0, 3.0, 5.0, 8.0])
HOLD_SECONDS = 6 * 3600.0
# one bad tick alone cannot page
CLIP = 4.0
BUDGET_SECONDS = 90 * 86_400
WARNING = 0.7
# beyond this R tells nothing new and would overflow
LARGEST = 1e12


def limit_for(detectors: int, tick_seconds: float) -> float:
    """A: the ticks in the budget, times the detectors that share it."""
    return max(1, detectors) * BUDGET_SECONDS / tick_seconds


@dataclass(slots=True)
class Evidence:
    """``bets``: R of every (stream, bet), shape (streams, bets)."""

    bets: Floats

    @classmethod
    def of(cls, streams: int, bets: int = BETS.size) -> "Evidence":
        return cls(np.zeros((streams, bets)))

    def excess(self, z: Floats) -> None:
        """A tick of streams with ``z``: how far each lies beyond its tolerance, in units of its noise.

        A NaN is a stream of which nothing is known this time: its evidence stays.
        """
        clipped = np.minimum(z, CLIP)[:, None]
        self._take(BETS * clipped - BETS**2 / 2.0)

    def counts(self, events: Floats, expected: Floats, dispersion: Floats) -> None:
        """A tick of streams of counts: what came, and the most that would be normal (Poisson form).

        ``dispersion`` (at least 1) tempers what a count with more than Poisson's variance proves.
        """
        gain = events[:, None] * np.log(RATES) - (RATES - 1.0) * expected[:, None]
        self._take(gain / dispersion[:, None])

    def _take(self, log_e: Floats) -> None:
        moved = np.minimum(LARGEST, (1.0 + self.bets) * np.exp(np.minimum(log_e, 30.0)))
        self.bets = np.where(np.isfinite(log_e), moved, self.bets)

    @property
    def total(self) -> float:
        return float(self.bets.mean())

    @property
    def by_stream(self) -> Floats:
        found: Floats = self.bets.mean(axis=1)
        return found

    def value(self, limit: float) -> float:
        """0 to 1: 1 = page, 0.7 = warning."""
        return min(1.0, max(0.0, math.log(max(self.total, 1.0)) / math.log(limit)))

    def reset(self) -> None:
        self.bets = np.zeros_like(self.bets)

    def to_json(self) -> list[list[float]]:
        return [[float(f"{r:.9g}") for r in row] for row in self.bets]

    @classmethod
    def from_json(cls, data: list[list[float]]) -> "Evidence":
        return cls(np.array(data, dtype=np.float64))


@dataclass(slots=True)
class Alarm:
    """ok → warning → page → ok. A page ends when the mean effect of 6 hours is small again, and no sooner
    than 6 hours after it began, so that it cannot flap.
    """

    page_since: float | None = None
    rising_since: float | None = None

    def step(self, evidence: Evidence, limit: float, at: float, *, calm: bool) -> str:
        """The state after a tick at ``at`` (Unix seconds). ``calm``: the 6-hour mean effect is small."""
        if self.page_since is not None and calm and at - self.page_since >= HOLD_SECONDS:
            self.page_since = None
        total = evidence.total
        if total < 1.0:
            self.rising_since = None
        elif self.rising_since is None:
            self.rising_since = at
        if self.page_since is None and total >= limit:
            self.page_since = at
            evidence.reset()
        if self.page_since is not None:
            return "page"
        return "warning" if evidence.value(limit) >= WARNING else "ok"

    def to_json(self) -> dict[str, Any]:
        return {"page_since": self.page_since, "rising_since": self.rising_since}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Alarm":
        return cls(data.get("page_since"), data.get("rising_since"))
