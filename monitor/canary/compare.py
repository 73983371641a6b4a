"""Canary against stable: per metric a difference, an interval that survives peeking, and one of three verdicts.

Pure: arrays in, dataclasses out; knows neither Django nor where the calls came from. The wording is in
``wording.py``. Methods: quantiles by the product of two beta-binomial martingales, calls weighted so that both
arms have the same mixture of hours; errors by a conditional binomial mixture per time bucket; means by a mixture
sequence over bucket-wise differences. Users who differ count as fewer calls (quantiles, errors) or as a greater
variance (means): asymptotic, hence a least number of calls and of user groups.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from monitor.core.stats import (
    Counts,
    Floats,
    Interval,
    Ints,
    Ranked,
    mean_sequence,
    quantile_difference,
    ratio_sequence,
)

Verdict = Literal["worse", "not worse", "undecided"]
Way = Literal["quantile", "ratio", "mean"]
BUCKET_SECONDS = 300.0
LEAST_ITEMS_FOR_A_MEAN = 100
USER_GROUPS = 25
# the spread between fewer groups of users says too little about users
LEAST_GROUPS = 10
# quantiles are weighted by time slices of about so many calls of the smaller arm
SLICE_CALLS, MOST_SLICES = 50, 100


def _none() -> Floats:
    return np.empty(0)


@dataclass(frozen=True, slots=True)
class Arm:
    """The calls of one version; arrays of one length, NaN where a call has no such figure.

    ``times`` are Unix seconds, ``users`` groups 0..24 of hashed users (optional: cluster variance).
    ``duration_counts`` may stand in for ``duration`` where only a histogram is known.
    """

    name: str
    times: Floats
    duration: Floats = field(default_factory=_none)
    ttft: Floats = field(default_factory=_none)
    tokens_per_second: Floats = field(default_factory=_none)
    failed: Floats = field(default_factory=_none)
    quality: Floats = field(default_factory=_none)
    users: Ints | None = None
    duration_counts: Ranked | None = None

    @property
    def calls(self) -> int:
        return int(self.times.size) or (self.duration_counts.n if self.duration_counts else 0)


@dataclass(frozen=True, slots=True)
class Metric:
    """What is compared and how much is too much.

    ``tolerance``: worse when the whole interval lies beyond it. ``margin``: not worse when the whole interval
    lies within it and the estimate within the tolerance (else more calls could still turn it into worse).
    Both are shares of stable's value (``relative``), plain units, or ratios.
    """

    name: str
    source: str
    way: Way
    unit: Literal["seconds", "tokens/s", "ratio", "points"]
    tolerance: float
    margin: float
    q: float = 0.5
    relative: bool = False
    more_is_worse: bool = True
    prior: float = 0.05


METRICS = (
    Metric("error_rate", "failed", "ratio", "ratio", 1.25, 2.0),
    Metric("latency_p50", "duration", "quantile", "seconds", 0.03, 0.10, q=0.5, relative=True),
    Metric("latency_p95", "duration", "quantile", "seconds", 0.03, 0.15, q=0.95, relative=True),
    Metric("latency_p99", "duration", "quantile", "seconds", 0.03, 0.25, q=0.99, relative=True),
    Metric("ttft_p50", "ttft", "quantile", "seconds", 0.03, 0.10, q=0.5, relative=True),
    Metric("ttft_p95", "ttft", "quantile", "seconds", 0.03, 0.15, q=0.95, relative=True),
    Metric("ttft_p99", "ttft", "quantile", "seconds", 0.03, 0.25, q=0.99, relative=True),
    Metric(
        "tokens_per_second", "tokens_per_second", "mean", "tokens/s", 0.03, 0.10,
        relative=True, more_is_worse=False,
    ),
    Metric("quality", "quality", "mean", "points", 0.05, 0.15, more_is_worse=False, prior=0.15),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One metric of both arms. ``estimate`` and ``interval``: canary minus stable, or canary over stable."""

    metric: Metric
    stable: float
    canary: float
    estimate: float
    interval: Interval
    verdict: Verdict
    n_stable: int
    n_canary: int
    limits: Interval

    @property
    def known(self) -> bool:
        """Whether both arms have any figure of this metric at all."""
        return math.isfinite(self.stable) and math.isfinite(self.canary)

    @property
    def severity(self) -> float:
        """How far the nearer end lies beyond the tolerance, in tolerances; for putting the worst first."""
        m = self.metric
        if m.way == "ratio":
            return math.log(max(self.interval.low, 1e-9)) / math.log(m.tolerance)
        end = self.interval.low if m.more_is_worse else -self.interval.high
        return end / self.limits.low if self.limits.low > 0 else 0.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """All metrics, worst first, and one verdict. ``missing``: metrics of which an arm has no figure."""

    stable: str
    canary: str
    calls_stable: int
    calls_canary: int
    verdict: Verdict
    differences: tuple[Difference, ...]
    missing: tuple[str, ...]
    alpha: float

    def of(self, name: str) -> Difference | None:
        return next((one for one in self.differences if one.metric.name == name), None)


