"""Pure: which times are held against each other: since the alert's cause, and before it."""

import datetime as dt
from dataclasses import dataclass

Span = tuple[dt.datetime, dt.datetime]
LEAST = dt.timedelta(minutes=2)
LONGEST = dt.timedelta(hours=6)
# the baseline in stretches as long as the bad window, which is how its ordinary ups and downs are known
STRETCHES = 8
DAY = dt.timedelta(days=1)
DAYS = 7


@dataclass(frozen=True, slots=True)
class Windows:
    """``stretches``: of the baseline, oldest first; they may lie days apart."""

    bad: Span
    stretches: tuple[Span, ...]

    @property
    def seconds(self) -> list[float]:
        """How long each stretch lasts, the bad window last."""
        return [(end - start).total_seconds() for start, end in (*self.stretches, self.bad)]


def windows_of(active_at: dt.datetime, at: dt.datetime, width: dt.timedelta) -> Windows:
    """An expression that looks back over ``width`` became true at ``active_at``; it is ``at`` now.

    The cause lies somewhere in that width: its later half counts as bad, its earlier half as neither.
    """
    width = min(width, LONGEST)
    start = max(min(active_at - width / 2, at - LEAST), at - LONGEST)
    length = at - start
    end = min(active_at, start) - width / 2
    stretches = [(end - (place + 1) * length, end - place * length) for place in range(STRETCHES)]
    return Windows((start, at), tuple(reversed(stretches)))


def same_hours(windows: Windows) -> Windows:
    """The same time of the days before instead: the number of calls goes by the hour."""
    start, end = windows.bad
    days = [(start - day * DAY, end - day * DAY) for day in range(DAYS, 0, -1)]
    return Windows(windows.bad, tuple(days))
