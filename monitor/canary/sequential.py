"""Evidence that may be looked at after every bucket: e-processes of a canary against stable. Pure.

Ratios of counts: given the events of a bucket, the canary's part is at most binomial (as Netflix' counting
test); where users differ, the log evidence is divided by how much more that makes the ratio vary. Means:
bucket-wise differences with user-cluster variance in a one-sided mSPRT. All paths are log E after each bucket;
a gate fails when E reaches k / alpha, however often anyone has looked. Few users prove nothing.
"""

import math
from dataclasses import dataclass

import numpy as np

from monitor.canary import users
from monitor.canary.buckets import Spread
from monitor.canary.table import Rates
from monitor.canary.users import Excess, Split
from monitor.core.stats import RATIO_STEPS, Floats, log_e_mean

BETTER_STEPS = (0.9, 0.75, 0.6, 0.5, 0.4, 0.25)
CALM_STEPS = (0.9, 0.75, 0.5, 0.25)
LEAST_ITEMS = 100
# what never varies at all is known no better than this
LEAST_SD = 0.001


@dataclass(frozen=True, slots=True)
class Trusted:
    """``Trust`` at one moment."""

    per_call: float
    few: bool


@dataclass(frozen=True, slots=True)
class Trust:
    """After each row (R,): how many calls count as one since users differ, and whether users are too few."""

    per_call: Floats
    few: np.ndarray

    @classmethod
    def of(cls, rates: Rates) -> "Trust":
        both = (rates.counts.stable_n > 0) & (rates.counts.canary_n > 0)
        return cls(
            users.of_rates(rates.stable, rates.canary, both),
            users.few(rates.stable) | users.few(rates.canary),
        )

    def last(self) -> "Trusted":
        return (
            Trusted(float(self.per_call[-1]), bool(self.few[-1]))
            if self.few.size
            else Trusted(1.0, few=False)
        )

    def weigh(self, paths: Floats) -> Floats:
        """Log evidence as far as it is one (…, R)."""
        found: Floats = np.where(self.few, 0.0, paths / self.per_call)
        return found


def ratio_above(rates: Rates, limit: float) -> Floats:
    """Log evidence after each row that canary's rate is more than ``limit`` times stable's (R,)."""
    return _ratio_path(rates, limit, RATIO_STEPS)


def ratio_below(rates: Rates, limit: float) -> Floats:
    """Log evidence after each row that canary's rate is less than ``limit`` times stable's (R,)."""
    return _ratio_path(rates, limit, BETTER_STEPS)


