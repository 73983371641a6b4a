"""Pure: when a group speaks, and whether it has anything to say to a contact."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

SHORTEST = dt.timedelta(milliseconds=100)
Reason = Literal["new", "resolved", "repeat"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a contact was last told of a group: which alerts fire, and which are over. A key names an alert."""

    at: dt.datetime
    firing: frozenset[str]
    resolved: frozenset[str] = frozenset()


def due_after_alert(due_at: dt.datetime | None, wait: dt.timedelta, *, now: dt.datetime) -> dt.datetime:
    """A resting group waits a little for more alerts; one that is awake keeps its time."""
    return now + wait if due_at is None else due_at


def due_after_speaking(
    due_at: dt.datetime, interval: dt.timedelta, *, still_has_alerts: bool, now: dt.datetime
) -> dt.datetime | None:
    """The next time, or None: the group rests. A little lateness does not add up; an outage is not caught up on."""
    if not still_has_alerts:
        return None
    step = max(interval, SHORTEST)
    return due_at + step if now - due_at < step else now + step


def need(
    said: Said | None,
    firing: Collection[str],
    resolved: Collection[str],
    *,
    repeat: dt.timedelta,
    send_resolved: bool,
    now: dt.datetime,
) -> Reason | None:
    """Why the contact has to be told, or None. Decided as Alertmanager's deduplication decides.

    An alert that ended and fires anew before its group speaks is no news. That nothing fires any more counts
    as "resolved" also for a contact that does not want to hear of it: only so its next beginning is news.
    """
    if said is None or not said.firing >= frozenset(firing):
        return "new" if firing else None
    if not firing:
        return "resolved" if said.firing else None
    if send_resolved and not said.resolved >= frozenset(resolved):
        return "resolved"
    return "repeat" if said.at <= now - repeat else None
