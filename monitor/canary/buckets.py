"""The calls of two versions as sums per 5 minutes: all that the gates need to know. Pure and additive.

Only buckets are compared with each other, so volume, season, ramps and incidents that hit both arms cancel.
"""

from dataclasses import dataclass

import numpy as np

from monitor.core.stats import Floats, Ints

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
