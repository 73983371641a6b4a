"""A group speaks: its alerts become a delivery for each contact that has not heard of them.

Everything about a group is one transaction, which many groups share; the first worker to come wins them.
"""

import datetime as dt
import json
import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q

from monitor.alerting import grouping
from monitor.alerting.models import Alert, AlertGroup, Contact, Delivery
from monitor.alerting.policy import Book, Policy
from monitor.alerting.receive import Member
from monitor.alerting.routing import Way
from monitor.store import bulk

log = logging.getLogger("vigil.alerting")
# after a refusal the contact is left alone for this long, unless there is news or somebody mended it
REST_AFTER_REFUSAL = dt.timedelta(minutes=15)
# groups that speak in one transaction
TOGETHER = 200
# what a contact heard, or what was noted down instead since it need not hear of it
SAID = (Delivery.State.SENT, Delivery.State.SKIPPED)
Content = dict[str, Any]


def pack_due(book: Book | None = None, *, now: dt.datetime) -> int:
    """Let every group speak whose time has come; how many deliveries there are now."""
    book = book or Book()
    due = AlertGroup.objects.filter(due_at__lte=now, project__deleted_at=None).order_by("due_at", "pk")
    of_project: dict[int, list[int]] = defaultdict(list)
    for pk, project_id in due.values_list("pk", "project_id"):
        of_project[project_id].append(pk)
    return sum(
        _packed(chunk, book, project_id, now=now)
        for project_id, pks in of_project.items()
        for chunk in (pks[first : first + TOGETHER] for first in range(0, len(pks), TOGETHER))
    )


def _packed(pks: Sequence[int], book: Book, project_id: int, *, now: dt.datetime) -> int:
    """How many deliveries these groups made; where one breaks, each is tried by itself."""
    try:
        return _speak(pks, book.of(project_id, now=now), now=now)
    except Exception as error:  # one broken group must not silence the others
        if len(pks) > 1:
            return sum(_packed([pk], book, project_id, now=now) for pk in pks)
        log.exception("alert group %s failed", pks[0])
        AlertGroup.objects.filter(pk=pks[0]).update(last_error=f"{type(error).__name__}: {error}")
        return 0


def _speak(pks: Sequence[int], policy: Policy, *, now: dt.datetime) -> int:
    """Groups that nobody else holds say what there is to say."""
    with transaction.atomic():
        free = AlertGroup.objects.select_for_update(skip_locked=True, no_key=True)
        groups = list(free.filter(pk__in=pks, due_at__lte=now).order_by("pk"))
        if not groups:
            return 0
        members = _members(groups)
        told: dict[int, list[_Talk]] = defaultdict(list)
        over: list[int] = []
        for group in groups:
            mine, way = members[group.pk], policy.way(group.route_id)
            alerts = [alert for _, alert in mine]
            ended = [pk for pk, alert in mine if way is None or not alert.fires(now)]
            over += ended
            if way is not None:
                quiet = bool(way.quiet_by(now))
                heard = [alert for alert in alerts if not quiet and policy.heard(alert.labels)]
                for contact in policy.told(way) if heard or ended else ():
                    told[contact.pk].append(_Talk(group, contact, alerts, heard, way))
            _set_time(group, way, still_has_alerts=len(ended) < len(alerts), now=now)
        made = sum(_tell(talks, now=now) for talks in told.values())
        Member.objects.filter(pk__in=over).delete()
        bulk.update(
            AlertGroup,
            [group.pk for group in groups],
            {"due_at": [group.due_at for group in groups], "last_error": ["" for _ in groups]},
        )
    return made


