"""Pure: the life of the alerts of one rule. inactive → pending → firing → resolved, as Prometheus counts it.

``step`` takes what was known and what the query answered at one time, and says what is known now.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from monitor.core.alerts import Notice
from monitor.core.labels import NAME, Labels
from monitor.core.samples import STALE

State = Literal["pending", "firing", "resolved"]
RESEND = dt.timedelta(minutes=1)
RESOLVED_RETENTION = dt.timedelta(minutes=15)
# Prometheus' rules.alert.for-outage-tolerance and rules.alert.for-grace-period
OUTAGE_TOLERANCE = dt.timedelta(hours=1)
FOR_GRACE_PERIOD = dt.timedelta(minutes=10)
SHORTEST_OUTAGE = dt.timedelta(minutes=2)
ALERTNAME, ALERTSTATE = "alertname", "alertstate"


class SameLabelsError(ValueError):
    """Two results that the rule's labels make one; whoever wrote the rule has to keep a label that differs."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One result of the query, with the rule's labels and rendered annotations on it."""

    labels: Labels
    annotations: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of a rule. ``fired_at`` is the start that people are told; ``active_at`` begins ``for``."""

    labels: Labels
    annotations: Mapping[str, str]
    value: float
    state: State
    active_at: dt.datetime
    fired_at: dt.datetime | None = None
    resolved_at: dt.datetime | None = None
    kept_since: dt.datetime | None = None

    @property
    def active(self) -> bool:
        return self.state != "resolved"


@dataclass(frozen=True, slots=True)
class Holds:
    """How long a result must last before it fires, and how long an alert outlives its result."""

    hold: dt.timedelta = dt.timedelta(0)
    keep: dt.timedelta = dt.timedelta(0)


@dataclass(frozen=True, slots=True)
class Change:
    """An alert that entered a state; ``to`` is "inactive" for a pending one that came to nothing."""

    alert: Alert
    to: Literal["pending", "firing", "resolved", "inactive"]


@dataclass(frozen=True, slots=True)
class Step:
    """What is known after one evaluation: ``alerts`` to keep and ``changes`` in the order they happened."""

    alerts: tuple[Alert, ...]
    changes: tuple[Change, ...]


def step(known: Sequence[Alert], seen: Sequence[Seen], holds: Holds, *, at: dt.datetime) -> Step:
    """One evaluation at ``at``; raises SameLabelsError."""
    before = {alert.labels: alert for alert in known}
    results = _by_labels(seen)
    alerts: list[Alert] = []
    changes: list[Change] = []
    for labels in [*before, *(labels for labels in results if labels not in before)]:
        old = before.get(labels)
        result = results.get(labels)
        now_known = _lasting(old, result, holds, at) if result else _missing(old, holds, at)
        changes += _changes(old, now_known)
        if now_known is not None:
            alerts.append(now_known)
    return Step(tuple(alerts), tuple(changes))


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody looked between ``last`` and ``at``, where somebody should have every ``interval``."""

    last: dt.datetime
    at: dt.datetime
    interval: dt.timedelta

    @property
    def length(self) -> dt.timedelta:
        return self.at - self.last

    @property
    def down(self) -> bool:
        """Longer than a busy machine would be late: nobody was there."""
        return self.length > max(4 * self.interval, SHORTEST_OUTAGE)


def after_gap(known: Sequence[Alert], holds: Holds, gap: Gap) -> list[Alert]:
    """The alerts after a time in which nobody looked, as Prometheus restores them after a restart.

    Who is merely late goes on counting, as Prometheus does. Otherwise that time does not count towards ``for``. After an outage a pending alert waits at least for the grace
    period, if its ``for`` is that long; after a long one it begins anew. What fired goes on firing.
    """
    if not gap.down:
        return list(known)
    return [
        replace(one, active_at=gap.at + _left(one, holds.hold, gap) - holds.hold) if one.state == "pending" else one
        for one in known
    ]  # fmt: skip


def _left(alert: Alert, hold: dt.timedelta, gap: Gap) -> dt.timedelta:
    if gap.length > OUTAGE_TOLERANCE:
        return hold
    left = hold - (gap.last - alert.active_at)
    return min(hold, max(left, FOR_GRACE_PERIOD))


def cleared(known: Sequence[Alert]) -> Step:
    """Nothing is known any more: what Prometheus does with the alerts of a rule that exceeds its limit."""
    return Step((), tuple(Change(one, "inactive") for one in known if one.active))


def faded(notice: Notice, at: dt.datetime, interval: dt.timedelta) -> Notice:
    """An alert that nobody knows any more is over when a Prometheus would have had to speak of it again."""
    return replace(notice, ends_at=outdated_at(at, interval), timeout=True)


def outdated_at(at: dt.datetime, interval: dt.timedelta) -> dt.datetime:
    """When what was found then holds no more, if nobody has looked since: Prometheus' valid-until."""
    return at + 4 * max(interval, RESEND)


def _by_labels(seen: Sequence[Seen]) -> dict[Labels, Seen]:
    results: dict[Labels, Seen] = {}
    for result in seen:
        if result.labels in results:
            message = (
                f"two results have the same labels once the rule's are applied: {dict(result.labels)}; "
                "keep a label that tells them apart"
            )
            raise SameLabelsError(message)
        results[result.labels] = result
    return results


def _lasting(old: Alert | None, result: Seen, holds: Holds, at: dt.datetime) -> Alert:
    if old is None or old.state == "resolved":
        alert = Alert(result.labels, result.annotations, result.value, "pending", active_at=at)
    else:
        alert = replace(old, annotations=result.annotations, value=result.value, kept_since=None)
    if alert.state == "pending" and at - alert.active_at >= holds.hold:
        return replace(alert, state="firing", fired_at=at)
    return alert


def _missing(old: Alert | None, holds: Holds, at: dt.datetime) -> Alert | None:
    if old is None or old.state == "pending":
        return None
    if old.state == "resolved":
        gone = old.resolved_at is None or at - old.resolved_at > RESOLVED_RETENTION
        return None if gone else old
    kept_since = old.kept_since or at
    if holds.keep and at - kept_since < holds.keep:
        return replace(old, kept_since=kept_since)
    return replace(old, state="resolved", resolved_at=at, kept_since=None)


def _changes(old: Alert | None, new: Alert | None) -> list[Change]:
    was = old.state if old and old.active else None
    if new is None:
        return [Change(old, "inactive")] if old and was == "pending" else []
    if new.state == was or (was is None and not new.active):
        return []
    return [Change(new, new.state)]


def written(alerts: Sequence[Alert]) -> dict[Labels, float]:
    """The ALERTS and ALERTS_FOR_STATE samples that stand for these alerts."""
    samples: dict[Labels, float] = {}
    for alert in alerts:
        if alert.active:
            samples[alert.labels.having({NAME: "ALERTS", ALERTSTATE: alert.state})] = 1.0
            samples[alert.labels.having({NAME: "ALERTS_FOR_STATE"})] = alert.active_at.timestamp() // 1
    return samples


def with_markers(
    before: Sequence[Labels] | Mapping[Labels, float], after: Mapping[Labels, float]
) -> dict[Labels, float]:
    """The samples to write: those of now, and a staleness marker for each series that ended."""
    ended = {labels: float(STALE) for labels in before if labels not in after}
    return {**ended, **after}
