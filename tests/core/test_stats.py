import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import stats


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@pytest.mark.parametrize(
    "p, df, expected",
    [(0.975, 1, 12.7062047), (0.975, 10, 2.2281389), (0.95, 49, 1.6765509), (0.2, 3, -0.9784723)],
)
def test_t_quantiles_agree_with_the_printed_tables(p: float, df: float, expected: float) -> None:
    assert stats.t_quantile(p, df) == pytest.approx(expected, abs=1e-6)


@given(st.floats(0.001, 0.999))
def test_the_normal_quantile_undoes_the_distribution_function(p: float) -> None:
    assert stats.normal_cdf(stats.normal_quantile(p)) == pytest.approx(p, abs=1e-9)


def test_wilson_agrees_with_a_published_example() -> None:
    interval = stats.wilson(15, 148)
    assert [interval.low, interval.high] == pytest.approx([0.0624, 0.1605], abs=1e-4)


def test_wilson_of_nothing_is_the_whole_range() -> None:
    assert stats.wilson(0, 0) == stats.Interval(0.0, 1.0)


def test_twice_the_normal_distribution_joins_smoothly_in_the_far_tail() -> None:
    near, far = stats.log_twice_normal_cdf(-29.999), stats.log_twice_normal_cdf(-30.001)
    assert far - near == pytest.approx(-0.06, abs=0.01)


def test_ranks_of_a_histogram_answer_with_its_buckets() -> None:
    histogram = stats.Ranked(np.array([1.0, 2.0, 4.0]), np.array([10.0, 90.0, 100.0]))
    assert (histogram.quantile(0.5), histogram.quantile(0.95), histogram.n) == (2.0, 4.0, 100)


def test_ranks_outside_the_sample_leave_the_end_open() -> None:
    sample = stats.Ranked.of(np.array([3.0, 1.0, math.nan]))
    assert (sample.at(0), sample.at(1), sample.at(3)) == (-math.inf, 1.0, math.inf)


def test_rank_evidence_is_a_martingale_in_expectation() -> None:
    n, q = 200, 0.9
    first, evidence = stats.rank_evidence(n, q)
    ranks = np.arange(first, first + evidence.size)
    log_pmf = [math.log(math.comb(n, int(k))) + k * math.log(q) + (n - k) * math.log(1 - q) for k in ranks]
    assert float(np.sum(np.exp(evidence + np.array(log_pmf)))) == pytest.approx(1.0, abs=1e-9)


def test_a_peeked_quantile_sequence_keeps_its_level() -> None:
    missed = 0
    for seed in range(60):
        values = rng(seed).lognormal(0.0, 0.5, 3000)
        looks = (
            stats.quantile_sequence(stats.Ranked.of(values[:n]), 0.95, 0.05) for n in range(50, 3001, 50)
        )
        missed += not all(interval.contains(math.exp(0.5 * 1.6448536)) for interval in looks)
    assert missed <= 4


def test_a_quantile_difference_covers_the_truth_and_excludes_zero_with_enough_calls() -> None:
    stable, canary = rng(1).lognormal(0.0, 0.3, 4000), rng(2).lognormal(0.0, 0.3, 4000) + 0.5
    interval = stats.quantile_difference(stats.Ranked.of(stable), stats.Ranked.of(canary), 0.99, 0.05)
    assert interval.contains(0.5)
    assert interval.low > 0


def test_a_quantile_difference_is_tighter_than_two_intervals_subtracted() -> None:
    stable, canary = stats.Ranked.of(rng(3).normal(size=2000)), stats.Ranked.of(rng(4).normal(size=2000))
    joint = stats.quantile_difference(stable, canary, 0.5, 0.05)
    a, b = stats.quantile_sequence(stable, 0.5, 0.025), stats.quantile_sequence(canary, 0.5, 0.025)
    assert joint.high - joint.low < 0.85 * ((b.high - a.low) - (b.low - a.high))


def naive_difference(stable: stats.Ranked, canary: stats.Ranked, q: float, alpha: float) -> list[float]:
    first_s, evidence_s = stats.rank_evidence(stable.n, q)
    first_c, evidence_c = stats.rank_evidence(canary.n, q)
    ends = [
        (
            canary.at(first_c + j) - stable.at(first_s + i + 1),
            canary.at(first_c + j + 1) - stable.at(first_s + i),
        )
        for i, for_s in enumerate(evidence_s)
        for j, for_c in enumerate(evidence_c)
        if for_s + for_c < math.log(1 / alpha)
    ]
    return [min(low for low, _ in ends), max(high for _, high in ends)]


@pytest.mark.parametrize("q", [0.3, 0.5, 0.8])
def test_a_quantile_difference_equals_trying_every_pair_of_ranks(q: float) -> None:
    stable, canary = stats.Ranked.of(rng(8).normal(size=230)), stats.Ranked.of(rng(9).normal(size=170))
    quick = stats.quantile_difference(stable, canary, q, 0.05)
    assert [quick.low, quick.high] == naive_difference(stable, canary, q, 0.05)


def test_a_quantile_difference_without_data_is_open_on_both_sides() -> None:
    nothing, some = stats.Ranked.of(np.empty(0)), stats.Ranked.of(np.ones(5))
    assert stats.quantile_difference(nothing, some, 0.9, 0.05) == stats.Interval(-math.inf, math.inf)


def test_few_calls_leave_a_high_quantile_open_upwards() -> None:
    sample = stats.Ranked.of(rng(5).normal(size=60))
    assert stats.quantile_sequence(sample, 0.99, 0.05).high == math.inf


def counts(buckets: int, canary_rate: float, seed: int) -> stats.Counts:
    chance = rng(seed)
    n_stable, n_canary = np.full(buckets, 800.0), np.full(buckets, 200.0)
    return stats.Counts(
        n_stable, chance.binomial(800, 0.01, buckets).astype(float),
        n_canary, chance.binomial(200, canary_rate, buckets).astype(float),
    )  # fmt: skip


def test_a_ratio_sequence_finds_three_times_the_errors() -> None:
    interval = stats.ratio_sequence(counts(24, 0.03, 6), 0.05)
    assert interval.contains(3.0)
    assert interval.low > 1.25


def test_a_peeked_ratio_sequence_keeps_its_level() -> None:
    missed = 0
    for seed in range(60):
        whole = counts(60, 0.01, seed)
        parts = (
            stats.Counts(*(values[:n] for values in (
                whole.stable_n, whole.stable_events, whole.canary_n, whole.canary_events)))
            for n in range(2, 61, 6)
        )  # fmt: skip
        missed += not all(stats.ratio_sequence(part, 0.05).contains(1.0) for part in parts)
    assert missed <= 4


def test_a_ratio_of_nothing_is_open() -> None:
    none = np.zeros(3)
    assert stats.ratio_sequence(stats.Counts(none, none, none, none), 0.05) == stats.Interval(0.0, math.inf)


def test_a_mean_sequence_is_wider_than_the_one_look_interval_but_shrinks_with_data() -> None:
    early, late = stats.mean_sequence(0.0, 0.01, 0.05, 0.05), stats.mean_sequence(0.0, 0.0001, 0.05, 0.05)
    assert early.high > 1.96 * 0.1
    assert 1.96 * 0.01 < late.high < early.high


def test_one_sided_evidence_grows_with_the_excess_and_falls_below_the_tolerance() -> None:
    above, below = stats.log_e_mean(0.12, 1e-4, 0.03, 0.05), stats.log_e_mean(0.0, 1e-4, 0.03, 0.05)
    assert above > math.log(20) > 0 > below
