import numpy as np

from monitor.core.sketches import LogSketch
from tests.kits.detector import made


def test_a_change_of_spread_alone_is_seen() -> None:
    chance = np.random.default_rng(1)
    before, after = (LogSketch.of(chance.lognormal(6, sd, 5000)) for sd in (0.6, 1.2))
    assert made("energy").distance(before, after).effect > 0.1


def test_windows_that_share_no_value_are_as_far_apart_as_can_be() -> None:
    before, after = LogSketch.of(np.full(100, 8.0)), LogSketch.of(np.full(100, 800.0))
    assert made("energy").distance(before, after).effect == 1.0