def _members(groups: Sequence[AlertGroup]) -> dict[int, list[tuple[int, Alert]]]:
    """By group its alerts, the longest lasting first, each with the id of its membership."""
    rows = Member.objects.filter(alertgroup__in=groups).values_list("pk", "alertgroup_id", "alert_id")
    memberships = list(rows)
    alerts = Alert.objects.in_bulk({alert for _, _, alert in memberships})
    found: dict[int, list[tuple[int, Alert]]] = defaultdict(list)
    for pk, group, alert in memberships:
        if alert in alerts:
            found[group].append((pk, alerts[alert]))
    for mine in found.values():
        mine.sort(key=lambda pair: (pair[1].starts_at, pair[1].pk))
    return found


def _set_time(group: AlertGroup, way: Way | None, *, still_has_alerts: bool, now: dt.datetime) -> None:
    assert group.due_at is not None
    interval = way.interval if way else grouping.SHORTEST
    group.due_at = grouping.due_after_speaking(
        group.due_at, interval, still_has_alerts=still_has_alerts, now=now
    )


@dataclass(frozen=True, slots=True)
class _Talk:
    """One group and one contact that may have to be told of it; ``heard`` is what nothing keeps quiet."""

    group: AlertGroup
    contact: Contact
    alerts: list[Alert]
    heard: list[Alert]
    way: Way

    def news(self, said: grouping.Said | None, *, now: dt.datetime) -> Content | None:
        """What the contact has to be told, if anything."""
        if self._reason(said, now) is None:
            return None
        told = [alert for alert in self.heard if alert.fires(now) or self.contact.send_resolved]
        return self._content(told, now) if told else None

    def silent(self, said: grouping.Said | None, *, now: dt.datetime) -> Content | None:
        """What ended unsaid although the contact knows of it: noted down, so that its next beginning is news."""
        known = said.firing if said else frozenset()
        if all(alert.fires(now) or key_of(alert) not in known for alert in self.alerts):
            return None
        return self._content([alert for alert in self.alerts if key_of(alert) in known], now)

    def _reason(self, said: grouping.Said | None, now: dt.datetime) -> grouping.Reason | None:
        if not self.heard:
            return None
        firing = [key_of(alert) for alert in self.heard if alert.fires(now)]
        resolved = [key_of(alert) for alert in self.heard if not alert.fires(now)]
        loud = self.contact.send_resolved
        return grouping.need(said, firing, resolved, repeat=self.way.repeat, send_resolved=loud, now=now)

    def _content(self, alerts: Sequence[Alert], now: dt.datetime) -> Content:
        return content_of(self.group, alerts, key=self.way.key, now=now)


def _tell(talks: Sequence[_Talk], *, now: dt.datetime) -> int:
    """A delivery for each group of one contact of which it has to be told; how many."""
    contact = talks[0].contact
    said = _last_said([talk.group.pk for talk in talks], contact, now=now)
    spoken: list[tuple[AlertGroup, Content]] = []
    unsaid: list[tuple[AlertGroup, Content]] = []
    for talk in talks:
        last = said.get(talk.group.pk)
        if (content := talk.news(last, now=now)) is not None:
            spoken.append((talk.group, content))
        elif (content := talk.silent(last, now=now)) is not None:
            unsaid.append((talk.group, content))
    _enqueue(contact, spoken, now=now)
    Delivery.objects.bulk_create(
        _delivery(contact, group, content, now, Delivery.State.SKIPPED) for group, content in unsaid
    )
    return len(spoken)


def _last_said(groups: Collection[int], contact: Contact, *, now: dt.datetime) -> dict[int, grouping.Said]:
    """What a contact heard last of each group; a message on its way counts, and for a while one that was refused."""
    failed = Q(state__in=[Delivery.State.REFUSED, Delivery.State.GIVEN_UP])
    rested = max(now - REST_AFTER_REFUSAL, contact.changed_at or now - REST_AFTER_REFUSAL)
    counts = Q(state__in=[*SAID, Delivery.State.WAITING]) | failed & Q(finished_at__gt=rested)
    rows = Delivery.objects.filter(counts, group_id__in=groups, contact=contact)
    newest = rows.order_by("group_id", "-created_at").distinct("group_id")
    return {
        group: said_in(at, content)
        for group, at, content in newest.values_list("group_id", "created_at", "content")
        if group is not None
    }


