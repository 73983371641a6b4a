import numpy as np
import pytest

from monitor.core.sketches import LogSketch
from tests.kits.detector import made


def test_windows_without_a_common_length_are_one_apart() -> None:
    one, other = LogSketch.of(np.full(200, 4.0)), LogSketch.of(np.full(300, 4000.0))
    assert made("jensen_shannon").distance(one, other).effect == pytest.approx(1.0)


def test_the_distance_is_symmetric() -> None:
    chance = np.random.default_rng(1)
    one, other = LogSketch.of(chance.lognormal(6, 1, 900)), LogSketch.of(chance.lognormal(7, 1, 400))
    detector = made("jensen_shannon")
    assert detector.distance(one, other).effect == pytest.approx(detector.distance(other, one).effect)