def compare(
    stable: Arm, canary: Arm, *, metrics: Sequence[Metric] = METRICS, alpha: float = 0.05
) -> Comparison:
    """Compare two arms; the chance of any false "worse", over all metrics and all looks, is at most alpha."""
    present = [m for m in metrics if _figures(stable, m) and _figures(canary, m)]
    share = alpha / max(1, len(present))
    differences = [_difference(stable, canary, metric, share) for metric in present]
    differences.sort(key=lambda one: (one.verdict != "worse", one.verdict == "not worse", -one.severity))
    return Comparison(
        stable.name, canary.name, stable.calls, canary.calls, _overall(differences), tuple(differences),
        tuple(m.name for m in metrics if m not in present), alpha,
    )  # fmt: skip


def _overall(differences: Sequence[Difference]) -> Verdict:
    verdicts = {one.verdict for one in differences}
    if "worse" in verdicts:
        return "worse"
    return "not worse" if verdicts == {"not worse"} else "undecided"


def _figures(arm: Arm, metric: Metric) -> bool:
    if metric.source == "duration" and arm.duration_counts is not None:
        return arm.duration_counts.n > 0
    return bool(np.isfinite(getattr(arm, metric.source)).any())


def _difference(stable: Arm, canary: Arm, metric: Metric, alpha: float) -> Difference:
    match metric.way:
        case "quantile":
            return _quantile(stable, canary, metric, alpha)
        case "ratio":
            return _ratio(stable, canary, metric, alpha)
        case "mean":
            return _mean(stable, canary, metric, alpha)


def _verdict(metric: Metric, estimate: float, interval: Interval, limits: Interval) -> Verdict:
    """``limits``: tolerance and margin in the interval's own units, both on the side of "worse"."""
    worst_case, best_case = interval.high, interval.low
    if not metric.more_is_worse:
        worst_case, best_case, estimate = -interval.low, -interval.high, -estimate
    if best_case > limits.low:
        return "worse"
    return "not worse" if worst_case < limits.high and estimate <= limits.low else "undecided"


def _limits(metric: Metric, stable_value: float) -> Interval:
    scale = abs(stable_value) if metric.relative else 1.0
    return Interval(metric.tolerance * scale, metric.margin * scale)


def _quantile(stable: Arm, canary: Arm, metric: Metric, alpha: float) -> Difference:
    ranked_s, ranked_c = _both_ranked(stable, canary, metric)
    value_s, value_c = ranked_s.quantile(metric.q), ranked_c.quantile(metric.q)
    interval = quantile_difference(ranked_s, ranked_c, metric.q, alpha)
    if _few_users(stable, canary):
        interval = Interval(-math.inf, math.inf)
    limits = _limits(metric, value_s)
    verdict = _verdict(metric, value_c - value_s, interval, limits)
    n_s, n_c = (_known(arm, metric) for arm in (stable, canary))
    return Difference(metric, value_s, value_c, value_c - value_s, interval, verdict, n_s, n_c, limits)


def _known(arm: Arm, metric: Metric) -> int:
    if metric.source == "duration" and arm.duration_counts is not None:
        return arm.duration_counts.n
    return int(np.isfinite(getattr(arm, metric.source)).sum())


