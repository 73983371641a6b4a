"""A group speaks: its alerts become a delivery for each contact that has not heard of them.

Everything about one group is one transaction, and the first worker to come wins it.
"""

import datetime as dt
import json
import logging
from collections.abc import Collection, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from monitor.alerting import grouping
from monitor.alerting.models import Alert, AlertGroup, Contact, Delivery
from monitor.alerting.policy import Book, Policy
from monitor.alerting.receive import Member
from monitor.alerting.routing import Way
from monitor.core import clock

log = logging.getLogger("vigil.alerting")
# after a refusal the contact is left alone for this long, unless there is news or somebody mended it
REST_AFTER_REFUSAL = dt.timedelta(minutes=15)
Content = dict[str, Any]


def pack_due(book: Book | None = None, *, now: dt.datetime) -> int:
    """Let every group speak whose time has come; how many deliveries there are now."""
    book = book or Book()
    due = AlertGroup.objects.filter(due_at__lte=now, project__deleted_at=None).order_by("due_at")
    made = 0
    for pk, project_id in due.values_list("pk", "project_id"):
        try:
            made += _speak(pk, book.of(project_id, now=now), now=now)
        except Exception as error:  # one broken group must not silence the others
            log.exception("alert group %s failed", pk)
            AlertGroup.objects.filter(pk=pk).update(last_error=f"{type(error).__name__}: {error}")
    return made


def _speak(group_id: int, policy: Policy, *, now: dt.datetime) -> int:
    with transaction.atomic():
        free = AlertGroup.objects.select_for_update(skip_locked=True, no_key=True)
        group = free.filter(pk=group_id, due_at__lte=now).first()
        if group is None or group.due_at is None:
            return 0
        alerts = list(group.alerts.order_by("starts_at", "id"))
        way = policy.way(group.route_id)
        made = 0 if way is None or way.quiet_by(now) else _tell_all(group, alerts, way, policy, now=now)
        over = [alert.pk for alert in alerts if way is None or not alert.fires(now)]
        if over:
            Member.objects.filter(alertgroup=group, alert_id__in=over).delete()
        interval = way.interval if way else grouping.SHORTEST
        group.due_at = grouping.due_after_speaking(
            group.due_at, interval, still_has_alerts=len(over) < len(alerts), now=now
        )
        group.last_error = ""
        group.save(update_fields=["due_at", "last_error"])
    return made


def _tell_all(
    group: AlertGroup, alerts: Sequence[Alert], way: Way, policy: Policy, *, now: dt.datetime
) -> int:
    heard = [alert for alert in alerts if policy.heard(alert.labels)]
    if not heard:
        return 0
    return sum(_tell(group, contact, heard, way, now=now) for contact in policy.told(way))


def _tell(group: AlertGroup, contact: Contact, alerts: Sequence[Alert], way: Way, *, now: dt.datetime) -> int:
    """One delivery for one contact, if it has to be told."""
    firing = [key_of(alert) for alert in alerts if alert.fires(now)]
    resolved = [key_of(alert) for alert in alerts if not alert.fires(now)]
    said = last_said(group.pk, contact, now=now)
    reason = grouping.need(
        said, firing, resolved, repeat=way.repeat, send_resolved=contact.send_resolved, now=now
    )
    if reason is None:
        return 0
    known = said.firing if said else frozenset()
    told = [
        alert for alert in alerts if alert.fires(now) or (contact.send_resolved and key_of(alert) in known)
    ]
    _enqueue(group, contact, content_of(group, told, key=way.key, now=now), now=now)
    return 1


def last_said(group_id: int, contact: Contact, *, now: dt.datetime) -> grouping.Said | None:
    """What a contact heard last; a message still on its way counts, and for a while one that was refused."""
    failed = Q(state__in=[Delivery.State.REFUSED, Delivery.State.GIVEN_UP])
    rested = max(now - REST_AFTER_REFUSAL, contact.changed_at or now - REST_AFTER_REFUSAL)
    counts = Q(state__in=[Delivery.State.SENT, Delivery.State.WAITING]) | failed & Q(finished_at__gt=rested)
    rows = Delivery.objects.filter(counts, group_id=group_id, contact=contact).order_by("-created_at")
    row = rows.values_list("created_at", "content").first()
    return None if row is None else grouping.Said(row[0], frozenset(firing_keys(row[1])))


def last_sent(groups: Collection[int]) -> dict[tuple[int, int], grouping.Said]:
    """What reached each contact last, by group and contact."""
    rows = Delivery.objects.filter(state=Delivery.State.SENT, group_id__in=groups)
    newest = rows.order_by("group_id", "contact_id", "-created_at").distinct("group_id", "contact_id")
    return {
        (group, contact): grouping.Said(at, frozenset(firing_keys(content)))
        for group, contact, at, content in newest.values_list(
            "group_id", "contact_id", "created_at", "content"
        )
        if group is not None
    }


def firing_keys(content: Content) -> list[str]:
    return [alert["key"] for alert in content["alerts"] if alert["ends_at"] is None]


def resolved_keys(content: Content) -> list[str]:
    return [alert["key"] for alert in content["alerts"] if alert["ends_at"] is not None]


def key_of(alert: Alert) -> str:
    """An alert and its start: the same alert fires anew as another."""
    return f"{alert.fingerprint:016x}@{clock.to_ms(alert.starts_at)}"


def content_of(group: AlertGroup, alerts: Sequence[Alert], *, key: str = "{}", now: dt.datetime) -> Content:
    """What a delivery stores: the alerts as they are now, whatever becomes of them before it is sent."""
    labels = ", ".join(
        f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in sorted(group.labels.items())
    )
    return {
        "group_key": f"{key}:{{{labels}}}",
        "group_labels": group.labels,
        "alerts": [_stored(alert, now) for alert in alerts],
    }


def _stored(alert: Alert, now: dt.datetime) -> dict[str, Any]:
    over = alert.ends_at if not alert.fires(now) else None
    return {
        "key": key_of(alert),
        "fingerprint": f"{alert.fingerprint:016x}",
        "labels": alert.labels,
        "annotations": alert.annotations,
        "value": "" if alert.value is None else f"{alert.value:.6g}",
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": over.isoformat() if over else None,
        "link": alert.link,
    }


def _enqueue(group: AlertGroup, contact: Contact, content: Content, *, now: dt.datetime) -> None:
    """A new delivery; but behind one that is stuck, the newest news replaces what waits behind it already.

    So a contact that was away for hours hears of the beginning and of the present, not of each step.
    """
    waiting = Delivery.objects.filter(group=group, contact=contact, state=Delivery.State.WAITING)
    tail = waiting.filter(attempts=0, lease_until=None).order_by("-created_at").first()
    if tail is not None and waiting.count() > 1:
        merged = _merged(tail.content, content)
        untouched = Delivery.objects.filter(
            pk=tail.pk, state=Delivery.State.WAITING, attempts=0, lease_until=None
        )
        if untouched.update(content=merged, status=status_of(merged), created_at=now):
            return
    Delivery.objects.create(
        project_id=group.project_id, contact=contact, group=group, content=content,
        status=status_of(content), created_at=now, next_at=now,
    )  # fmt: skip


def status_of(content: Content) -> str:
    return "firing" if firing_keys(content) else "resolved"


def _merged(old: Content, new: Content) -> Content:
    """The new, and of the old the ends that nobody heard of yet."""
    present = {alert["key"] for alert in new["alerts"]}
    kept = [alert for alert in old["alerts"] if alert["key"] not in present and alert["ends_at"] is not None]
    return {**new, "alerts": [*new["alerts"], *kept]}
