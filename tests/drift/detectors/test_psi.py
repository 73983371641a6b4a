import numpy as np
import pytest

from monitor.core.sketches import LogSketch
from tests.kits.detector import made


def test_a_known_example_gives_the_sum_worked_out_by_hand() -> None:
    before = LogSketch.of(np.repeat([8.0, 64.0], [500, 500]))
    after = LogSketch.of(np.repeat([8.0, 64.0], [800, 200]))
    expected = 0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5)
    assert made("psi", bins=4).distance(before, after).effect == pytest.approx(expected, rel=1e-6)


def test_an_empty_bin_stays_finite() -> None:
    before = LogSketch.of(np.repeat([8.0, 64.0], [500, 500]))
    assert made("psi").distance(before, LogSketch.of(np.full(1000, 8.0))).effect < 10
