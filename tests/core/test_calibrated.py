import numpy as np
import pytest

from monitor.core.calibrated import Calibrated, TooFewLabelsError, calibrate


def drawn(labels: int, seed: int, *, bias: float = 0.4, noise: float = 0.6) -> Calibrated:
    """People's mean is 3.5; the judge is ``bias`` too kind."""
    chance = np.random.default_rng(seed)
    people = chance.normal(3.5, 0.9, 3000)
    judge = people + bias + chance.normal(0.0, noise, 3000)
    return calibrate(people[:labels], judge[:labels], judge[labels:])


def test_the_interval_holds_the_peoples_mean_however_biased_the_judge() -> None:
    held = [drawn(50, seed).interval().contains(3.5) for seed in range(400)]
    assert 0.92 <= np.mean(held) <= 0.98


def test_a_good_judge_makes_labels_worth_more_and_a_useless_one_not_less() -> None:
    assert drawn(200, 1, noise=0.4).worth > 2.0
    useless = drawn(200, 1, noise=50.0)
    assert useless.worth > 0.95
    assert useless.weight < 0.01


def test_few_labels_are_called_uncalibrated() -> None:
    with pytest.raises(TooFewLabelsError, match="12 labels; 30 are needed"):
        drawn(12, 1)


def test_without_other_judged_calls_the_labels_speak_alone() -> None:
    labels = np.linspace(0, 5, 40)
    found = calibrate(labels, labels, np.empty(0))
    assert found.mean == pytest.approx(2.5)
    assert found.weight == 0.0
