"""A project's drift policy, read once per run: its calendar, and how sure a page must be."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from monitor.drift.bodies import MOST_ATTRIBUTES
from monitor.drift.engine.detector import limit_for
from monitor.drift.engine.matching import HOUR, Calendar
from monitor.drift.models import USUAL_FALSE_PAGES, DriftPolicy, DriftWatch
from monitor.drift.signals import SIGNALS

LONGEST_NAME = 60
# the budget of the engine is for 90 days
MONTHS_IN_BUDGET = 3
SILENT_HOURS = 7 * 24


class BadPolicyError(ValueError):
    """A time zone or a date that does not exist, or an attribute that cannot be watched; names it."""


@dataclass(frozen=True, slots=True)
class Policy:
    """``false_pages``: bearable false pages a month over all that is watched in the project: the signals of every
    version, and ``watches`` beside them. ``lives``: first and last hour with calls of each version.

    ``attributes``: those of calls that are watched.
    """

    calendar: Calendar = Calendar()  # noqa: RUF009 — frozen
    false_pages: float = USUAL_FALSE_PAGES
    attributes: tuple[str, ...] = ()
    watches: int = 0
    lives: tuple[tuple[int, int], ...] = ()

    def versions(self, at: float) -> int:
        """How many versions are followed at a moment (Unix s): one that fell silent for a while still is."""
        return max(1, sum(first * HOUR <= at < (last + SILENT_HOURS) * HOUR for first, last in self.lives))

    def limit(self, tick_seconds: int, at: float) -> float:
        """The evidence at which any one of them pages at a moment (Unix s)."""
        sharing = self.versions(at) * (len(SIGNALS) + len(self.attributes)) + self.watches
        return limit_for(sharing, tick_seconds) / (self.false_pages * MONTHS_IN_BUDGET)


def of(project_id: int, lives: Iterable[tuple[int, int]] = ()) -> Policy:
    """What people set, or what is usual, for a project with versions of these ``lives``."""
    watches = DriftWatch.objects.filter(project_id=project_id, enabled=True).count()
    row = DriftPolicy.objects.filter(project_id=project_id).first()
    if row is None:
        return Policy(watches=watches, lives=tuple(lives))
    return Policy(
        Calendar(zone_of(row.time_zone), holidays_of(row.holidays)), row.false_pages_per_month,
        attributes_of(row.attributes), watches, tuple(lives),
    )  # fmt: skip


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