def _both_ranked(stable: Arm, canary: Arm, metric: Metric) -> tuple[Ranked, Ranked]:
    """Both samples by rank, each call weighted: the same mixture of hours in both, and as many calls as they are worth."""
    counted = [metric.source == "duration" and arm.duration_counts is not None for arm in (stable, canary)]
    if any(counted):
        found = [
            arm.duration_counts if arm.duration_counts is not None else Ranked.of(arm.duration)
            for arm in (stable, canary)
        ]
        return found[0], found[1]
    values = [getattr(arm, metric.source) for arm in (stable, canary)]
    kept = [np.isfinite(one) for one in values]
    values = [one[known] for one, known in zip(values, kept, strict=True)]
    weights = _slice_weights(*(arm.times[known] for arm, known in zip((stable, canary), kept, strict=True)))
    users = [_kept(arm.users, known) for arm, known in zip((stable, canary), kept, strict=True)]
    ranked = [_weighed(v, w, u, metric.q) for v, w, u in zip(values, weights, users, strict=True)]
    return ranked[0], ranked[1]


def _slice_weights(stable: Floats, canary: Floats) -> tuple[Floats, Floats]:
    """A weight for each call: every time slice counts as much in one arm as in the other.

    Where the arms never met, all calls weigh alike: the difference may then be one of the hours.
    """
    slices = min(MOST_SLICES, min(stable.size, canary.size) // SLICE_CALLS)
    if slices > 1:
        both = np.concatenate([stable, canary])
        edges = np.linspace(both.min(), both.max(), slices + 1)[1:-1]
        places = [np.searchsorted(edges, times) for times in (stable, canary)]
        n = [np.bincount(place, minlength=slices) for place in places]
        shared = n[0] * n[1] / np.maximum(n[0] + n[1], 1)
        if shared.any():
            found = [(shared / np.maximum(count, 1))[place] for count, place in zip(n, places, strict=True)]
            return found[0], found[1]
    return np.ones(stable.size), np.ones(canary.size)


def _weighed(values: Floats, weights: Floats, users: Ints | None, q: float) -> Ranked:
    """By rank, as if of so many independent calls as the weighted calls of users who differ are worth."""
    order = np.argsort(values, kind="stable")
    summed = np.cumsum(weights[order])
    total = float(summed[-1])
    beyond = (values > values[order[int(np.searchsorted(summed, q * total))]]).astype(np.float64)
    worth = total**2 / float(np.sum(weights**2)) / _overdispersion(beyond, weights, users)
    return Ranked(values[order], summed * (max(1.0, math.floor(worth + 1e-9)) / total))


def _overdispersion(events: Floats, weights: Floats, users: Ints | None) -> float:
    """How many times more a weighted share varies than by chance, as the groups of users differ; at least 1."""
    if users is None or not events.size:
        return 1.0
    residuals = weights * (events - float(np.average(events, weights=weights)))
    groups = users % USER_GROUPS
    known = int(np.count_nonzero(np.bincount(groups)))
    independent = float(np.sum(residuals**2))
    if known <= 1 or independent <= 0.0:
        return 1.0
    by_user = np.bincount(groups, residuals, USER_GROUPS)
    return max(1.0, float(np.sum(by_user**2)) * known / (known - 1) / independent)


def _few_users(*arms: Arm) -> bool:
    """Whether an arm's calls come from too few groups of users to say what other users would see."""
    return any(
        arm.users is not None
        and arm.users.size >= LEAST_ITEMS_FOR_A_MEAN
        and np.count_nonzero(np.bincount(arm.users % USER_GROUPS)) < LEAST_GROUPS
        for arm in arms
    )


def _buckets(*times: Floats) -> tuple[list[Ints], int]:
    """The time bucket of each call, on one scale for all arms, and how many buckets there are."""
    numbers = [np.floor(t / BUCKET_SECONDS).astype(np.int64) for t in times]
    known, places = np.unique(np.concatenate(numbers), return_inverse=True)
    edges = np.cumsum([n.size for n in numbers])[:-1]
    return list(np.split(places.astype(np.int64), edges)), int(known.size)


def _ratio(stable: Arm, canary: Arm, metric: Metric, alpha: float) -> Difference:
    (bucket_s, bucket_c), size = _buckets(stable.times, canary.times)
    failed_s, failed_c = getattr(stable, metric.source), getattr(canary, metric.source)
    worth = 1.0 / max(
        _overdispersion(failed, np.ones(failed.size), arm.users)
        for failed, arm in ((failed_s, stable), (failed_c, canary))
    )
    counts = Counts(
        (worth * np.bincount(bucket_s, minlength=size)).astype(np.float64),
        (worth * np.bincount(bucket_s, failed_s, size)).astype(np.float64),
        (worth * np.bincount(bucket_c, minlength=size)).astype(np.float64),
        (worth * np.bincount(bucket_c, failed_c, size)).astype(np.float64),
    )
    interval = Interval(0.0, math.inf) if _few_users(stable, canary) else ratio_sequence(counts, alpha)
    rate_s, rate_c = float(np.mean(failed_s)), float(np.mean(failed_c))
    limits = _limits(metric, rate_s)
    estimate = rate_c / rate_s if rate_s > 0 else (math.inf if rate_c > 0 else 1.0)
    verdict = _verdict(metric, estimate, interval, limits)
    return Difference(
        metric, rate_s, rate_c, estimate, interval, verdict, failed_s.size, failed_c.size, limits
    )


def _mean(stable: Arm, canary: Arm, metric: Metric, alpha: float) -> Difference:
    values_s, values_c = getattr(stable, metric.source), getattr(canary, metric.source)
    kept_s, kept_c = np.isfinite(values_s), np.isfinite(values_c)
    values_s, values_c = values_s[kept_s], values_c[kept_c]
    mean_s, mean_c = float(np.mean(values_s)), float(np.mean(values_c))
    users = (_kept(stable.users, kept_s), _kept(canary.users, kept_c))
    estimate, variance = _bucketwise(
        (stable.times[kept_s], canary.times[kept_c]), (values_s, values_c), users
    )
    scale = abs(mean_s) if metric.relative else 1.0
    interval = mean_sequence(estimate, variance, alpha, metric.prior * scale)
    few = min(values_c.size, values_s.size) < LEAST_ITEMS_FOR_A_MEAN
    if few or _few_users(stable, canary):
        interval = Interval(-math.inf, math.inf)
    limits = _limits(metric, mean_s)
    verdict = _verdict(metric, estimate, interval, limits)
    n_s, n_c = int(values_s.size), int(values_c.size)
    return Difference(metric, mean_s, mean_c, estimate, interval, verdict, n_s, n_c, limits)


def _kept(users: Ints | None, kept: np.ndarray) -> Ints | None:
    return None if users is None else users[kept]


def _bucketwise(
    times: tuple[Floats, Floats], values: tuple[Floats, Floats], users: tuple[Ints | None, Ints | None]
) -> tuple[float, float]:
    """The weighted difference of bucket means and its variance; ramps and shared bad minutes cancel.

    Where the arms never met in a bucket, the pooled difference is all there is.
    """
    places, size = _buckets(*times)
    n = [np.bincount(place, minlength=size) for place in places]
    if not np.any((n[0] > 0) & (n[1] > 0)):
        places, size = [np.zeros_like(place) for place in places], 1
        n = [np.bincount(place, minlength=size) for place in places]
    with np.errstate(invalid="ignore", divide="ignore"):
        means = [np.bincount(p, v, size) / c for p, v, c in zip(places, values, n, strict=True)]
        weight = n[0] * n[1] / (n[0] + n[1])
    met = np.isfinite(means[0]) & np.isfinite(means[1])
    weight = np.where(met, weight, 0.0) / float(np.sum(weight[met]))
    estimate = float(np.sum(weight[met] * (means[1] - means[0])[met]))
    variance = sum(
        _arm_variance(v - m[p], p, c, weight, u)
        for p, v, c, m, u in zip(places, values, n, means, users, strict=True)
    )
    return estimate, float(variance)


def _arm_variance(residuals: Floats, places: Ints, n: Ints, weight: Floats, users: Ints | None) -> float:
    """The variance of one arm's weighted mean: by users where known, never below that of independent calls."""
    met = weight > 0
    freedom = int(n[met].sum() - met.sum())
    squares = float(np.sum(residuals[met[places]] ** 2))
    # a bucket with one call has residual 0, so the spread is pooled over buckets
    pooled = squares / freedom if freedom > 0 else math.inf
    independent = pooled * float(np.sum(weight[met] ** 2 / n[met]))
    if users is None:
        return independent
    unbiased = np.sqrt(n / np.maximum(n - 1, 1))
    parts = residuals * (weight * unbiased / np.maximum(n, 1))[places]
    by_user = np.bincount(users % USER_GROUPS, parts, USER_GROUPS)
    known = int(np.unique(users % USER_GROUPS).size)
    clustered = float(np.sum(by_user**2)) * known / max(known - 1, 1)
    return max(independent, clustered)
