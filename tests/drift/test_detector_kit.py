"""The kit of drift detectors, over the whole list."""

import numpy as np
import pytest

from monitor.core import fields
from monitor.core.sketches import LogSketch
from monitor.drift.assess import assess
from monitor.drift.detectors import DETECTORS
from monitor.drift.detectors.base import TooFewError, WrongDataError
from tests.kits.detector import made, other_kind, window

every_detector = pytest.mark.parametrize("name", DETECTORS)


@every_detector
def test_a_window_is_calm_against_itself(name: str) -> None:
    detector = made(name)
    same = window(detector, 3000, 1)
    assert abs(detector.distance(same, same).effect) < 0.01


@every_detector
def test_the_effect_grows_with_the_shift(name: str) -> None:
    detector = made(name)
    reference = window(detector, 5000, 1)
    effects = [
        abs(detector.distance(reference, window(detector, 3000, 2, s)).effect) for s in (0, 0.3, 0.6, 1.2)
    ]
    assert effects == sorted(effects)
    assert effects[1] > detector.floor


@every_detector
def test_both_directions_of_a_shift_are_seen(name: str) -> None:
    detector = made(name)
    reference = window(detector, 5000, 1)
    up, down = (detector.distance(reference, window(detector, 3000, 2, s)).effect for s in (0.6, -0.6))
    assert min(abs(up), abs(down)) > detector.floor
    assert (up * down < 0) is detector.signed


@pytest.mark.parametrize("name", [name for name in DETECTORS if DETECTORS[name].kind == "numbers"])
def test_the_order_of_the_calls_does_not_matter(name: str) -> None:
    detector = made(name)
    values = np.random.default_rng(3).lognormal(6, 1, 900)
    reference = window(detector, 2000, 1)
    assert detector.distance(reference, LogSketch.of(values)) == detector.distance(
        reference, LogSketch.of(values[::-1])
    )


@every_detector
def test_too_few_calls_are_refused_and_the_text_says_how_many_are_needed(name: str) -> None:
    detector = made(name)
    with pytest.raises(TooFewError, match=str(detector.least)):
        detector.distance(window(detector, 2000, 1), window(detector, detector.least - 1, 2))


@every_detector
def test_the_wrong_kind_of_data_is_refused(name: str) -> None:
    detector = made(name)
    with pytest.raises(WrongDataError):
        detector.distance(other_kind(detector), window(detector, 500, 2))


@every_detector
def test_calm_hours_leave_the_normal_band_no_oftener_than_declared(name: str) -> None:
    detector = made(name)
    outside = 0
    for world in range(40):
        blocks = [window(detector, 400, 1000 * world + hour) for hour in range(12)]
        outside += assess(detector, blocks, window(detector, 300, 1000 * world + 99)).outside
    assert outside / 40 <= detector.false_alarms


@every_detector
def test_a_real_shift_leaves_the_normal_band(name: str) -> None:
    detector = made(name)
    blocks = [window(detector, 400, hour) for hour in range(12)]
    found = assess(detector, blocks, window(detector, 400, 99, 0.6))
    assert found.outside
    assert found.excess > 0


@every_detector
def test_a_fact_is_a_finite_number(name: str) -> None:
    detector = made(name)
    score = detector.distance(window(detector, 900, 1), window(detector, 900, 2, 0.5))
    assert all(np.isfinite(value) for value in (score.effect, *score.facts.values()))


@every_detector
def test_declared_fields_have_defaults_that_pass_their_own_check(name: str) -> None:
    kind = DETECTORS[name]
    assert set(fields.clean(kind.fields, {})) == {field.name for field in kind.fields}
