import numpy as np
import pytest
from scipy.stats import wasserstein_distance

from monitor.core.sketches import LogSketch
from tests.kits.detector import made


def test_the_raw_distance_is_that_of_articles() -> None:
    chance = np.random.default_rng(3)
    before, after = chance.normal(1000, 100, 5000), chance.normal(1050, 130, 5000)
    ours = made("wasserstein_raw").distance(LogSketch.of(before), LogSketch.of(after)).effect
    assert ours == pytest.approx(wasserstein_distance(before, after), rel=0.05)


def test_two_hours_of_the_same_service_lie_farther_apart_than_the_rule_of_articles_bears() -> None:
    chance = np.random.default_rng(4)
    one, other = (LogSketch.of(np.round(chance.lognormal(6, 0.8, 1000))) for _ in range(2))
    assert made("wasserstein_raw").distance(one, other).effect > 0.3
