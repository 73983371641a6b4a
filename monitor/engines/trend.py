"""A straight growth that can be trusted: Theil–Sen's slope over block medians, with an interval. Pure.

Neighbouring samples of a load are alike, so an interval over all of them is far too narrow. Medians of blocks are
less so, and what is left of the likeness widens the interval (variance of Kendall's S, Hamed and Rao).
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
BLOCKS, LEAST_BLOCKS = 12, 10
# two-sided 99 %
Z = 2.576


@dataclass(frozen=True, slots=True)
class Slope:
    """Per second. ``noise``: how far the blocks lie from the line (robust standard deviation); ``at``: its end."""

    value: float
    low: float
    high: float
    noise: float
    at: float


def slope_of(times: Floats, values: Floats) -> Slope | None:
    """The growth over the whole span of ``times`` (seconds); None where too little of it is known."""
    x, y = blocks(times, values, BLOCKS)
    n = len(y)
    if n < LEAST_BLOCKS:
        return None
    first, second = np.triu_indices(n, 1)
    slopes = np.sort((y[second] - y[first]) / (x[second] - x[first]))
    value = float(np.median(slopes))
    rest = y - value * x
    level = float(np.median(rest))
    spread = Z * math.sqrt(n * (n - 1) * (2 * n + 5) / 18 * _inflation(rest))
    pairs = len(slopes)
    low = max(0, math.floor((pairs - spread) / 2))
    high = min(pairs - 1, math.ceil((pairs + spread) / 2))
    noise = 1.4826 * float(np.median(np.abs(rest - level)))
    return Slope(value, float(slopes[low]), float(slopes[high]), noise, level + value * float(times[-1]))


def blocks(times: Floats, values: Floats, count: int) -> tuple[Floats, Floats]:
    """Middles and medians of equal stretches; one of which less than half is known is left out."""
    edges = np.linspace(times[0], times[-1], count + 1)
    place = np.clip(np.searchsorted(edges, times, side="right") - 1, 0, count - 1)
    known = np.isfinite(values)
    kept = [
        (float(times[mine].mean()), float(np.median(values[mine & known])))
        for one in range(count)
        if (mine := place == one).any() and (mine & known).sum() * 2 >= mine.sum()
    ]
    found = np.array(kept, dtype=np.float64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _inflation(rest: Floats) -> float:
    """How much likeness of neighbours widens the variance of S; never below 1."""
    n = len(rest)
    ranks = np.argsort(np.argsort(rest)).astype(np.float64)
    ranks -= ranks.mean()
    power = float((ranks**2).sum())
    total = 0.0
    for lag in range(1, n // 2):
        likeness = float((ranks[lag:] * ranks[:-lag]).sum()) / power
        if abs(likeness) > 1.96 / math.sqrt(n):
            total += (n - lag) * (n - lag - 1) * (n - lag - 2) * likeness
    return max(1.0, 1 + 2 / (n * (n - 1) * (n - 2)) * total)
