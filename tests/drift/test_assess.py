import numpy as np
import pytest

from monitor.core.sketches import LogSketch, Sketch
from monitor.drift.assess import assess
from monitor.drift.detectors.base import TooFewError
from tests.kits.detector import made


def hour(seed: int, n: int = 400, mean: float = 6.0) -> Sketch:
    return LogSketch.of(np.random.default_rng(seed).lognormal(mean, 0.9, n))


def test_a_reference_that_wanders_has_a_wider_normal_band() -> None:
    steady = [hour(i) for i in range(12)]
    wandering = [hour(i, mean=6.0 + 0.4 * (i % 3)) for i in range(12)]
    detector = made("mean_shift")
    assert (
        assess(detector, wandering, hour(50)).normal_high > 2 * assess(detector, steady, hour(50)).normal_high
    )


def test_a_short_reference_doubles_the_floor() -> None:
    blocks = [hour(i, 20_000) for i in range(4)]
    assert assess(made("mean_shift"), blocks, hour(9, 20_000), doubled=True).normal_high == pytest.approx(0.2)


def test_thin_hours_are_joined_before_they_are_compared() -> None:
    assert assess(made("psi"), [hour(i, 40) for i in range(24)], hour(30)).n_reference == 960


def test_a_small_reference_is_unknown_and_says_what_is_needed() -> None:
    with pytest.raises(TooFewError, match="3 blocks of 100 calls"):
        assess(made("psi"), [hour(1, 50), hour(2, 50)], hour(3))


def test_the_same_question_gets_the_same_answer() -> None:
    blocks = [hour(i) for i in range(6)]
    assert assess(made("ks"), blocks, hour(7, 100)) == assess(made("ks"), blocks, hour(7, 100))


def test_a_small_window_is_judged_by_what_a_small_window_shows_by_chance() -> None:
    blocks = [hour(i, 2000) for i in range(12)]
    small, large = assess(made("ks"), blocks, hour(40, 60)), assess(made("ks"), blocks, hour(40, 2000))
    assert small.normal_high > large.normal_high
