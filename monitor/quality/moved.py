"""When a judge's marks move: is it the answers, or the judge? Pure.

The frozen calls decide: their answers cannot change, so marks that move on them are the judge's doing.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from monitor.core.stats import Floats, Interval, t_quantile
from monitor.quality.golden import TOLERANCE, Shift

Word = Literal["few", "steady", "quality", "judge", "both", "unknown"]
# fewer marks before or after say nothing about a move
LEAST_MARKS = 20
# a move that may be larger than a tenth of the scale is not called steady
HIDDEN = 0.5


@dataclass(frozen=True, slots=True)
class Move:
    """How a version's mean mark changed, and what that means. ``shift`` is what the frozen calls say."""

    word: Word
    difference: float
    interval: Interval
    before: int
    after: int
    shift: Shift | None


def tell(before: Floats, after: Floats, shift: Shift | None) -> Move:
    """What the marks of the last day against those of the days before mean."""
    if min(before.size, after.size) < LEAST_MARKS:
        return Move("few", 0.0, Interval(-math.inf, math.inf), before.size, after.size, shift)
    difference, interval = welch(before, after)
    return Move(
        _word(difference, interval, shift), difference, interval, before.size, after.size, shift
    )  # fmt: skip


def _word(difference: float, interval: Interval, shift: Shift | None) -> Word:
    if abs(difference) <= TOLERANCE or interval.contains(0.0):
        return "steady" if max(-interval.low, interval.high) <= HIDDEN else "few"
    if shift is None or shift.moved is None:
        return "unknown"
    if not shift.moved or shift.difference * difference < 0:
        return "quality"
    # what the judge's own move leaves unexplained
    return "judge" if abs(difference - shift.difference) <= max(TOLERANCE, abs(difference) / 2) else "both"


def welch(before: Floats, after: Floats) -> tuple[float, Interval]:
    """The difference of two means and its 95 % interval."""
    parts = [float(np.var(one, ddof=1)) / one.size for one in (before, after)]
    variance = sum(parts)
    difference = float(after.mean() - before.mean())
    squares = sum(part**2 / (one.size - 1) for part, one in zip(parts, (before, after), strict=True))
    freedom = variance**2 / squares if squares > 0 else float(before.size + after.size - 2)
    half = t_quantile(0.975, max(1.0, freedom)) * math.sqrt(variance)
    return difference, Interval(difference - half, difference + half)
