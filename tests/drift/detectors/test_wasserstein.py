import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from monitor.core.sketches import LogSketch, RealSketch
from tests.kits.detector import made


def test_a_factor_of_all_lengths_reads_as_that_factor_over_the_deviation_of_the_logs() -> None:
    lengths = np.random.default_rng(1).lognormal(6, 0.8, 20_000)
    effect = made("wasserstein").distance(LogSketch.of(lengths), LogSketch.of(lengths * 1.3)).effect
    assert effect == pytest.approx(np.log(1.3) / 0.8, rel=0.03)


def test_the_sketch_answers_as_scipy_does_on_the_raw_lengths() -> None:
    chance = np.random.default_rng(2)
    before, after = chance.normal(1000, 100, 5000), chance.normal(1050, 130, 5000)
    ours = made("wasserstein", scale="linear").distance(LogSketch.of(before), LogSketch.of(after)).effect
    assert ours == pytest.approx(wasserstein_distance(before, after) / before.std(), rel=0.05)


def test_scores_under_nothing_are_compared_as_they_are() -> None:
    before = np.random.default_rng(4).normal(-0.4, 0.1, 20_000)
    effect = made("wasserstein").distance(RealSketch.of(before), RealSketch.of(before - 0.05)).effect
    assert effect == pytest.approx(0.5, rel=0.05)


def test_one_odd_call_is_no_move_of_what_has_always_been_nothing() -> None:
    nothing, odd = np.zeros(5_000), np.append(np.zeros(999), 0.7)
    assert made("wasserstein").distance(RealSketch.of(nothing), RealSketch.of(odd)).effect < 0.01
