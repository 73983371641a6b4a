"""Intervals and tests shared by drift, quality and canary: plain numpy and the standard library.

``scipy.stats`` costs a second to import, so a web process must get by without it. Everything called a
confidence *sequence* stays valid however often one looks (Ville's inequality on a mixture martingale).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval; an end may be infinite when the data leave it open."""

    low: float
    high: float

    def contains(self, value: float) -> bool:
        return self.low <= value <= self.high


def normal_quantile(p: float) -> float:
    return _NORMAL.inv_cdf(p)


def normal_cdf(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2.0))


def t_cdf(x: float, df: float) -> float:
    """Student's distribution function through the regularised incomplete beta function."""
    tail = 0.5 * _beta_cdf(df / (df + x * x), df / 2.0, 0.5)
    return 1.0 - tail if x > 0 else tail


def t_quantile(p: float, df: float) -> float:
    """The p-quantile of Student's t with ``df`` degrees of freedom, to about 1e-10."""
    if p == 0.5:
        return 0.0
    if p < 0.5:
        return -t_quantile(1.0 - p, df)
    low, high = 0.0, 2.0
    while t_cdf(high, df) < p:
        high *= 2.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if t_cdf(middle, df) < p else (low, middle)
    return 0.5 * (low + high)


def _beta_cdf(x: float, a: float, b: float) -> float:
    if x <= 0.0 or x >= 1.0:
        return float(x >= 1.0)
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - _beta_cdf(1.0 - x, b, a)
    front = a * math.log(x) + b * math.log1p(-x) - log_beta(a, b)
    return math.exp(front) * _beta_fraction(x, a, b) / a


