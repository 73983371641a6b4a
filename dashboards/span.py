"""The time a page looks at: read from the URL, written back into it. Pure; ``now`` is passed in."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.core import durations

QUICK = ("15m", "1h", "6h", "24h", "7d", "30d")
DEFAULT = "6h"
LONGEST = dt.timedelta(days=400)
# beyond this (the year 5138) a number counts milliseconds
MOST_SECONDS = 1e11
_STEPS = (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` to ``end``; ``quick`` names the range when it moves with the clock, else it is empty."""

    start: dt.datetime
    end: dt.datetime
    quick: str

    @property
    def seconds(self) -> float:
        return (self.end - self.start).total_seconds()

    @property
    def width(self) -> str:
        """The whole span as a PromQL duration."""
        return durations.text(int(self.seconds) * 1000)

    @property
    def label(self) -> str:
        """The width in words: as it was chosen, else as it comes out."""
        return self.quick or self.width

    @property
    def before(self) -> str:
        """How far back to compare: a day, which cancels the hours of the day; longer spans their own width."""
        return durations.text(max(86_400, int(self.seconds)) * 1000)

    def step(self, points: int) -> dt.timedelta:
        """A round step that gives at most about ``points`` points."""
        wanted = self.seconds / max(points, 1)
        return dt.timedelta(seconds=next((step for step in _STEPS if step >= wanted), _STEPS[-1]))

    def window(self, points: int) -> str:
        """The width of a rate at that step: four scrapes wide at least, so that no sample falls between."""
        return durations.text(int(max(self.step(points).total_seconds(), 60)) * 1000)

    def query(self) -> dict[str, str]:
        """The URL parameters that lead back here."""
        if self.quick:
            return {"range": self.quick}
        return {"from": str(int(self.start.timestamp())), "to": str(int(self.end.timestamp()))}

    def shifted(self, parts: float) -> dict[str, str]:
        """The URL parameters of the span moved by ``parts`` of its own width."""
        move = dt.timedelta(seconds=round(self.seconds * parts))
        return Span(self.start + move, self.end + move, "").query()

    def within(self, width: str, back: str) -> "Span":
        """The last ``width`` of it, as much as ``back`` earlier, both as durations; what is none changes nothing."""
        kept = duration(width)
        end = self.end - duration(back)
        return Span(end - (kept or self.end - self.start), end, "")

    def wider(self) -> dict[str, str]:
        """The URL parameters of twice the width around the same middle."""
        half = dt.timedelta(seconds=round(self.seconds / 2))
        return Span(self.start - half, self.end + half, "").query()


def read(params: Mapping[str, str], now: dt.datetime) -> Span:
    """The span that ``params`` ask for; nonsense falls back to the default rather than to an error page."""
    start, end = params.get("from", ""), params.get("to", "")
    if start.startswith("now-") and end in {"", "now"}:
        # as links of Grafana say it
        return quick(start.removeprefix("now-"), now)
    return _exact(start, end, now) or quick(params.get("range", DEFAULT), now)


def quick(text: str, now: dt.datetime) -> Span:
    """The last ``text`` up to now, with the end on a grid so that two glances within it agree."""
    try:
        seconds = durations.parse(text) / 1000
    except durations.BadDurationError:
        text, seconds = DEFAULT, durations.parse(DEFAULT) / 1000
    if not 0 < seconds <= LONGEST.total_seconds():
        text, seconds = DEFAULT, durations.parse(DEFAULT) / 1000
    grid = 5 if seconds <= 3600 else 15 if seconds <= 86_400 else 60
    end = dt.datetime.fromtimestamp(math.floor(now.timestamp() / grid) * grid, dt.UTC)
    return Span(end - dt.timedelta(seconds=seconds), end, text)


def _exact(start: str, end: str, now: dt.datetime) -> Span | None:
    first, last = moment(start), moment(end) or now
    if first is None or first >= last or last - first > LONGEST:
        return None
    return Span(first, last, "")


def duration(text: str) -> dt.timedelta:
    """None at all for anything else than a duration up to the longest span."""
    try:
        found = dt.timedelta(milliseconds=durations.parse(text))
    except (durations.BadDurationError, OverflowError):
        return dt.timedelta()
    return found if dt.timedelta() < found <= LONGEST else dt.timedelta()


def moment(text: str) -> dt.datetime | None:
    """Unix seconds, milliseconds or an ISO date and time (UTC unless it says otherwise); None for anything else."""
    try:
        if text.replace(".", "", 1).isdigit():
            number = float(text)
            return dt.datetime.fromtimestamp(number / 1000 if number > MOST_SECONDS else number, dt.UTC)
        found = dt.datetime.fromisoformat(text)
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)