def _ratio_path(rates: Rates, limit: float, steps: tuple[float, ...]) -> Floats:
    counts = rates.counts
    ratios = limit * np.array([1.0, *steps])[:, None]
    weighted = counts.canary_n[None, :] * ratios
    total = weighted + counts.stable_n[None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = weighted / total
        gain = counts.canary_events * np.log(part[1:] / part[0])
        loss = counts.stable_events * np.log((1.0 - part[1:]) / (1.0 - part[0]))
    # a bucket in which one arm had no call says nothing
    both = (counts.canary_n > 0) & (counts.stable_n > 0)
    path = Trust.of(rates).weigh(np.cumsum(np.where(both, gain + loss, 0.0), axis=1))
    return log_mean(path)


def harmless(rates: Rates, rate: float) -> Floats:
    """Log evidence that the canary's rate is below ``rate``, whatever stable does where it is there (R,)."""
    counts = rates.counts
    # beside nothing nothing is shown
    there = counts.stable_n > 0
    n, events = np.where(there, counts.canary_n, 0.0), np.where(there, counts.canary_events, 0.0)
    paths = [
        np.cumsum(events * math.log(step) + (n - events) * math.log((1 - step * rate) / (1 - rate)))
        for step in CALM_STEPS
    ]
    return log_mean(Trust.of(rates).weigh(np.array(paths)))


def log_mean(paths: Floats) -> Floats:
    """The log of the mean of processes (P, R) whose logs are given."""
    peak = paths.max(axis=0)
    found: Floats = peak + np.log(np.mean(np.exp(paths - peak), axis=0))
    return found


@dataclass(frozen=True, slots=True)
class MeanPath:
    """After each bucket (B,): canary minus stable, its variance (inf: unknown), and canary's items.

    ``few``: whether at the end the users are too few.
    """

    difference: Floats
    variance: Floats
    items: Floats
    few: bool

    def above(self, tolerance: float, prior: float) -> Floats:
        """Log evidence that the difference exceeds ``tolerance``; 0 before 100 items of the canary."""
        return self._path(self.difference, tolerance, prior)

    def below(self, margin: float, prior: float) -> Floats:
        """Log evidence that the difference is less than ``margin``."""
        return self._path(-self.difference, -margin, prior)

    def _path(self, difference: Floats, tolerance: float, prior: float) -> Floats:
        found = np.zeros(difference.size)
        for b in np.flatnonzero((self.items >= LEAST_ITEMS) & np.isfinite(self.variance)):
            found[b] = log_e_mean(float(difference[b]), float(self.variance[b]), tolerance, prior)
        return found


def mean_path(stable: Spread, canary: Spread) -> MeanPath:
    """Differences of bucket means, weighted by n_c n_s / (n_c + n_s), after each bucket."""
    n = [spread.n.sum(axis=1) for spread in (stable, canary)]
    means = [
        spread.total.sum(axis=1) / np.maximum(size, 1.0)
        for spread, size in zip((stable, canary), n, strict=True)
    ]
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where((n[0] > 0) & (n[1] > 0), n[0] * n[1] / (n[0] + n[1]), 0.0)
    total = np.cumsum(weight)
    scale = np.where(total > 0, total, 1.0)
    difference = np.cumsum(weight * (means[1] - means[0])) / scale
    few = users.few(Split(stable.n, stable.total)) | users.few(Split(canary.n, canary.total))
    known = (total > 0) & ~few
    return MeanPath(
        np.where(total > 0, difference, 0.0),
        np.where(known, _variance((stable, canary), weight) / scale**2, np.inf),
        np.cumsum(np.where(weight > 0, n[1], 0.0)),
        bool(few[-1]) if few.size else False,
    )


def _variance(arms: tuple[Spread, Spread], weight: Floats) -> Floats:
    """Of the sum of weight x difference of means (B,): by user groups, never below that of independent calls."""
    splits = (Split(arms[0].n, arms[0].total), Split(arms[1].n, arms[1].total))
    mean, others = users.level(splits)
    independent, found = np.zeros(weight.size), []
    enough = np.ones(weight.size, dtype=bool)
    for spread, split in zip(arms, splits, strict=True):
        size = split.n.sum(axis=1)
        each = np.where(size > 0, weight / np.maximum(size, 1.0), 0.0)[:, None]
        squares = np.maximum(spread.squares - split.total.sum(axis=1) ** 2 / np.maximum(size, 1.0), 0.0)
        used = weight > 0
        freedom = np.cumsum(np.where(used, size - 1.0, 0.0))
        enough &= freedom > 0
        of_a_call = np.maximum(
            np.cumsum(np.where(used, squares, 0.0)) / np.maximum(freedom, 1.0), LEAST_SD**2
        )
        independent = independent + of_a_call * np.cumsum(each[:, 0] ** 2 * size)
        there = (others > 0) & (each > 0)
        n, total = np.where(there, split.n, 0.0), np.where(there, split.total, 0.0)
        spare = np.cumsum(each**2 * n * (1.0 + n / np.maximum(others, 1.0)), axis=0)
        found.append(Excess(
            np.cumsum(each * (total - n * mean), axis=0), np.cumsum(each * n, axis=0), of_a_call[:, None] * spare,
        ))  # fmt: skip
    ones = np.ones(weight.size)
    spread_of_users = users.inflation((found[0], found[1]), (ones, ones))
    variance: Floats = np.where(enough, independent * spread_of_users, np.inf)
    return variance
