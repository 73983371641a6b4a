"""Means and shares by the hour against a pinned, seasonally matched reference. Pure.

A number (mean of log length, mean judge score) is one stream; a category mix is one stream per category (its
share). Per hour: effect x, sampling variance v; from the reference, each hour against the *other* days of its
stratum: x^2 ~ phi v + tau^2, where phi catches sessions and users and tau the natural wander. Then
noise s = sqrt(phi v + tau^2) and tolerance d = max(floor, 3 tau of whole days).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

from monitor.core.stats import Floats, Ints
from monitor.drift.engine.matching import Cells

MAD_TO_DEVIATION = 1.4826
# a stratum of the reference must have been seen on so many days to be asked
LEAST_DAYS = 2
TOLERANCE_IN_WANDER = 3.0
TRIMMED = 0.01
# an hour with fewer items says too little to be an effect
LEAST_ITEMS = 10


@dataclass(frozen=True, slots=True)
class Hours:
    """Additive sketches: hours since 1970 (H,), and per stream n, sum and sum of squares (H, K)."""

    at: Ints
    n: Floats
    total: Floats
    squares: Floats

    @classmethod
    def of_shares(cls, at: Ints, counts: Floats) -> Self:
        """Counts of K categories per hour: the items are flags, whose squares are themselves."""
        n = np.repeat(counts.sum(axis=1, keepdims=True), counts.shape[1], axis=1)
        return cls(at, n, counts, counts)

    @property
    def mean(self) -> Floats:
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = self.total / self.n
            return found

    def part(self, kept: np.ndarray) -> "Hours":
        return Hours(self.at[kept], self.n[kept], self.total[kept], self.squares[kept])


@dataclass(frozen=True, slots=True)
class Effects:
    """Per hour and stream: the signed effect, its sampling variance; NaN where nothing can be said."""

    x: Floats
    v: Floats


@dataclass(frozen=True, slots=True)
class Level:
    """Sums of the reference by one key (stratum, hour of the day, everything): (keys, K), and days (keys,)."""

    n: Floats
    total: Floats
    squares: Floats
    days: Floats


@dataclass(frozen=True, slots=True)
class Normal:
    """What the reference says is normal: levels from fine to coarse, noise and tolerance per stream (K,)."""

    levels: tuple[Level, ...]
    phi: Floats
    tau2: Floats
    wander: Floats
    tolerance: Floats

    def effects(self, hours: Hours, cells: Cells) -> Effects:
        return _compare(
            hours, [_look(level, key) for level, key in zip(self.levels, cells.keys, strict=True)]
        )

    def noise(self, v: Floats) -> Floats:
        found: Floats = np.sqrt(self.phi * v + self.tau2)
        return found

    def excess(self, effects: Effects) -> Floats:
        """Z of every hour in both directions: (H, 2 K), up first; NaN where nothing can be said."""
        s = self.noise(effects.v)
        up, down = (effects.x - self.tolerance) / s, (-effects.x - self.tolerance) / s
        return np.concatenate([up, down], axis=1)


def fit(reference: Hours, cells: Cells, days: Ints, floor: float) -> Normal:
    """Learn from the reference, of which ``days`` (H,) says which hours belong together.

    ``floor``: the least tolerance, in the unit of the effect.
    """
    levels = tuple(
        _level(reference, key, days, size) for key, size in zip(cells.keys, cells.sizes, strict=True)
    )
    others = [
        _look_without_own_day(reference, level, key, days)
        for level, key in zip(levels, cells.keys, strict=True)
    ]
    effects = _compare(reference, others)
    streams = range(reference.n.shape[1])
    fitted = np.array([_noise_model(effects.x[:, k], effects.v[:, k]) for k in streams])
    phi, tau2 = fitted[:, 0], fitted[:, 1]
    wander = np.array(
        [_daily_wander(effects.x[:, k], effects.v[:, k] * phi[k], reference.n[:, k], days) for k in streams]
    )
    return Normal(levels, phi, tau2, wander, np.maximum(floor, TOLERANCE_IN_WANDER * wander))


def _level(hours: Hours, key: Ints, days: Ints, size: int) -> Level:
    seen = {(int(k), int(d)) for k, d, n in zip(key, days, hours.n.max(axis=1), strict=True) if n > 0}
    counted = np.bincount(np.array([k for k, _ in seen], dtype=np.int64), minlength=size).astype(np.float64)
    return Level(
        _sum(hours.n, key, size), _sum(hours.total, key, size), _sum(hours.squares, key, size), counted
    )


def _sum(values: Floats, key: Ints, size: int) -> Floats:
    found = np.zeros((size, values.shape[1]))
    np.add.at(found, key, values)
    return found


def _look(level: Level, key: Ints) -> Level:
    return Level(level.n[key], level.total[key], level.squares[key], level.days[key])


def _look_without_own_day(hours: Hours, level: Level, key: Ints, days: Ints) -> Level:
    """The sums of each hour's key over the other days."""
    _, group = np.unique(key * (int(days.max()) + 1) + days, return_inverse=True)
    size = int(group.max()) + 1
    own = [_sum(values, group, size)[group] for values in (hours.n, hours.total, hours.squares)]
    return Level(
        level.n[key] - own[0], level.total[key] - own[1], level.squares[key] - own[2], level.days[key] - 1.0
    )


