import pytest

from monitor.core.sketches import CategorySketch
from tests.kits.detector import made


def test_windows_without_a_common_category_are_one_apart() -> None:
    one, other = CategorySketch({"a": 4000}), CategorySketch({"b": 4000})
    assert made("chi_square").distance(one, other).effect == pytest.approx(1.0, abs=0.001)


def test_the_statistic_is_that_of_the_table() -> None:
    from scipy.stats import chi2_contingency

    one, other = {"a": 300, "b": 500, "c": 200}, {"a": 90, "b": 80, "c": 30}
    expected = chi2_contingency([list(one.values()), list(other.values())]).statistic
    found = made("chi_square").distance(CategorySketch(one), CategorySketch(other))
    assert found.facts["chi_square"] == pytest.approx(expected)


def test_the_size_of_the_windows_does_not_change_the_effect() -> None:
    few, many = CategorySketch({"a": 60, "b": 40}), CategorySketch({"a": 60_000, "b": 40_000})
    detector, reference = made("chi_square"), CategorySketch({"a": 20_000, "b": 80_000})
    effects = [detector.distance(reference, one).effect for one in (few, many)]
    assert effects[0] == pytest.approx(effects[1], abs=0.02)
