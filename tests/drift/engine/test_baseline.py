import numpy as np

from monitor.core.stats import Floats, Ints
from monitor.drift.engine import baseline
from monitor.drift.engine.baseline import DAY, Basis


def volume(days: int, seed: int = 1) -> tuple[Floats, Ints]:
    """Calls by 5 minutes with a day cycle and quiet weekends, and the kind of each day."""
    at = np.arange(days * DAY)
    weekend = np.isin(at // DAY % 7, (5, 6)).astype(np.int64)
    level = 80.0 * np.exp(0.7 * np.sin((at / 12 - 9) / 24 * 2 * np.pi)) * np.where(weekend, 0.55, 1.0)
    return np.random.default_rng(seed).poisson(level).astype(float), weekend


def test_four_benign_weeks_are_no_anomaly() -> None:
    assert not baseline.expect(*volume(56)).anomalous[28 * DAY :].any()


def test_half_the_calls_at_15_oclock_is_found_in_half_an_hour() -> None:
    values, kinds = volume(35)
    start = 30 * DAY + 15 * 12
    values[start : start + 24] *= 0.5
    found = np.flatnonzero(baseline.expect(values, kinds).anomalous)
    assert start < found[0] <= start + 6


def test_silence_at_night_is_found_and_the_low_night_itself_is_not() -> None:
    values, kinds = volume(35)
    start = 31 * DAY + 3 * 12
    values[start : start + 12] = 0.0
    found = baseline.expect(values, kinds).anomalous
    assert found[start : start + 12].any()
    assert not found[28 * DAY : start].any()


def test_nothing_is_expected_before_the_third_day() -> None:
    found = baseline.expect(*volume(1))
    assert found.basis == Basis.NONE
    assert np.isnan(found.expected).all()


def test_a_young_signal_is_measured_by_yesterday() -> None:
    found = baseline.expect(*volume(5))
    assert found.basis == Basis.YESTERDAY
    assert not found.anomalous[2 * DAY :].any()


def test_an_unknown_stretch_is_unknown_and_not_an_outage() -> None:
    values, kinds = volume(35)
    values[30 * DAY : 30 * DAY + 24] = np.nan
    assert not baseline.expect(values, kinds).anomalous[28 * DAY :].any()


def test_a_holiday_expected_like_a_sunday_is_calm() -> None:
    values, kinds = volume(44)
    day = slice(37 * DAY, 38 * DAY)
    values[day] = volume(44, seed=7)[0][34 * DAY : 35 * DAY]
    kinds[day] = 1
    assert not baseline.expect(values, kinds).anomalous[28 * DAY :].any()


def test_a_clock_that_is_put_forward_moves_the_day_and_is_no_anomaly() -> None:
    at = np.arange(42 * DAY)
    ahead = np.where(at >= 30 * DAY + 24, 12, 0)
    local = at + ahead
    weekend = np.isin(local // DAY % 7, (5, 6)).astype(np.int64)
    level = 200.0 * np.exp(1.8 * np.sin((local / 12 - 9) / 24 * 2 * np.pi))
    values = np.random.default_rng(1).poisson(level).astype(float)
    assert baseline.expect(values, weekend).anomalous[30 * DAY :].any()
    assert not baseline.expect(values, weekend, ahead=ahead).anomalous[28 * DAY :].any()


def clumped(values: Floats, size: int) -> Floats:
    """The same level, in sessions of so many calls that fall into one tick."""
    return size * np.random.default_rng(3).poisson(values / size).astype(float)


def test_calls_that_come_in_sessions_wander_more_and_are_no_anomaly() -> None:
    at = np.arange(70 * DAY)
    level = 25.0 * np.exp(1.2 * np.sin((at / 12 - 9) / 24 * 2 * np.pi))
    assert not baseline.expect(clumped(level, 6), np.zeros_like(at)).anomalous[28 * DAY :].any()


def test_a_day_that_begins_all_at_once_may_begin_five_minutes_late() -> None:
    at = np.arange(42 * DAY)
    level = np.where(at % DAY < 7 * 12, 1.0, 120.0)
    values = np.random.default_rng(5).poisson(level).astype(float)
    values[35 * DAY + 7 * 12] = 1.0
    assert not baseline.expect(values, np.zeros_like(at)).anomalous[28 * DAY :].any()
