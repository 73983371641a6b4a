"""The calls of two versions as sums per 5 minutes: all that the gates need to know. Pure and additive.

Only buckets are compared with each other, so volume, season, ramps and incidents that hit both arms cancel.
"""

from dataclasses import dataclass

import numpy as np

from monitor.core.histograms import bucket_index
from monitor.core.stats import Counts, Floats, Ints

SECONDS = 300
USER_GROUPS = 25
# a threshold comes from what stable did in the 6 hours before the bucket
BEFORE = 72
LEAST_BEFORE = 200
SCHEMA = 5


@dataclass(frozen=True, slots=True)
class Grid:
    """Buckets from ``first`` (buckets since 1970) on, ``size`` of them."""

    first: int
    size: int

    @classmethod
    def over(cls, *times: Floats) -> "Grid":
        """All buckets that any of the calls (Unix seconds) lie in."""
        every = np.concatenate(times)
        if not every.size:
            return cls(0, 0)
        first, last = int(every.min() // SECONDS), int(every.max() // SECONDS)
        return cls(first, last - first + 1)

    def of(self, times: Floats) -> Ints:
        found: Ints = (times // SECONDS).astype(np.int64) - self.first
        return found

    def since(self, start: float) -> slice:
        """The buckets that begin at ``start`` (Unix seconds) or later."""
        return slice(max(0, int(np.ceil(start / SECONDS)) - self.first), self.size)


def counts(grid: Grid, stable: tuple[Ints, Floats], canary: tuple[Ints, Floats]) -> Counts:
    """Items and events per bucket; each arm is (bucket of each call, 1.0 for an event)."""
    sums = [
        np.bincount(places, weights, grid.size).astype(np.float64)
        for places, flags in (stable, canary)
        for weights in (np.ones(places.size), flags)
    ]
    return Counts(*sums)


@dataclass(frozen=True, slots=True)
class Spread:
    """One arm of a number: per bucket and user group n and sum (B, G), and the sum of squares (B,)."""

    n: Floats
    total: Floats
    squares: Floats

    @classmethod
    def of(cls, grid: Grid, places: Ints, values: Floats, users: Ints) -> "Spread":
        kept = np.isfinite(values)
        places, values, users = places[kept], values[kept], users[kept] % USER_GROUPS
        flat, size = places * USER_GROUPS + users, grid.size * USER_GROUPS
        shape = (grid.size, USER_GROUPS)
        return cls(
            np.bincount(flat, minlength=size).reshape(shape).astype(np.float64),
            np.bincount(flat, values, size).reshape(shape).astype(np.float64),
            np.bincount(places, values**2, grid.size).astype(np.float64),
        )

    def joined(self, width: int) -> "Spread":
        """Buckets joined ``width`` at a time, for what is measured seldom."""
        starts = np.arange(0, self.squares.size, width)
        n, total, squares = (
            np.add.reduceat(sums, starts, axis=0) for sums in (self.n, self.total, self.squares)
        )
        return Spread(n, total, squares)

    def part(self, kept: slice) -> "Spread":
        return Spread(self.n[kept], self.total[kept], self.squares[kept])


@dataclass(frozen=True, slots=True)
class Histograms:
    """One arm of a positive number as a histogram per bucket: counts (B, bins), from bin ``lowest`` on."""

    lowest: int
    counts: Floats


def histograms(
    grid: Grid, stable: tuple[Ints, Floats], canary: tuple[Ints, Floats]
) -> tuple[Histograms, Histograms]:
    """Both arms on the same logarithmic bins, 2.2 % wide; values of zero or less and NaN are left out."""
    known = [(places[values > 0], values[values > 0]) for places, values in (stable, canary)]
    bins = [bucket_index(values, SCHEMA).astype(np.int64) for _, values in known]
    every = np.concatenate(bins)
    lowest, width = (int(every.min()), int(np.ptp(every)) + 1) if every.size else (0, 1)
    made = [
        np.bincount(places * width + index - lowest, minlength=grid.size * width).reshape(grid.size, width)
        for (places, _), index in zip(known, bins, strict=True)
    ]
    return Histograms(lowest, made[0].astype(np.float64)), Histograms(lowest, made[1].astype(np.float64))


def exceedances(stable: Histograms, canary: Histograms, q: float) -> Counts:
    """Calls beyond stable's q-quantile of the 6 hours before each bucket: known before the bucket began.

    Buckets before which stable had too few calls count nothing.
    """
    cumulative = np.concatenate([np.zeros((1, stable.counts.shape[1])), np.cumsum(stable.counts, axis=0)])
    now = np.arange(stable.counts.shape[0])
    past = cumulative[now] - cumulative[np.maximum(0, now - BEFORE)]
    total = past.sum(axis=1)
    threshold = (np.cumsum(past, axis=1) < q * total[:, None] - 1e-9).sum(axis=1)
    usable = total >= LEAST_BEFORE
    beyond = np.arange(stable.counts.shape[1])[None, :] > threshold[:, None]
    sums = []
    for arm in (stable, canary):
        sums += [
            np.where(usable, arm.counts.sum(axis=1), 0.0),
            np.where(usable, (arm.counts * beyond).sum(axis=1), 0.0),
        ]
    return Counts(*sums)