def _beta_fraction(x: float, a: float, b: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's method."""
    c, d = 1.0, 1.0 / _away_from_zero(1.0 - (a + b) * x / (a + 1.0))
    result = d
    for m in range(1, 300):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for step in (even, odd):
            d = 1.0 / _away_from_zero(1.0 + step * d)
            c = _away_from_zero(1.0 + step / c)
            result *= d * c
        if abs(d * c - 1.0) < 1e-14:
            break
    return result


def _away_from_zero(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300


def log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def wilson(events: float, n: float, level: float = 0.95) -> Interval:
    """Wilson's interval of a share; (0, 1) when nothing was counted. For one look only."""
    if n <= 0:
        return Interval(0.0, 1.0)
    z = normal_quantile(0.5 + level / 2.0)
    share = events / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(max(0.0, middle - half), min(1.0, middle + half))


def log_e_mean(estimate: float, variance: float, tolerance: float, prior: float) -> float:
    """Log evidence that a mean difference exceeds ``tolerance`` (one-sided mSPRT, half-normal prior scale)."""
    excess = estimate - tolerance
    if variance <= 0.0 or not math.isfinite(variance):
        return 0.0
    spread = variance + prior * prior
    pull = excess * prior / math.sqrt(variance * spread)
    return 0.5 * math.log(variance / spread) + 0.5 * pull * pull + log_twice_normal_cdf(pull)


def log_twice_normal_cdf(x: float) -> float:
    """log(2 Phi(x)), also far in the left tail, where Phi underflows."""
    if x > -30.0:
        return math.log(math.erfc(-x / math.sqrt(2.0)))
    return -0.5 * x * x - math.log(-x * math.sqrt(math.pi / 2.0))


def mean_sequence(estimate: float, variance: float, alpha: float, prior: float) -> Interval:
    """Confidence sequence of a mean difference (two-sided normal mixture; asymptotic in the sample)."""
    if variance <= 0.0 or not math.isfinite(variance):
        return Interval(-math.inf, math.inf)
    spread = variance + prior * prior
    room = math.log(1.0 / alpha) + 0.5 * math.log(spread / variance)
    half = math.sqrt(2.0 * variance * spread / (prior * prior) * room)
    return Interval(estimate - half, estimate + half)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A sample by rank: sorted ``values`` with cumulative ``counts`` (1, 2, 3 … for plain arrays).

    A histogram comes as its bucket values with cumulative bucket counts; its answers are then as exact
    as its buckets.
    """

    values: Floats
    counts: Floats

    @classmethod
    def of(cls, values: Floats) -> "Ranked":
        kept = np.sort(values[np.isfinite(values)])
        return cls(kept, np.arange(1.0, kept.size + 1.0))

    @classmethod
    def of_buckets(cls, index: Ints, counts: Floats, schema: int) -> "Ranked":
        """Out of the positive buckets of a native histogram, each standing at its geometric middle."""
        return cls(np.exp2((index - 0.5) / 2.0**schema), np.cumsum(counts))

    @property
    def n(self) -> int:
        return round(float(self.counts[-1])) if self.counts.size else 0

    def at(self, rank: int) -> float:
        """The value of that rank, from 1; outside the sample the end is open."""
        if rank < 1:
            return -math.inf
        place = int(np.searchsorted(self.counts, rank - 1e-9))
        return float(self.values[place]) if place < self.values.size else math.inf

    def at_each(self, ranks: Ints) -> Floats:
        """``at`` of many."""
        places = np.searchsorted(self.counts, ranks - 1e-9)
        found = np.append(self.values, math.inf)[places]
        return np.where(ranks < 1, -math.inf, found)

    def quantile(self, q: float) -> float:
        return self.at(max(1, math.ceil(q * self.n - 1e-9))) if self.n else math.nan


# pseudo-observations of the mixture's prior: the sequence is tightest near eight times as many (2 000 calls)
PRIOR_WEIGHT = 250.0


def rank_evidence(n: int, q: float, weight: float = PRIOR_WEIGHT) -> tuple[int, Floats]:
    """Log evidence against "exactly ``rank`` of n observations lie below the true q-quantile", by rank.

    A beta-binomial mixture against Binomial(n, q): a martingale when the guess is right. Returns the first
    rank and the values from there on; ranks farther than 12 standard deviations out are left off.
    """
    reach = 12.0 * math.sqrt(n * q * (1.0 - q)) + 50.0
    first, last = max(0, math.floor(n * q - reach)), min(n, math.ceil(n * q + reach))
    a, b = weight * q, weight * (1.0 - q)
    base, log_q, log_rest = log_beta(a, b), math.log(q), math.log1p(-q)
    ranks = np.arange(first, last, dtype=np.float64)
    # from one rank to the next the mixture grows by (a + k) / (b + n - k - 1)
    steps = np.log((a + ranks) / (b + n - ranks - 1.0)) - log_q + log_rest
    start = log_beta(a + first, b + n - first) - base - first * log_q - (n - first) * log_rest
    return first, start + np.append(0.0, np.cumsum(steps))


def quantile_sequence(sample: Ranked, q: float, alpha: float) -> Interval:
    """Confidence sequence of one quantile: exact and free of assumptions on the distribution's shape."""
    if sample.n == 0:
        return Interval(-math.inf, math.inf)
    first, evidence = rank_evidence(sample.n, q)
    kept = np.flatnonzero(evidence < math.log(1.0 / alpha))
    return Interval(sample.at(first + int(kept[0])), sample.at(first + int(kept[-1]) + 1))


def quantile_difference(stable: Ranked, canary: Ranked, q: float, alpha: float) -> Interval:
    """Confidence sequence of canary's q-quantile minus stable's.

    The product of the two arms' martingales is one: a difference d stays in while some stable quantile s
    leaves both s and s + d unrefuted together. Tighter than subtracting two intervals.
    """
    if stable.n == 0 or canary.n == 0:
        return Interval(-math.inf, math.inf)
    limit = math.log(1.0 / alpha)
    first_s, evidence_s = rank_evidence(stable.n, q)
    first_c, evidence_c = rank_evidence(canary.n, q)
    bottom = int(np.argmin(evidence_c))
    ranks = np.flatnonzero(evidence_s + evidence_c[bottom] < limit)
    budgets = limit - evidence_s[ranks]
    # evidence falls towards `bottom` and rises after it
    left = bottom - np.searchsorted(evidence_c[: bottom + 1][::-1], budgets) + 1
    right = bottom + np.searchsorted(evidence_c[bottom:], budgets) - 1
    with np.errstate(invalid="ignore"):
        low = canary.at_each(first_c + left) - stable.at_each(first_s + ranks + 1)
        high = canary.at_each(first_c + right + 1) - stable.at_each(first_s + ranks)
    # an open end less an open end says nothing
    return Interval(
        float(np.fmin.reduce(low, initial=math.inf)), float(np.fmax.reduce(high, initial=-math.inf))
    )


RATIO_STEPS = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
RATIO_GRID = np.exp(np.linspace(math.log(0.02), math.log(50.0), 401))


@dataclass(frozen=True, slots=True)
class Counts:
    """Items and events of both arms, per time bucket (arrays of equal length)."""

    stable_n: Floats
    stable_events: Floats
    canary_n: Floats
    canary_events: Floats


def log_e_ratio(counts: Counts, limits: Floats, steps: tuple[float, ...] = RATIO_STEPS) -> Floats:
    """Log evidence against "canary's event rate is at most limit x stable's", one value per limit.

    Given the events of a bucket, the canary's part of them is binomial; volume, season and shared incidents
    cancel. With ``steps`` below one: evidence against "at least".
    """
    at_null = _canary_part(counts, limits)
    logs = []
    for step in steps:
        at_step = _canary_part(counts, limits * step)
        with np.errstate(divide="ignore", invalid="ignore"):
            gain = counts.canary_events * np.log(at_step / at_null)
            loss = counts.stable_events * np.log((1.0 - at_step) / (1.0 - at_null))
        logs.append(np.nansum(gain + loss, axis=1))
    stacked = np.array(logs)
    peak = stacked.max(axis=0)
    result: Floats = peak + np.log(np.mean(np.exp(stacked - peak), axis=0))
    return result


def _canary_part(counts: Counts, ratios: Floats) -> Floats:
    weighted = counts.canary_n[None, :] * ratios[:, None]
    with np.errstate(invalid="ignore"):
        part: Floats = weighted / (weighted + counts.stable_n[None, :])
    return part


def ratio_sequence(counts: Counts, alpha: float) -> Interval:
    """Confidence sequence of the ratio of two event rates, any traffic split, even a changing one."""
    limit = math.log(2.0 / alpha)
    # buckets without any event say nothing, and most have none
    told = (counts.stable_events + counts.canary_events) > 0
    counts = Counts(
        counts.stable_n[told], counts.stable_events[told], counts.canary_n[told], counts.canary_events[told]
    )
    refuted_below = log_e_ratio(counts, RATIO_GRID) >= limit
    refuted_above = log_e_ratio(counts, RATIO_GRID, tuple(1.0 / step for step in RATIO_STEPS)) >= limit
    low = float(RATIO_GRID[refuted_below].max()) if refuted_below.any() else 0.0
    high = float(RATIO_GRID[refuted_above].min()) if refuted_above.any() else math.inf
    return Interval(low, high)
