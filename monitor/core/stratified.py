"""What people would have said on average, where labels were drawn more densely among some calls than others. Pure.

Prediction-powered inference (see ``calibrated``) stratum by stratum, each weighted by its share of the traffic:
that undoes the uneven drawing. One weight of the judge for all strata, since a stratum alone has few labels.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.core.calibrated import LEAST_LABELS, TooFewLabelsError
from monitor.core.stats import Floats, Interval, t_quantile

# a variance out of fewer labels is no variance
LEAST_OF_A_STRATUM = 4


@dataclass(frozen=True, slots=True)
class Stratum:
    """Labels (n,) with the judge's scores of the same calls (n,), and its scores of the other calls (N,)."""

    labels: Floats
    there: Floats
    others: Floats

    @property
    def size(self) -> int:
        return self.there.size + self.others.size

    def with_next(self, other: "Stratum") -> "Stratum":
        return Stratum(*(
            np.concatenate(pair)
            for pair in ((self.labels, other.labels), (self.there, other.there), (self.others, other.others))
        ))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimate:
    """``weight``: how far the judge is believed, 0 to 1. ``freedom``: degrees of freedom of the deviation."""

    mean: float
    deviation: float
    labels: int
    judged: int
    weight: float
    freedom: float

    def interval(self, level: float = 0.95) -> Interval:
        """For one look only (fixed n)."""
        half = t_quantile(0.5 + level / 2.0, max(1.0, self.freedom)) * self.deviation
        return Interval(self.mean - half, self.mean + half)


def estimate(strata: Sequence[Stratum], *, shares: bool = False) -> Estimate:
    """The mean over all strata. ``shares``: labels are 0 or 1, and a stratum of equal labels still has a variance.

    Raises TooFewLabelsError, also where one stratum has too few: its calls would be taken for like the others.
    """
    n = sum(one.labels.size for one in strata)
    if lacking(strata):
        raise TooFewLabelsError(n)
    usable = merged([one for one in strata if one.size])
    sizes = np.array([one.size for one in usable], dtype=np.float64)
    parts = sizes / sizes.sum()
    weight = _weight(usable, parts)
    mean, terms = 0.0, []
    for one, part in zip(usable, parts, strict=True):
        mean += part * _mean(one, weight)
        terms.append((part * part * _variance(one, weight, shares=shares), one.labels.size - 1))
    variance = sum(term for term, _ in terms)
    squares = sum(term * term / max(1, freedom) for term, freedom in terms)
    freedom = variance * variance / squares if squares > 0 else float(n - 1)
    return Estimate(mean, math.sqrt(variance), n, int(sizes.sum()), weight, freedom)


def lacking(strata: Sequence[Stratum]) -> int:
    """Labels that are needed before there is an estimate: in all, and in each stratum that has calls."""
    in_all = LEAST_LABELS - sum(one.labels.size for one in strata)
    return max(0, in_all, sum(_missing(one) for one in strata))


def order(strata: Sequence[Stratum], *, shares: bool = False) -> list[int]:
    """Where the next label is best drawn: what has too few first, then by how much it would help."""
    helps = gains(strata, shares=shares)
    return sorted(
        (place for place, one in enumerate(strata) if one.others.size),
        key=lambda place: (_missing(strata[place]) == 0, -helps[place]),
    )


def _missing(one: Stratum) -> int:
    return max(0, min(LEAST_OF_A_STRATUM, one.size) - one.labels.size)


def merged(strata: Sequence[Stratum]) -> list[Stratum]:
    """Neighbours thrown together until each has labels enough for a variance; only tiny strata ever are."""
    found: list[Stratum] = []
    for one in strata:
        if found and min(found[-1].labels.size, one.labels.size) < LEAST_OF_A_STRATUM:
            found[-1] = found[-1].with_next(one)
        else:
            found.append(one)
    while len(found) > 1 and found[-1].labels.size < LEAST_OF_A_STRATUM:
        last = found.pop()
        found[-1] = found[-1].with_next(last)
    return found


def gains(strata: Sequence[Stratum], *, shares: bool = False) -> list[float]:
    """By how much one more label in each stratum would shrink the variance of the mean."""
    sizes = np.array([one.size for one in strata], dtype=np.float64)
    parts = sizes / max(1.0, sizes.sum())
    every = np.concatenate([one.labels for one in strata]) if strata else np.empty(0)
    # where there are no labels yet, anything is possible
    usual = 0.25 if shares else max(1.0, float(np.var(every)) if every.size > 1 else 0.0)
    found = []
    for one, part in zip(strata, parts, strict=True):
        n = one.labels.size
        own = _spread(one.labels, shares=shares) if n > 1 else usual
        # a few labels say little about a stratum's spread
        spread = (n * own + LEAST_OF_A_STRATUM * usual) / (n + LEAST_OF_A_STRATUM)
        found.append(float(part * part * spread * (1.0 / max(n, 0.5) - 1.0 / (n + 1.0))))
    return found


def _weight(strata: Sequence[Stratum], parts: Floats) -> float:
    """The weight of the judge that makes the variance least, 0 to 1."""
    above = below = 0.0
    for one, part in zip(strata, parts, strict=True):
        n, others = one.labels.size, one.others.size
        if n < 2 or others < 2:
            continue
        above += part**2 * float(np.cov(one.labels, one.there, ddof=1)[0, 1]) / n
        spread = float(np.var(np.concatenate([one.there, one.others]), ddof=1))
        below += part**2 * spread * (1.0 / n + 1.0 / others)
    return min(1.0, max(0.0, above / below)) if below > 0 else 0.0


def _mean(one: Stratum, weight: float) -> float:
    if one.others.size < 2:
        return float(one.labels.mean())
    return weight * float(one.others.mean()) + float(np.mean(one.labels - weight * one.there))


def _variance(one: Stratum, weight: float, *, shares: bool) -> float:
    n, others = one.labels.size, one.others.size
    if others < 2:
        return _spread(one.labels, shares=shares) / n
    left = one.labels - weight * one.there
    plain = float(np.var(left, ddof=1))
    # equal labels do not mean that the next one is equal, too
    least = _spread(one.labels, shares=True) if shares and np.ptp(one.labels) == 0 else 0.0
    return max(plain, least) / n + weight**2 * float(np.var(one.others, ddof=1)) / others


def _spread(labels: Floats, *, shares: bool) -> float:
    if not shares:
        return float(np.var(labels, ddof=1)) if labels.size > 1 else 0.0
    share = (float(labels.sum()) + 1.0) / (labels.size + 2.0)
    return share * (1.0 - share)
