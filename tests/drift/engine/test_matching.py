import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np

from monitor.drift.engine.matching import HOUR, Calendar, Load

SHANGHAI = ZoneInfo("Asia/Shanghai")


def hour_of(moment: dt.datetime) -> np.ndarray:
    return np.array([int(moment.timestamp()) // HOUR])


def test_hours_are_matched_by_local_time_and_kind_of_day() -> None:
    friday = hour_of(dt.datetime(2026, 3, 6, 23, tzinfo=SHANGHAI))
    saturday = hour_of(dt.datetime(2026, 3, 7, 23, tzinfo=SHANGHAI))
    assert Calendar(SHANGHAI).strata(friday).tolist() == [23]
    assert Calendar(SHANGHAI).strata(saturday).tolist() == [47]


def test_a_holiday_behaves_like_a_sunday() -> None:
    day = dt.date(2026, 10, 1)
    at = hour_of(dt.datetime(2026, 10, 1, 9, tzinfo=SHANGHAI))
    assert Calendar(SHANGHAI).strata(at).tolist() == [9]
    assert Calendar(SHANGHAI, frozenset({day})).strata(at).tolist() == [33]
    assert Calendar(SHANGHAI, frozenset({day}), weekly=True).strata(at).tolist() == [153]


def test_load_beyond_anything_seen_has_a_bin_of_its_own() -> None:
    load = Load.of(np.linspace(100, 1000, 500))
    bins = load.bins(np.array([0.0, 550.0, 1000.0, 1001.0, 5000.0]))
    assert bins[0] == 0
    assert bins[3] == bins[4] == load.size - 1
    assert 0 < bins[1] < bins[2] == load.size - 2