def last_sent(groups: Collection[int]) -> dict[tuple[int, int], grouping.Said]:
    """What reached each contact last, by group and contact."""
    rows = Delivery.objects.filter(state__in=SAID, group_id__in=groups)
    newest = rows.order_by("group_id", "contact_id", "-created_at").distinct("group_id", "contact_id")
    return {
        (group, contact): said_in(at, content)
        for group, contact, at, content in newest.values_list(
            "group_id", "contact_id", "created_at", "content"
        )
        if group is not None
    }


def said_in(at: dt.datetime, content: Content) -> grouping.Said:
    return grouping.Said(at, frozenset(firing_keys(content)), frozenset(resolved_keys(content)))


def firing_keys(content: Content) -> list[str]:
    return [alert["fingerprint"] for alert in content["alerts"] if alert["ends_at"] is None]


def resolved_keys(content: Content) -> list[str]:
    return [alert["fingerprint"] for alert in content["alerts"] if alert["ends_at"] is not None]


def key_of(alert: Alert) -> str:
    """By its labels alone: one that ended and began anew before its group spoke is still the same."""
    return f"{alert.fingerprint:016x}"


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
        "fingerprint": key_of(alert),
        "labels": alert.labels,
        "annotations": alert.annotations,
        "value": "" if alert.value is None else f"{alert.value:.6g}",
        "starts_at": alert.starts_at.isoformat(),
        "ends_at": over.isoformat() if over else None,
        "link": alert.link,
    }


def _enqueue(contact: Contact, news: Sequence[tuple[AlertGroup, Content]], *, now: dt.datetime) -> None:
    """New deliveries; but behind one that is stuck, the newest news replaces what waits behind it already.

    So a contact that was away for hours hears of the beginning and of the present, not of each step.
    """
    waiting: dict[int | None, list[Delivery]] = defaultdict(list)
    rows = Delivery.objects.filter(
        group__in=[group for group, _ in news], contact=contact, state=Delivery.State.WAITING
    )
    for row in rows.order_by("-created_at").defer("content"):
        waiting[row.group_id].append(row)
    fresh = []
    for group, content in news:
        stuck = waiting[group.pk]
        tail = next((row for row in stuck if row.attempts == 0 and row.lease_until is None), None)
        if tail is None or len(stuck) < 2 or not _replaced(tail, content, now=now):
            fresh.append(_delivery(contact, group, content, now))
    Delivery.objects.bulk_create(fresh)


def _delivery(
    contact: Contact,
    group: AlertGroup,
    content: Content,
    now: dt.datetime,
    state: str = Delivery.State.WAITING,
) -> Delivery:
    return Delivery(
        project_id=group.project_id, contact=contact, group=group, content=content, status=status_of(content),
        state=state, created_at=now, next_at=now, finished_at=None if state == Delivery.State.WAITING else now,
    )  # fmt: skip


def _replaced(tail: Delivery, content: Content, *, now: dt.datetime) -> bool:
    """Whether the message that waits says the news now; not if somebody has just taken it."""
    merged = _merged(tail.content, content)
    untouched = Delivery.objects.filter(
        pk=tail.pk, state=Delivery.State.WAITING, attempts=0, lease_until=None
    )
    return bool(untouched.update(content=merged, status=status_of(merged), created_at=now))


def status_of(content: Content) -> str:
    return "firing" if firing_keys(content) else "resolved"


def _merged(old: Content, new: Content) -> Content:
    """The new, and of the old the ends that nobody heard of yet."""
    present = {alert["fingerprint"] for alert in new["alerts"]}
    kept = [
        alert
        for alert in old["alerts"]
        if alert["fingerprint"] not in present and alert["ends_at"] is not None
    ]
    return {**new, "alerts": [*new["alerts"], *kept]}
