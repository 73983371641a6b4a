"""Counts of rare events by 5 minutes: errors, refusals, calls beyond a quantile of the reference. Pure.

Exact down to no or one event: the tick's count against Poisson(n x matched rate x r0), where r0 is the ratio
that is still normal. Poisson is wider than the binomial, so this stays valid for flags. Errors are matched by
the season, latency by load: a busier month is slower at the same hours and not worse.
"""

from dataclasses import dataclass

import numpy as np

from monitor.core.stats import Floats, Ints

TICK = 300
# pseudo-events with which a cell of the reference leans towards the rate of all
PRIOR_EVENTS = 10.0
# with fewer ticks or hours nothing is said about wander
LEAST_CELLS = 24
# how many deviations of its own hourly wander a rate may rise before it is more than wander
WANDERS = {"seasonal": 2.5, "p95": 3.0, "p99": 3.0}


@dataclass(frozen=True, slots=True)
class Ticks:
    """Ticks since 1970 (T,), items and events of each (T,), and the cell (stratum or load bin) of each (T,)."""

    at: Ints
    n: Floats
    events: Floats
    cell: Ints

    def part(self, kept: np.ndarray) -> "Ticks":
        return Ticks(self.at[kept], self.n[kept], self.events[kept], self.cell[kept])


@dataclass(frozen=True, slots=True)
class Rates:
    """The reference: rate per cell (NaN where it has never been), and r0.

    ``wander``: natural deviation of the hourly log rate. ``jitter2``: variance of the log rate of single ticks
    beyond that; it says nothing about the next tick, so it widens each count and not what is normal.
    """

    rate: Floats
    wander: float
    jitter2: float
    ratio: float

    def expected(self, ticks: Ticks) -> Floats:
        """The most events that would be normal in each tick; NaN where the reference knows nothing."""
        found: Floats = ticks.n * self.rate[ticks.cell] * self.ratio
        return found

    def dispersion(self, ticks: Ticks) -> Floats:
        """By how much the variance of a tick's count exceeds Poisson's."""
        found: Floats = 1.0 + self.jitter2 * self.expected(ticks)
        return found

    def effect(self, ticks: Ticks) -> float:
        """Observed over matched rate, of all ticks together; NaN when nothing was expected."""
        usual = ticks.n * self.rate[ticks.cell]
        known = np.isfinite(usual)
        total = float(usual[known].sum())
        return float(ticks.events[known].sum()) / total if total > 0 else float("nan")


def fit(reference: Ticks, cells: int, floor: float, wanders: float) -> Rates:
    """Learn rates per cell; ``floor`` is the least r0, raised by ``wanders`` deviations of natural wander."""
    n = np.bincount(reference.cell, reference.n, cells)
    events = np.bincount(reference.cell, reference.events, cells)
    overall = max(float(events.sum()), 0.5) / max(float(n.sum()), 1.0)
    rate = (events + PRIOR_EVENTS) / (n + PRIOR_EVENTS / overall)
    wander, jitter = _wander(reference, rate)
    ratio = max(floor, float(np.exp(wanders * wander)))
    return Rates(np.where(n > 0, rate, np.nan), wander, max(0.0, jitter**2 - wander**2), ratio)


def _wander(reference: Ticks, rate: Floats) -> tuple[float, float]:
    """The deviation of the log rate beyond Poisson: of whole hours, and of single ticks."""
    expected = reference.n * rate[reference.cell]
    _, hour = np.unique(reference.at * TICK // 3600, return_inverse=True)
    hourly = [np.bincount(hour, each).astype(np.float64) for each in (reference.events, expected)]
    return _overdispersion(*hourly), _overdispersion(reference.events, expected)


def _overdispersion(events: Floats, expected: Floats) -> float:
    """Pearson's E (x - e)^2 - x = e^2 (exp(tau^2) - 1); the largest 1 % are left out as incidents."""
    kept = expected > 0
    expected, events = expected[kept], events[kept]
    if expected.size < LEAST_CELLS:
        return 0.0
    squares = (events - expected) ** 2
    order = np.argsort(squares / expected)[: int(np.ceil(0.99 * expected.size))]
    # a tick weighs by what it can show: its expectation, not its square
    excess = (squares - events)[order] / expected[order]
    return float(np.sqrt(np.log1p(max(0.0, float(excess.sum() / expected[order].sum())))))