def _compare(hours: Hours, found: list[Level]) -> Effects:
    """Each hour against the finest level that has been seen on enough days."""
    x, v = np.full(hours.n.shape, np.nan), np.full(hours.n.shape, np.nan)
    for level in found:
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = level.total / level.n
            within = np.maximum(level.squares / level.n - mean**2, 0.0)
            # a category not seen in the reference must not look certain
            within = np.maximum(within, 1.0 / (level.n + 1.0) ** 2)
            variance = within * (1.0 / hours.n + 1.0 / level.n)
            effect = hours.total / hours.n - mean
        open_ = np.isnan(x) & (hours.n >= LEAST_ITEMS) & (level.days[:, None] >= LEAST_DAYS) & (level.n > 0)
        x[open_], v[open_] = effect[open_], variance[open_]
    return Effects(x, v)


def _noise_model(x: Floats, v: Floats) -> tuple[float, float]:
    """Phi >= 1 and tau^2 >= 0 of x^2 ~ phi v + tau^2, by weighted least squares without the top 1 %."""
    known = np.isfinite(x) & np.isfinite(v)
    y, v = x[known] ** 2, v[known]
    if y.size < 8:
        return 1.0, 0.0
    ratio = y / v
    kept = ratio <= np.quantile(ratio, 1.0 - TRIMMED)
    y, v = y[kept], v[kept]
    phi, tau2 = max(1.0, float(np.mean(y / v))), 0.0
    for _ in range(4):
        weight = 1.0 / (phi * v + tau2) ** 2
        sw, sv, svv = weight.sum(), (weight * v).sum(), (weight * v * v).sum()
        sy, svy = (weight * y).sum(), (weight * v * y).sum()
        determinant = sw * svv - sv * sv
        if determinant > 1e-12 * sw * svv:
            phi, tau2 = (sw * svy - sv * sy) / determinant, (svv * sy - sv * svy) / determinant
        if tau2 <= 0.0 or determinant <= 1e-12 * sw * svv:
            phi, tau2 = svy / svv, 0.0
        if phi < 1.0:
            phi, tau2 = 1.0, max(0.0, float((sy - sv) / sw))
    return float(phi), float(tau2)


def _daily_wander(x: Floats, v: Floats, n: Floats, days: Ints) -> float:
    """The deviation of whole days of the reference beyond what sampling explains."""
    known = np.isfinite(x)
    if not known.any():
        return 0.0
    _, group = np.unique(days[known], return_inverse=True)
    weight = n[known]
    total = np.bincount(group, weight)
    effect = np.bincount(group, weight * x[known]) / total
    sampling = np.bincount(group, weight**2 * v[known]) / total**2
    if effect.size < 4:
        return 0.0
    spread = MAD_TO_DEVIATION * float(np.median(np.abs(effect - np.median(effect))))
    return float(np.sqrt(max(0.0, spread**2 - float(np.mean(sampling)))))
