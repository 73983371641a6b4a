"""Pure: when a group speaks, and whether it has anything to say to a contact."""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

SHORTEST = dt.timedelta(milliseconds=100)
Reason = Literal["new", "resolved", "repeat"]


@dataclass(frozen=True, slots=True)
class Said:
    """What a contact was last told fires in a group. A key names an alert and its start."""

    at: dt.datetime
    firing: frozenset[str]


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
    """Why the contact has to be told, or None. The same decisions as Alertmanager's.

    Somebody who never heard of an alert is not told that it is over.
    """
    if said is None or not said.firing >= frozenset(firing):
        return "new" if firing else None
    if send_resolved and frozenset(resolved) & said.firing:
        return "resolved"
    # nothing may be firing because all of it is silenced: that is no news
    return "repeat" if firing and said.at <= now - repeat else None
