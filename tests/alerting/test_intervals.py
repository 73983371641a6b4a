import datetime as dt

import pytest
import yaml

from monitor.alerting import intervals


def covered(text: str, moment: str) -> bool:
    return intervals.covers(intervals.load(text), dt.datetime.fromisoformat(moment))


@pytest.mark.parametrize("text, moment, expected", [
    ("times: [{start_time: '09:00', end_time: '17:00'}]", "2026-11-18T09:00Z", True),
    ("times: [{start_time: '09:00', end_time: '17:00'}]", "2026-11-18T17:00Z", False),
    ("times: [{start_time: '00:00', end_time: '24:00'}]", "2026-11-18T23:59:59Z", True),
    ("{times: [{start_time: '09:00', end_time: '17:00'}], location: Asia/Shanghai}", "2026-11-18T02:00Z", True),
    ("{times: [{start_time: '09:00', end_time: '17:00'}], location: Asia/Shanghai}", "2026-11-18T10:00Z", False),
    ("weekdays: ['monday:friday']", "2026-11-20T12:00Z", True),
    ("weekdays: ['monday:friday']", "2026-11-21T12:00Z", False),
    ("weekdays: [Saturday, sunday]", "2026-11-22T12:00Z", True),
    ("{weekdays: [saturday], location: Asia/Shanghai}", "2026-11-20T20:00Z", True),
    ("days_of_month: ['1:5']", "2026-11-05T00:00Z", True),
    ("days_of_month: ['-3:-1']", "2026-11-28T00:00Z", True),
    ("days_of_month: ['-3:-1']", "2026-11-27T00:00Z", False),
    ("days_of_month: [31]", "2026-11-30T00:00Z", False),
    ("days_of_month: ['29:31']", "2026-11-30T00:00Z", True),
    ("months: ['november:december']", "2026-11-18T00:00Z", True),
    ("months: ['1:3', 12]", "2026-11-18T00:00Z", False),
    ("years: ['2020:2026']", "2026-11-18T00:00Z", True),
    ("years: [2001]", "2026-11-18T00:00Z", False),
    ("{weekdays: [wednesday], months: [november], years: [2026]}", "2026-11-18T00:00Z", True),
    ("{weekdays: [wednesday], months: [december]}", "2026-11-18T00:00Z", False),
    ("[{years: [2001]}, {weekdays: [wednesday]}]", "2026-11-18T00:00Z", True),
])  # fmt: skip
def test_times_are_read_as_alertmanager_does(text: str, moment: str, expected: bool) -> None:
    assert covered(text, moment) is expected


def test_the_hour_that_summer_time_skips_and_the_one_it_repeats_are_local() -> None:
    text = "{times: [{start_time: '02:00', end_time: '03:00'}], location: Europe/Berlin}"
    assert [covered(text, f"2026-03-29T0{hour}:30Z") for hour in (0, 1, 2)] == [False, False, False]
    assert [covered(text, f"2026-10-25T0{hour}:30Z") for hour in (0, 1, 2)] == [True, True, False]


@pytest.mark.parametrize("text, complaint", [
    ("times: [{start_time: '17:00', end_time: '09:00'}]", "a night needs two entries"),
    ("times: [{start_time: '9:00', end_time: '17:00'}]", "no time of day"),
    ("times: [{start_time: '09:00'}]", "needs start_time and end_time"),
    ("weekdays: [someday]", "no weekday"),
    ("weekdays: ['friday:monday']", "ends before it begins"),
    ("days_of_month: [0]", "no days of a month"),
    ("days_of_month: ['-1:5']", "no days of a month"),
    ("days_of_month: ['20:-20']", "no days of a month"),
    ("months: [13]", "no month"),
    ("years: [26]", "no year"),
    ("location: Mars/Base", "no time zone"),
    ("hours: [1]", "'hours' is not one of"),
    ("[]", "expected a list"),
    ("times: [", "not YAML"),
])  # fmt: skip
def test_what_can_not_be_read_is_named(text: str, complaint: str) -> None:
    with pytest.raises(intervals.BadIntervalError, match=complaint):
        intervals.load(text)


def test_a_list_is_read_the_same_parsed_or_as_text() -> None:
    text = "- weekdays: ['monday:friday']\n  location: Asia/Shanghai\n"
    assert intervals.load(text) == intervals.read(yaml.safe_load(text))
