import math

import numpy as np
import pytest

from monitor.canary.compare import Arm, compare
from monitor.core.stats import Ranked


def arm(
    name: str, seed: int, n: int = 4000, *, slower: float = 1.0, errors: float = 0.01, quality: float = 4.0
) -> Arm:
    chance = np.random.default_rng(seed)
    duration = chance.lognormal(-0.5, 0.4, n) * slower
    return Arm(
        name=name,
        times=np.sort(chance.uniform(0, 3600, n)),
        duration=duration,
        ttft=duration * 0.2,
        tokens_per_second=40 / slower + chance.normal(0, 4, n),
        failed=(chance.random(n) < errors).astype(float),
        quality=np.where(chance.random(n) < 0.2, np.clip(chance.normal(quality, 0.7, n), 0, 5), np.nan),
    )  # fmt: skip


def test_a_slower_version_is_called_worse_with_an_interval_that_holds_the_truth() -> None:
    result = compare(arm("v1", 1), arm("v2", 2, slower=1.4))
    p50 = result.of("latency_p50")
    assert p50 is not None
    assert (result.verdict, p50.verdict) == ("worse", "worse")
    assert p50.interval.contains(0.4 * math.exp(-0.5))


def test_the_same_version_twice_is_never_called_worse_however_often_one_looks() -> None:
    worse = 0
    for seed in range(20):
        stable, canary = arm("v1", 100 + seed), arm("v2", 200 + seed)
        looks = (first(stable, n) for n in (200, 500, 1000, 2000, 4000))
        others = (first(canary, n) for n in (200, 500, 1000, 2000, 4000))
        worse += any(compare(a, b).verdict == "worse" for a, b in zip(looks, others, strict=True))
    assert worse <= 2


def first(whole: Arm, n: int) -> Arm:
    return Arm(
        whole.name, whole.times[:n], whole.duration[:n], whole.ttft[:n], whole.tokens_per_second[:n],
        whole.failed[:n], whole.quality[:n],
    )  # fmt: skip


def test_an_equal_version_with_many_calls_is_not_worse() -> None:
    result = compare(arm("v1", 3, 60_000), arm("v2", 4, 60_000))
    assert result.verdict == "not worse"


def test_what_more_calls_would_call_worse_is_not_called_not_worse_before() -> None:
    stable, canary = arm("v1", 21, 60_000), arm("v2", 22, 60_000, slower=1.05)
    looks = [
        compare(first(stable, n), first(canary, n)).of("latency_p50") for n in (5000, 10_000, 20_000, 60_000)
    ]
    said = [look.verdict for look in looks if look is not None]
    assert said == ["undecided", "undecided", "undecided", "worse"]


def test_a_few_calls_leave_it_undecided() -> None:
    assert compare(arm("v1", 5), arm("v2", 6, 40)).verdict == "undecided"


def test_three_times_the_errors_are_worse_and_given_as_a_ratio() -> None:
    errors = compare(arm("v1", 7, 20_000), arm("v2", 8, 5000, errors=0.03)).of("error_rate")
    assert errors is not None
    assert errors.verdict == "worse"
    assert errors.interval.contains(3.0)


def test_a_quality_drop_is_worse_and_its_direction_is_down() -> None:
    quality = compare(arm("v1", 9), arm("v2", 10, quality=3.4)).of("quality")
    assert quality is not None
    assert quality.verdict == "worse"
    assert quality.interval.high < -0.05


def test_a_mean_of_fewer_than_a_hundred_items_says_nothing() -> None:
    quality = compare(arm("v1", 9), arm("v2", 10, 300, quality=1.0)).of("quality")
    assert quality is not None
    assert quality.verdict == "undecided"


def test_a_metric_without_figures_is_missing_and_not_zero() -> None:
    result = compare(Arm("v1", np.arange(10.0)), arm("v2", 1, 10))
    assert "latency_p99" in result.missing
    assert (result.verdict, result.differences) == ("undecided", ())


def test_a_ramp_with_a_slow_evening_does_not_blame_the_canary() -> None:
    chance = np.random.default_rng(11)
    times = np.sort(chance.uniform(0, 36_000, 20_000))
    speed = np.where(times < 18_000, 50.0, 30.0) + chance.normal(0, 3, times.size)
    canary = chance.random(times.size) < np.where(times < 18_000, 0.05, 0.5)
    result = compare(
        Arm("v1", times[~canary], tokens_per_second=speed[~canary]),
        Arm("v2", times[canary], tokens_per_second=speed[canary]),
    )
    assert result.verdict == "not worse"


def test_users_who_differ_widen_the_interval() -> None:
    chance = np.random.default_rng(12)
    users = chance.integers(0, 25, 4000)
    taste = chance.normal(0, 1.0, 25)[users]
    times = np.sort(chance.uniform(0, 3600, 4000))
    values = 4.0 + taste + chance.normal(0, 0.2, 4000)
    plain, other = Arm("v1", times, quality=values), Arm("v2", times, quality=values)
    aware = Arm("v1", times, quality=values, users=users), Arm("v2", times, quality=values, users=users)
    without, known = compare(plain, other).of("quality"), compare(*aware).of("quality")
    assert without is not None
    assert known is not None
    assert known.interval.high > 2 * without.interval.high


def test_histograms_can_stand_in_for_durations() -> None:
    chance = np.random.default_rng(13)
    index = np.arange(-200, 200)
    arms = []
    for name, scale in (("v1", 0.5), ("v2", 1.0)):
        found = np.ceil(32 * np.log2(chance.lognormal(math.log(scale), 0.3, 5000))).astype(int)
        counts = np.bincount(np.clip(found + 200, 0, 399), minlength=400).astype(float)
        arms.append(Arm(name, np.empty(0), duration_counts=Ranked.of_buckets(index, counts, 5)))
    p50 = compare(*arms).of("latency_p50")
    assert p50 is not None
    assert p50.estimate == pytest.approx(0.5, rel=0.05)
