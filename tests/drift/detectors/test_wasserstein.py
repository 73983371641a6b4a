import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from monitor.core.sketches import LogSketch
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


def test_the_raw_distance_is_that_of_articles() -> None:
    chance = np.random.default_rng(3)
    before, after = chance.normal(1000, 100, 5000), chance.normal(1050, 130, 5000)
    detector = made("wasserstein", scale="raw")
    ours = detector.distance(LogSketch.of(before), LogSketch.of(after)).effect
    assert ours == pytest.approx(wasserstein_distance(before, after), rel=0.05)
    assert detector.unit != made("wasserstein").unit
