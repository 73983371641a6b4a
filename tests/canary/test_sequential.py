import math

import numpy as np
import pytest

from monitor.canary import sequential
from monitor.canary.buckets import Grid, Spread
from monitor.canary.table import Rates
from monitor.canary.users import Split
from monitor.core.stats import Counts, Floats

LIMIT = math.log(5 / 0.05)
BUCKETS = 288


def counted(seed: int, ratio: float, *, share: float = 0.05, rate: float = 0.005) -> Rates:
    """A day of 800 calls per bucket, whose error rate also wanders for both."""
    chance = np.random.default_rng(seed)
    wander = rate * np.exp(np.cumsum(chance.normal(0, 0.05, BUCKETS)))
    canary_n = chance.binomial(800, share, BUCKETS)
    stable_n = 800 - canary_n
    return of_unknown_users(
        stable_n.astype(float),
        chance.binomial(stable_n, np.minimum(wander, 0.5)).astype(float),
        canary_n.astype(float),
        chance.binomial(canary_n, np.minimum(wander * ratio, 0.5)).astype(float),
    )


def of_unknown_users(*counts: Floats) -> Rates:
    none = np.zeros((counts[0].size, 25))
    return Rates(Counts(*counts), Split(none, none), Split(none, none))


def test_the_same_version_twice_is_not_called_worse_though_looked_at_all_day() -> None:
    called = sum(
        bool((sequential.ratio_above(counted(seed, 1.0), 1.25) >= LIMIT).any()) for seed in range(60)
    )
    assert called == 0


def test_three_times_the_errors_are_found_in_hours_and_never_passed() -> None:
    for seed in range(10):
        found = np.flatnonzero(sequential.ratio_above(counted(seed, 3.0), 1.25) >= LIMIT)
        assert found.size
        assert found[0] < 12 * 8
        assert (sequential.ratio_below(counted(seed, 3.0), 2.0) < math.log(20)).all()


def test_a_good_canary_is_shown_to_be_good() -> None:
    passed = sum(
        bool((sequential.ratio_below(counted(seed, 1.0), 2.0) >= math.log(20)).any()) for seed in range(20)
    )
    assert passed >= 17


def test_one_arm_alone_proves_nothing() -> None:
    rates = of_unknown_users(np.zeros(3), np.zeros(3), np.full(3, 50.0), np.full(3, 50.0))
    assert (sequential.ratio_above(rates, 1.25) == 0.0).all()


def spreads(seed: int, slower: float, *, user_sd: float = 0.0, ramp: bool = False) -> tuple[Spread, Spread]:
    """Log latencies of both arms by bucket, which drift together; users differ and stay with their arm."""
    chance = np.random.default_rng(seed)
    n = 40_000
    times = np.sort(chance.uniform(0, BUCKETS * 300, n))
    users = chance.integers(0, 2000, n)
    share = np.interp(times, [0, BUCKETS * 300], [0.01, 0.5]) if ramp else 0.1
    canary = chance.permutation(2000)[users] / 2000 < share
    shared = 0.4 * times / (BUCKETS * 300)
    values = shared + chance.normal(0, user_sd, 2000)[users] + chance.normal(0, 0.4, n) + slower * canary
    grid = Grid.over(times)
    places = grid.of(times)
    arms = [Spread.of(grid, places[kept], values[kept], users[kept]) for kept in (~canary, canary)]
    return arms[0], arms[1]


def highest(path: Floats) -> float:
    return float(path.max())


def test_users_who_stay_with_their_version_do_not_fool_the_mean() -> None:
    called = [
        highest(sequential.mean_path(*spreads(s, 0.0, user_sd=0.5)).above(0.03, 0.05)) for s in range(20)
    ]
    assert sum(one >= LIMIT for one in called) == 0


def test_a_ramp_under_a_shared_trend_does_not_fool_the_mean() -> None:
    called = [highest(sequential.mean_path(*spreads(s, 0.0, ramp=True)).above(0.03, 0.05)) for s in range(20)]
    assert sum(one >= LIMIT for one in called) == 0


def test_a_fifth_slower_is_found() -> None:
    assert highest(sequential.mean_path(*spreads(3, 0.18, user_sd=0.2)).above(0.03, 0.05)) >= LIMIT


def test_the_path_ends_at_the_plain_difference() -> None:
    path = sequential.mean_path(*spreads(5, 0.1))
    assert path.difference[-1] == pytest.approx(0.1, abs=0.02)
    assert path.variance[-1] < path.variance[50]


def test_fewer_than_100_calls_say_nothing_about_a_mean() -> None:
    stable, canary = spreads(3, 0.5)
    early = sequential.mean_path(stable.part(slice(0, 3)), canary.part(slice(0, 3)))
    assert (early.above(0.0, 0.05) == 0.0).all()


def test_buckets_joined_by_the_hour_hold_the_same_calls() -> None:
    stable, _ = spreads(1, 0.0)
    assert stable.joined(12).n.sum() == stable.n.sum()
    assert stable.joined(12).squares.size == BUCKETS // 12
