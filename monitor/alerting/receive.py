"""Takes alerts as they stand, stores them, and wakes the groups they belong to.

Called inside the transaction that found them: both are committed, or neither.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from django.db import transaction

from monitor.alerting import grouping, policy, routing
from monitor.alerting.models import Alert, AlertGroup
from monitor.alerting.routing import Way
from monitor.core.alerts import Notice
from monitor.core.labels import Labels, fingerprint

Member = AlertGroup.alerts.through
Key = tuple[int | None, str]
BATCH = 2000
# so long evaluation may take to begin again
PATIENCE = dt.timedelta(minutes=4)
_FIELDS = [
    "labels", "annotations", "value", "starts_at", "ends_at", "link", "source", "timeout", "updated_at",
]  # fmt: skip


def take(project_id: int, notices: Sequence[Notice], *, now: dt.datetime) -> None:
    """Store what is said about each alert; the firing ones join their groups."""
    if not notices:
        return
    with transaction.atomic():
        _take(project_id, _by_identity(project_id, notices), now=now)


def take_outside(project_id: int, notices: Sequence[Notice], *, now: dt.datetime) -> None:
    """The same for alerts that others found: what they say is put together with what they said before."""
    if not notices:
        return
    with transaction.atomic():
        told = _by_identity(project_id, notices)
        known = Alert.objects.select_for_update(no_key=True).filter(
            project_id=project_id, fingerprint__in=list(told)
        )
        for row in known.order_by("fingerprint"):
            told[row.fingerprint] = merged(row, told[row.fingerprint], now=now)
        _take(project_id, told, now=now)


def bear_with_silence(*, now: dt.datetime) -> int:
    """Alerts of our own rules whose assumed end passed unnoticed fire a little longer; how many.

    For whoever was away himself, with evaluation perhaps: the next round says whether they are over.
    """
    members = Member.objects.values("alert_id")
    passed = Alert.objects.filter(source="rules", timeout=True, ends_at__lte=now, pk__in=members)
    return passed.update(ends_at=now + PATIENCE)


def merged(old: Alert, new: Notice, *, now: dt.datetime) -> Notice:
    """Two reports of one alert whose times overlap are one: the first start, and the end as Alertmanager picks it."""
    old_end, new_end = old.ends_at, new.ends_at
    if old_end is None or new_end is None:
        return replace(new, starts_at=min(old.starts_at, new.starts_at)) if old.fires(now) else new
    if not (old.starts_at < new_end < old_end or old.starts_at < new.starts_at < old_end):
        return new
    starts_at = min(old.starts_at, new.starts_at)
    # an explicit end that lies later wins, over an assumed one and among ends that have come
    if old_end > new_end and (old_end <= now if new_end <= now else not old.timeout):
        return replace(new, starts_at=starts_at, ends_at=old_end, timeout=old.timeout)
    return replace(new, starts_at=starts_at)


def _by_identity(project_id: int, notices: Iterable[Notice]) -> dict[int, Notice]:
    return {fingerprint(project_id, notice.labels): notice for notice in notices}


def _take(project_id: int, notices: Mapping[int, Notice], *, now: dt.datetime) -> None:
    """Stored in the order of fingerprints, so that two evaluators never wait for each other in a circle."""
    rows = [
        Alert(
            project_id=project_id, fingerprint=identity, labels=dict(notice.labels),
            annotations=dict(notice.annotations), value=notice.value, starts_at=notice.starts_at,
            ends_at=notice.ends_at, link=notice.link, source=notice.source, timeout=notice.timeout, updated_at=now,
        )
        for identity, notice in sorted(notices.items())
    ]  # fmt: skip
    stored = Alert.objects.bulk_create(
        rows, BATCH, update_conflicts=True, unique_fields=["project", "fingerprint"], update_fields=_FIELDS
    )
    if firing := [row for row in stored if row.fires(now)]:
        _join(project_id, firing, now=now)


def _join(project_id: int, firing: Sequence[Alert], *, now: dt.datetime) -> None:
    ways = policy.ways_of(project_id)
    ways_of_key: dict[Key, tuple[Way, Labels]] = {}
    alerts_of_key: dict[Key, list[int]] = defaultdict(list)
    for alert in firing:
        labels = Labels(alert.labels)
        for way in routing.ways_for(labels, ways):
            shared = routing.group_labels(labels, way.group_by)
            key = (way.id, routing.digest(shared))
            ways_of_key[key] = way, shared
            alerts_of_key[key].append(alert.pk)
    groups = _groups(project_id, ways_of_key)
    members = {(groups[key], pk) for key, pks in alerts_of_key.items() for pk in pks}
    # locked first: a group that speaks at this moment must not go to rest over a new alert
    locked = (
        AlertGroup.objects.select_for_update(no_key=True).filter(pk__in=list(groups.values())).order_by("pk")
    )
    due = dict(locked.values_list("pk", "due_at"))
    _set_members([alert.pk for alert in firing], members)
    _wake({groups[key]: way.wait for key, (way, _) in ways_of_key.items()}, due, now=now)


def _groups(project_id: int, wanted: Mapping[Key, tuple[Way, Labels]]) -> dict[Key, int]:
    """The ids of the groups, made where there are none yet."""
    found = _existing(project_id, wanted)
    missing = [
        AlertGroup(project_id=project_id, route_id=key[0], digest=key[1], labels=dict(shared))
        for key, (_, shared) in wanted.items()
        if key not in found
    ]
    if missing:
        AlertGroup.objects.bulk_create(missing, BATCH, ignore_conflicts=True)
        found = _existing(project_id, wanted)
    return found


def _existing(project_id: int, wanted: Mapping[Key, object]) -> dict[Key, int]:
    digests = list({digest for _, digest in wanted})
    rows = AlertGroup.objects.filter(project_id=project_id, digest__in=digests)
    return {
        (route, name): pk
        for pk, route, name in rows.values_list("pk", "route_id", "digest")
        if (route, name) in wanted
    }


def _set_members(alerts: Sequence[int], members: set[tuple[int, int]]) -> None:
    """Also out of the groups where an alert no longer belongs, after somebody edited the routes."""
    rows = Member.objects.filter(alert_id__in=alerts).values_list("pk", "alertgroup_id", "alert_id")
    present = {(group, alert): pk for pk, group, alert in rows}
    gone = [pk for key, pk in present.items() if key not in members]
    if gone:
        Member.objects.filter(pk__in=gone).delete()
    new = [Member(alertgroup_id=group, alert_id=alert) for group, alert in sorted(members - present.keys())]
    Member.objects.bulk_create(new, BATCH, ignore_conflicts=True)


def _wake(
    waits: Mapping[int, dt.timedelta], due: Mapping[int, dt.datetime | None], *, now: dt.datetime
) -> None:
    moments: dict[dt.datetime, list[int]] = defaultdict(list)
    for group, wait in waits.items():
        moment = grouping.due_after_alert(due.get(group), wait, now=now)
        if moment != due.get(group):
            moments[moment].append(group)
    for moment, groups in moments.items():
        AlertGroup.objects.filter(pk__in=groups).update(due_at=moment)
