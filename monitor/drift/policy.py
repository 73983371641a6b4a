"""A project's drift policy, read once per run: its calendar, and how sure a page must be."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor.drift.engine.detector import limit_for
from monitor.drift.engine.matching import Calendar
from monitor.drift.models import DriftPolicy
from monitor.drift.signals import SIGNALS


class BadPolicyError(ValueError):
    """A time zone or a date that does not exist; names it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """``false_pages``: bearable false pages per quarter of a model version, over all its signals."""

    calendar: Calendar = Calendar()  # noqa: RUF009 — frozen
    false_pages: float = 1.0

    def limit(self, tick_seconds: int) -> float:
        """The evidence at which one of the signals pages."""
        return limit_for(len(SIGNALS), tick_seconds) / self.false_pages


def of(project_id: int) -> Policy:
    row = DriftPolicy.objects.filter(project_id=project_id).first()
    if row is None:
        return Policy()
    return Policy(Calendar(zone_of(row.time_zone), holidays_of(row.holidays)), row.false_pages_per_quarter)


def zone_of(name: str) -> ZoneInfo:
    """Raises BadPolicyError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"there is no time zone {name!r}; write one like Asia/Shanghai or UTC"
        raise BadPolicyError(message) from None


def holidays_of(text: str) -> frozenset[dt.date]:
    """One date per line; raises BadPolicyError."""
    found = set()
    for line in filter(None, map(str.strip, text.splitlines())):
        try:
            found.add(dt.date.fromisoformat(line))
        except ValueError:
            message = f"{line!r} is no date; write one like 2026-10-01 per line"
            raise BadPolicyError(message) from None
    return frozenset(found)
