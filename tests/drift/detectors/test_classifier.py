import numpy as np
import pytest

from monitor.core.sketches import LogSketch
from tests.kits.detector import made


def test_windows_of_one_kind_can_not_be_told_apart() -> None:
    chance = np.random.default_rng(1)
    areas = [
        made("classifier")
        .distance(*(LogSketch.of(chance.lognormal(6, 1, 400)) for _ in range(2)))
        .facts["auc"]
        for _ in range(30)
    ]
    assert float(np.mean(areas)) == pytest.approx(0.5, abs=0.02)


def test_windows_that_share_no_value_are_told_apart_always() -> None:
    before, after = LogSketch.of(np.full(500, 8.0)), LogSketch.of(np.full(500, 800.0))
    assert made("classifier").distance(before, after).facts["auc"] == 1.0
