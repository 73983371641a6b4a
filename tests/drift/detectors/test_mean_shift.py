import numpy as np
import pytest

from monitor.core.sketches import LogSketch
from tests.kits.detector import made


@pytest.mark.parametrize("factor", [1.31, 0.8])
def test_the_effect_is_the_change_of_the_geometric_mean(factor: float) -> None:
    lengths = np.random.default_rng(1).lognormal(6, 0.8, 20_000)
    effect = made("mean_shift").distance(LogSketch.of(lengths), LogSketch.of(lengths * factor)).effect
    assert effect == pytest.approx(factor - 1, abs=0.01)
