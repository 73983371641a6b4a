"""Made-up traffic with a fault in it, or without one: what the search for slices is held against.

Popularity is uneven, dimensions hang together (a version belongs to a model, a topic leans to a route), levels
differ from slice to slice, and the whole goes up and down from stretch to stretch.
"""

from dataclasses import dataclass

import numpy as np

from monitor.changes.search import Parts
from monitor.changes.tables import Bools, Floats, Ints, Table, dimension, mask_of

SIZES = {
    "model": 3, "version": 5, "route": 8, "tenant": 30, "language": 5, "topic": 12, "template": 15,
    "length": 5, "cached": 2, "finish_reason": 3, "grounding": 4, "user_group": 25,
}  # fmt: skip
STRETCHES = 8


@dataclass(frozen=True)
class World:
    """``seconds`` and ``failed``: what each call took, and whether it failed (1.0)."""

    table: Table
    seconds: Floats
    failed: Floats

    def taken(self, kept: Bools) -> "World":
        return World(self.table.taken(kept), self.seconds[kept], self.failed[kept])


def world(seed: int, calls: int = 2000) -> World:
    """``calls`` in each stretch and in the bad window; nothing has happened in it."""
    rng = np.random.default_rng(seed)
    n = calls * (STRETCHES + 1)
    blocks = np.sort(rng.integers(0, STRETCHES + 1, n))
    columns = {name: _values(rng, size, n) for name, size in SIZES.items()}
    columns["version"] = columns["model"] * SIZES["version"] + columns["version"]
    leaning = rng.random(n) < 0.6
    columns["topic"] = np.where(leaning, columns["route"] % SIZES["topic"], columns["topic"])
    columns["template"] = np.where(leaning, columns["route"] * 2 % SIZES["template"], columns["template"])
    table = Table(tuple(dimension(name, column) for name, column in columns.items()), blocks, STRETCHES)
    levels = sum(rng.normal(0, 0.15, one.size + 1)[one.codes] for one in table.dimensions)
    weather = rng.normal(0, 0.03, STRETCHES + 1)[blocks]
    seconds = np.log(0.8) + levels + weather + rng.normal(0, 0.5, n) + (rng.random(n) < 0.02) * 1.5
    rates = 0.01 * np.exp(levels)
    return World(table, seconds, (rng.random(n) < rates).astype(np.float64))


def _values(rng: np.random.Generator, size: int, n: int) -> Ints:
    weights = 1.0 / np.arange(1, size + 1) ** 0.8
    return rng.choice(size, n, p=weights / weights.sum()).astype(np.int64)


def a_slice(seed: int, of: World) -> Parts:
    """One value of a dimension, or of two, that 2 to 30 % of the calls have."""
    rng = np.random.default_rng((seed, 1))
    while True:
        count = 1 + seed % 2
        places = sorted(rng.choice(len(of.table.dimensions), count, replace=False).tolist())
        parts = tuple((place, int(rng.integers(of.table.dimensions[place].size))) for place in places)
        if 0.02 <= mask_of(of.table, parts).mean() <= 0.3:
            return parts


def slower(of: World, parts: Parts, factor: float) -> World:
    hit = mask_of(of.table, parts) & of.table.bad
    return World(of.table, of.seconds + hit * np.log(factor), of.failed)


def failing(of: World, parts: Parts, share: float, seed: int) -> World:
    hit = mask_of(of.table, parts) & of.table.bad
    more = hit & (np.random.default_rng((seed, 2)).random(len(hit)) < share)
    return World(of.table, of.seconds, np.maximum(of.failed, more))


def silent(of: World, parts: Parts, share: float, seed: int) -> World:
    """Such a share of the slice's calls never comes in the bad window."""
    hit = mask_of(of.table, parts) & of.table.bad
    return of.taken(~(hit & (np.random.default_rng((seed, 3)).random(len(hit)) < share)))


def unseen(of: World, parts: Parts, factor: float) -> World:
    """The slice is new: the baseline had none of it, and it is slower."""
    return slower(of, parts, factor).taken(~mask_of(of.table, parts) | of.table.bad)
