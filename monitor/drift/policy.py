"""A project's drift policy, read once per run: its calendar, and how sure a page must be."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor.drift.bodies import MOST_ATTRIBUTES
from monitor.drift.engine.detector import limit_for
from monitor.drift.engine.matching import Calendar
from monitor.drift.models import DriftPolicy
from monitor.drift.signals import SIGNALS

LONGEST_NAME = 60


class BadPolicyError(ValueError):
    """A time zone or a date that does not exist, or an attribute that cannot be watched; names it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """``false_pages``: bearable false pages per quarter of a model version, over all its signals.

    ``attributes``: those of calls that are watched.
    """

    calendar: Calendar = Calendar()  # noqa: RUF009 — frozen
    false_pages: float = 1.0
    attributes: tuple[str, ...] = ()

    def limit(self, tick_seconds: int) -> float:
        """The evidence at which one of the signals pages."""
        return limit_for(len(SIGNALS) + len(self.attributes), tick_seconds) / self.false_pages


def of(project_id: int) -> Policy:
    row = DriftPolicy.objects.filter(project_id=project_id).first()
    if row is None:
        return Policy()
    calendar = Calendar(zone_of(row.time_zone), holidays_of(row.holidays))
    return Policy(calendar, row.false_pages_per_quarter, attributes_of(row.attributes))


def attributes_of(text: str) -> tuple[str, ...]:
    """One name per line; raises BadPolicyError."""
    found = tuple(dict.fromkeys(filter(None, map(str.strip, text.splitlines()))))
    if len(found) > MOST_ATTRIBUTES:
        message = f"{len(found)} attributes; at most {MOST_ATTRIBUTES} can be watched"
        raise BadPolicyError(message)
    long = next((name for name in found if len(name) > LONGEST_NAME), None)
    if long is not None:
        message = f"{long!r} is longer than {LONGEST_NAME} characters"
        raise BadPolicyError(message)
    return found


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
