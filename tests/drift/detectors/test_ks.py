import numpy as np
import pytest
from scipy.stats import ks_2samp

from monitor.core.sketches import LogSketch
from tests.kits.detector import made


def test_the_distance_agrees_with_scipy_to_the_width_of_a_bucket() -> None:
    chance = np.random.default_rng(1)
    before, after = chance.lognormal(6, 0.8, 4000), chance.lognormal(6.2, 0.8, 4000)
    score = made("ks").distance(LogSketch.of(before), LogSketch.of(after))
    assert score.effect == pytest.approx(ks_2samp(before, after).statistic, abs=0.01)
