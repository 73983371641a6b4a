"""Pure: times of day, week, month and year as Alertmanager writes them, and whether a moment lies in them."""

import calendar
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from monitor.alerting import nodes

Range = tuple[int, int]
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = tuple(name.lower() for name in calendar.month_name[1:])
_CLOCK = re.compile(r"(?:(?P<hour>[01]\d|2[0-3]):(?P<minute>[0-5]\d)|24:00)")
_KEYS = frozenset({"times", "weekdays", "days_of_month", "months", "years", "location"})


class BadIntervalError(ValueError):
    """Times that can't be read; whoever wrote them can mend them."""


@dataclass(frozen=True, slots=True)
class Interval:
    """All that is given must hold; what is empty always does. Minutes of the day end before, the rest within.

    ``local``: the zone was written as the server's own, which is UTC here.
    """

    times: tuple[Range, ...] = ()
    weekdays: tuple[Range, ...] = ()
    days: tuple[Range, ...] = ()
    months: tuple[Range, ...] = ()
    years: tuple[Range, ...] = ()
    zone: str = "UTC"
    local: bool = False

    def covers(self, moment: dt.datetime) -> bool:
        local = moment.astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        return (
            (not self.times or any(start <= minute < end for start, end in self.times))
            and _within(self.weekdays, local.isoweekday() % 7)
            and (not self.days or any(_day_within(one, local) for one in self.days))
            and _within(self.months, local.month)
            and _within(self.years, local.year)
        )


Calendar = tuple[Interval, ...]


def covers(times: Calendar, moment: dt.datetime) -> bool:
    """Whether any of the intervals does."""
    return any(one.covers(moment) for one in times)


def load(text: str) -> Calendar:
    """The intervals of YAML text: a list as below Alertmanager's ``time_intervals``."""
    return read(entries(text))


def entries(text: str) -> Any:
    """The list in YAML text, as texts; one interval may stand by itself."""
    try:
        found = nodes.read(text).plain()
    except nodes.BadFileError as error:
        raise BadIntervalError(str(error)) from error
    return [found] if isinstance(found, Mapping) else found


def read(entries: Any) -> Calendar:
    """The intervals of a parsed list; raises BadIntervalError and says which entry."""
    if not isinstance(entries, Sequence) or isinstance(entries, str) or not entries:
        message = "expected a list of intervals such as [{weekdays: ['saturday', 'sunday']}]"
        raise BadIntervalError(message)
    return tuple(_interval(entry, number) for number, entry in enumerate(entries))


def _interval(entry: Any, number: int) -> Interval:
    if not isinstance(entry, Mapping) or not set(entry) <= _KEYS:
        strange = min(set(entry) - _KEYS) if isinstance(entry, Mapping) else entry
        message = f"interval {number}: {strange!r} is not one of {', '.join(sorted(_KEYS))}"
        raise BadIntervalError(message)
    try:
        return Interval(
            times=tuple(_time(one) for one in _list(entry.get("times"))),
            weekdays=_ranges(entry.get("weekdays"), lambda text: _named(text, WEEKDAYS, 0, "weekday")),
            days=tuple(_days(one) for one in _list(entry.get("days_of_month"))),
            months=_ranges(entry.get("months"), lambda text: _named(text, MONTHS, 1, "month")),
            years=_ranges(entry.get("years"), _year),
            zone=_zone(entry.get("location")),
            local=entry.get("location") == "Local",
        )
    except BadIntervalError as error:
        message = f"interval {number}: {error}"
        raise BadIntervalError(message) from error


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _ranges(value: Any, number: Callable[[str], int]) -> tuple[Range, ...]:
    found = []
    for one in _list(value):
        first, colon, last = str(one).strip().lower().partition(":")
        start = number(first.strip())
        end = number(last.strip()) if colon else start
        if start > end:
            message = f"{one!r} ends before it begins; write two ranges"
            raise BadIntervalError(message)
        found.append((start, end))
    return tuple(found)


def _named(text: str, names: Sequence[str], first: int, what: str) -> int:
    if text in names:
        return names.index(text) + first
    if text.isdecimal() and first <= int(text) < len(names) + first and what == "month":
        return int(text)
    message = f"{text!r} is no {what}; write {names[0]}, {names[1]} …"
    raise BadIntervalError(message)


def _year(text: str) -> int:
    if not (text.isdecimal() and len(text) == 4):
        message = f"{text!r} is no year; write 2026 or 2026:2028"
        raise BadIntervalError(message)
    return int(text)


def _days(value: Any) -> Range:
    first, colon, last = str(value).partition(":")
    try:
        start = int(first)
        end = int(last) if colon else start
    except ValueError:
        start = end = 0
    if not (1 <= abs(start) <= 31 and 1 <= abs(end) <= 31) or (start < 0 < end) or _never(start, end):
        message = f"{value!r} are no days of a month; write 1:5, or -3:-1 for the last three"
        raise BadIntervalError(message)
    return start, end


def _never(start: int, end: int) -> bool:
    """``20:-20`` would be empty even in the longest month."""
    last = end if end > 0 else 31 + end + 1
    first = start if start > 0 else 31 + start + 1
    return first > last


def _time(value: Any) -> Range:
    if not isinstance(value, Mapping) or set(value) != {"start_time", "end_time"}:
        message = "each of times needs start_time and end_time, like {start_time: '09:00', end_time: '17:00'}"
        raise BadIntervalError(message)
    start, end = _minute(value["start_time"]), _minute(value["end_time"])
    if start >= end:
        message = f"{value['start_time']} is not before {value['end_time']}; a night needs two entries, to and from 24:00"
        raise BadIntervalError(message)
    return start, end


def _minute(value: Any) -> int:
    match = _CLOCK.fullmatch(str(value))
    if match is None:
        message = f"{value!r} is no time of day; write 09:00, at most 24:00"
        raise BadIntervalError(message)
    return 1440 if match["hour"] is None else int(match["hour"]) * 60 + int(match["minute"])


def _zone(value: Any) -> str:
    name = "UTC" if value in (None, "", "Local") else str(value)
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        message = f"location {name!r} is no time zone; write it like Asia/Shanghai"
        raise BadIntervalError(message) from error
    return name


def _within(ranges: tuple[Range, ...], number: int) -> bool:
    return not ranges or any(start <= number <= end for start, end in ranges)


def _day_within(days: Range, local: dt.datetime) -> bool:
    """Negative days count from the month's end; a month without the first day has none of them."""
    length = calendar.monthrange(local.year, local.month)[1]
    start, end = (day if day > 0 else length + day + 1 for day in days)
    return start <= length and max(start, 1) <= local.day <= min(end, length)
