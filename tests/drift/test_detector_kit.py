"""The kit of drift detectors, over the whole list."""

import numpy as np
import pytest

from monitor.core import fields
from monitor.core.sketches import CategorySketch, LogSketch, VectorSample
from monitor.drift.assess import assess
from monitor.drift.detectors import DETECTORS
from monitor.drift.detectors.base import Drawing, TooFewError, WrongDataError
from tests.kits.detector import CASES, made, other_data, window

every_detector = pytest.mark.parametrize(("name", "data"), CASES)


@every_detector
def test_a_window_is_calm_against_itself(name: str, data: str) -> None:
    detector = made(name)
    same = window(data, 3000, 1)
    assert abs(detector.distance(same, same).effect) < 0.01


@every_detector
def test_the_effect_grows_with_the_shift(name: str, data: str) -> None:
    detector = made(name)
    reference = window(data, 5000, 1)
    effects = [abs(detector.distance(reference, window(data, 3000, 2, s)).effect) for s in (0, 0.3, 0.6, 1.2)]
    assert effects == sorted(effects)
    assert effects[1] > detector.floor


@every_detector
def test_both_directions_of_a_shift_are_seen(name: str, data: str) -> None:
    detector = made(name)
    reference = window(data, 5000, 1)
    up, down = (detector.distance(reference, window(data, 3000, 2, s)).effect for s in (0.6, -0.6))
    assert min(abs(up), abs(down)) > detector.floor
    assert (up * down < 0) is detector.signed


@pytest.mark.parametrize("name", [name for name, data in CASES if data == "lengths"])
def test_the_order_of_the_calls_does_not_matter(name: str) -> None:
    detector = made(name)
    values = np.random.default_rng(3).lognormal(6, 1, 900)
    reference = window("lengths", 2000, 1)
    assert detector.distance(reference, LogSketch.of(values)) == detector.distance(
        reference, LogSketch.of(values[::-1])
    )


@every_detector
def test_too_few_calls_are_refused_and_the_text_says_how_many_are_needed(name: str, data: str) -> None:
    detector = made(name)
    with pytest.raises(TooFewError, match=str(detector.least)):
        detector.distance(window(data, 2000, 1), window(data, detector.least - 1, 2))


@every_detector
def test_the_wrong_kind_of_data_is_refused(name: str, data: str) -> None:
    detector = made(name)
    with pytest.raises(WrongDataError):
        detector.distance(other_data(data), window(data, 500, 2))


@every_detector
def test_calm_hours_leave_the_normal_band_no_oftener_than_declared(name: str, data: str) -> None:
    detector = made(name)
    # vectors are compared pair by pair
    calls, worlds = (200, 20) if data == "sample" else (400, 40)
    outside = 0
    for world in range(worlds):
        blocks = [window(data, calls, 1000 * world + hour) for hour in range(12)]
        outside += assess(detector, blocks, window(data, calls * 3 // 4, 1000 * world + 99)).outside
    assert outside / worlds <= detector.false_alarms


@every_detector
def test_a_real_shift_leaves_the_normal_band(name: str, data: str) -> None:
    detector = made(name)
    blocks = [window(data, 400, hour) for hour in range(12)]
    found = assess(detector, blocks, window(data, 400, 99, 0.6))
    assert found.outside
    assert found.excess > 0


@every_detector
def test_a_fact_is_a_finite_number(name: str, data: str) -> None:
    detector = made(name)
    score = detector.distance(window(data, 900, 1), window(data, 900, 2, 0.5))
    assert all(np.isfinite(value) for value in (score.effect, *score.facts.values()))


@pytest.mark.parametrize("name", DETECTORS)
def test_declared_fields_have_defaults_that_pass_their_own_check(name: str) -> None:
    kind = DETECTORS[name]
    assert set(fields.clean(kind.fields, {})) == {field.name for field in kind.fields}


@pytest.mark.parametrize("name", [name for name, data in CASES if data == "sample"])
def test_vectors_of_what_is_new_come_before_those_of_always(name: str) -> None:
    detector = made(name)
    before, after = (window("sample", 300, seed, shift) for seed, shift in ((1, 0.0), (2, 1.0)))
    assert isinstance(before, VectorSample)
    assert isinstance(after, VectorSample)
    draw: Drawing = detector  # type: ignore[assignment] # as the census asks of it
    new, old = (draw.newness(before, after, one.vectors).mean() for one in (after, before))
    assert new > old


@pytest.mark.parametrize("name", [name for name, data in CASES if data == "words"])
def test_a_category_that_nobody_knew_is_seen(name: str) -> None:
    before = CategorySketch({"a": 900, "b": 600})
    after = CategorySketch({"a": 450, "b": 300, "c": 250})
    assert made(name).distance(before, after).effect > made(name).floor
