"""Evidence that may be looked at after every bucket: e-processes of a canary against stable. Pure.

Ratios of counts: given the events of a bucket, the canary's part is at most binomial (as Netflix' counting
test). Means: bucket-wise differences with user-cluster variance in a one-sided mSPRT. All paths are log E
after each bucket; a gate fails when E reaches k / alpha, however often anyone has looked.
"""

from dataclasses import dataclass

import numpy as np

from monitor.canary.buckets import USER_GROUPS, Spread
from monitor.core.stats import RATIO_STEPS, Counts, Floats, log_e_mean

BETTER_STEPS = (0.9, 0.75, 0.6, 0.5, 0.4, 0.25)
LEAST_ITEMS = 100


def ratio_above(counts: Counts, limit: float) -> Floats:
    """Log evidence after each bucket that canary's rate is more than ``limit`` times stable's (B,)."""
    return _ratio_path(counts, limit, RATIO_STEPS)


def ratio_below(counts: Counts, limit: float) -> Floats:
    """Log evidence after each bucket that canary's rate is less than ``limit`` times stable's (B,)."""
    return _ratio_path(counts, limit, BETTER_STEPS)


def _ratio_path(counts: Counts, limit: float, steps: tuple[float, ...]) -> Floats:
    ratios = limit * np.array([1.0, *steps])[:, None]
    weighted = counts.canary_n[None, :] * ratios
    total = weighted + counts.stable_n[None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        part = weighted / total
        gain = counts.canary_events * np.log(part[1:] / part[0])
        loss = counts.stable_events * np.log((1.0 - part[1:]) / (1.0 - part[0]))
    # a bucket in which one arm had no call says nothing
    both = (counts.canary_n > 0) & (counts.stable_n > 0)
    path = np.cumsum(np.where(both, gain + loss, 0.0), axis=1)
    peak = path.max(axis=0)
    found: Floats = peak + np.log(np.mean(np.exp(path - peak), axis=0))
    return found


@dataclass(frozen=True, slots=True)
class MeanPath:
    """After each bucket (B,): canary minus stable, its variance (inf: unknown), and canary's items."""

    difference: Floats
    variance: Floats
    items: Floats

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
    arms = [_Arm(stable), _Arm(canary)]
    n = [arm.n for arm in arms]
    with np.errstate(invalid="ignore", divide="ignore"):
        weight = np.where((n[0] > 0) & (n[1] > 0), n[0] * n[1] / (n[0] + n[1]), 0.0)
    total = np.cumsum(weight)
    scale = np.where(total > 0, total, 1.0)
    difference = np.cumsum(weight * (arms[1].mean - arms[0].mean)) / scale
    variance = sum(arm.variance(weight) for arm in arms) / scale**2
    known = total > 0
    return MeanPath(
        np.where(known, difference, 0.0),
        np.where(known, variance, np.inf),
        np.cumsum(np.where(weight > 0, n[1], 0.0)),
    )


class _Arm:
    """One arm's bucket means and how the variance of their weighted sum grows bucket by bucket."""

    def __init__(self, spread: Spread) -> None:
        self.n = spread.n.sum(axis=1)
        items = np.maximum(self.n, 1.0)
        self.mean = spread.total.sum(axis=1) / items
        self.squares = np.maximum(spread.squares - self.n * self.mean**2, 0.0)
        unbiased = np.sqrt(self.n / np.maximum(self.n - 1.0, 1.0)) / items
        self.residuals = (spread.total - spread.n * self.mean[:, None]) * unbiased[:, None]

    def variance(self, weight: Floats) -> Floats:
        """By user groups, never below that of independent calls (B,), of the sum of weight x mean."""
        used = weight > 0
        freedom = np.cumsum(np.where(used, self.n - 1.0, 0.0))
        squares = np.cumsum(np.where(used, self.squares, 0.0))
        spread = np.cumsum(np.where(used, weight**2 / np.maximum(self.n, 1.0), 0.0))
        independent = np.where(freedom > 0, squares / np.maximum(freedom, 1.0) * spread, np.inf)
        groups = np.cumsum(weight[:, None] * self.residuals, axis=0)
        clustered = (groups**2).sum(axis=1) * USER_GROUPS / (USER_GROUPS - 1)
        found: Floats = np.maximum(independent, clustered)
        return found
