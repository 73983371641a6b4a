"""A group speaks: its alerts become a delivery for each contact that has not heard of them.

Everything about one group is one transaction, and the first worker to come wins it.
"""

import datetime as dt
import json
import logging
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from monitor.alerting import grouping, receive, silences
from monitor.alerting.models import Alert, AlertGroup, Contact, Delivery
from monitor.alerting.receive import Member
from monitor.alerting.routing import Way
from monitor.core import clock

log = logging.getLogger("vigil.alerting")
# after a refusal the contact is left alone for this long, unless there is news or somebody mended it
REST_AFTER_REFUSAL = dt.timedelta(minutes=15)
Content = dict[str, Any]


def pack_due(*, now: dt.datetime) -> int:
    """Let every group speak whose time has come; how many deliveries there are now."""
    due = AlertGroup.objects.filter(due_at__lte=now, project__deleted_at=None).order_by("due_at")
    made = 0
    for group in due.select_related("route"):
        try:
            made += _speak(group, now=now)
        except Exception as error:  # one broken group must not silence the others
            log.exception("alert group %s failed", group.pk)
            AlertGroup.objects.filter(pk=group.pk).update(last_error=f"{type(error).__name__}: {error}")
    return made


def _speak(group: AlertGroup, *, now: dt.datetime) -> int:
    way = receive.way_of(group.route)
    with transaction.atomic():
        later = grouping.due_after_speaking(way.interval, still_has_alerts=True, now=now)
        won = AlertGroup.objects.filter(pk=group.pk, due_at=group.due_at).update(due_at=later, last_error="")
        if not won:
            return 0
        alerts = list(group.alerts.order_by("starts_at", "id"))
        mutes = silences.in_force(group.project_id, now=now)
        heard = [alert for alert in alerts if not silences.muted_by(alert.labels, mutes)]
        made = sum(_tell(group, contact, heard, way, now=now) for contact in _contacts(group))
        over = [alert.pk for alert in alerts if alert.ends_at is not None]
        Member.objects.filter(alertgroup=group, alert_id__in=over).delete()
        if len(over) == len(alerts):
            AlertGroup.objects.filter(pk=group.pk).update(due_at=None)
    return made


def _contacts(group: AlertGroup) -> list[Contact]:
    mine = group.route.contacts if group.route else Contact.objects.filter(project_id=group.project_id)
    return list(mine.filter(enabled=True))


def _tell(group: AlertGroup, contact: Contact, alerts: Sequence[Alert], way: Way, *, now: dt.datetime) -> int:
    """One delivery for one contact, if it has to be told."""
    firing = [key_of(alert) for alert in alerts if alert.ends_at is None]
    resolved = [key_of(alert) for alert in alerts if alert.ends_at is not None]
    said = last_said(group.pk, contact, now=now)
    reason = grouping.need(
        said, firing, resolved, repeat=way.repeat, send_resolved=contact.send_resolved, now=now
    )
    if reason is None:
        return 0
    known = said.firing if said else frozenset()
    told = [
        alert
        for alert in alerts
        if alert.ends_at is None or (contact.send_resolved and key_of(alert) in known)
    ]
    _enqueue(group, contact, content_of(group, told), now=now)
    return 1


def last_said(
    group_id: int, contact: Contact, *, now: dt.datetime, only_sent: bool = False
) -> grouping.Said | None:
    """What a contact heard last; a message still on its way counts, unless ``only_sent``."""
    counts = Q(state=Delivery.State.SENT)
    if not only_sent:
        counts |= Q(state=Delivery.State.WAITING)
        failed = Q(state__in=[Delivery.State.REFUSED, Delivery.State.GIVEN_UP])
        rested = max(now - REST_AFTER_REFUSAL, contact.changed_at or now - REST_AFTER_REFUSAL)
        counts |= failed & Q(finished_at__gt=rested)
    row = (
        Delivery.objects.filter(counts, group_id=group_id, contact=contact)
        .order_by("-created_at")
        .values_list("created_at", "content")
        .first()
    )
    if row is None:
        return None
    return grouping.Said(row[0], frozenset(firing_keys(row[1])))


def firing_keys(content: Content) -> list[str]:
    return [alert["key"] for alert in content["alerts"] if alert["ends_at"] is None]


def resolved_keys(content: Content) -> list[str]:
    return [alert["key"] for alert in content["alerts"] if alert["ends_at"] is not None]


def key_of(alert: Alert) -> str:
    """An alert and its start: the same alert fires anew as another."""
    return f"{alert.fingerprint:016x}@{clock.to_ms(alert.starts_at)}"


def content_of(group: AlertGroup, alerts: Sequence[Alert]) -> Content:
    """What a delivery stores: the alerts as they are now, whatever becomes of them before it is sent."""
    labels = ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(group.labels.items()))
    return {
        "group_key": f"{group.route_id or 'default'}:{{{labels}}}",
        "group_labels": group.labels,
        "alerts": [_stored(alert) for alert in alerts],
    }


def _stored(alert: Alert) -> dict[str, Any]:
    return {
        "key": key_of(alert),
        "fingerprint": f"{alert.fingerprint:016x}",
        "labels": alert.labels,
        "annotations": alert.annotations,
        "value": "" if alert.value is None else f"{alert.value:.6g}",
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": alert.ends_at.isoformat() if alert.ends_at else None,
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
