"""Takes alerts as they stand, stores them, and wakes the groups they belong to.

Called inside the transaction that found them: both are committed, or neither.
"""

import datetime as dt
from collections.abc import Iterable, Sequence

from django.db import transaction

from monitor.alerting import grouping, matching, routing
from monitor.alerting.models import Alert, AlertGroup, Route
from monitor.alerting.routing import Way
from monitor.core.alerts import Notice
from monitor.core.labels import Labels, fingerprint

Member = AlertGroup.alerts.through
_FIELDS = ["labels", "annotations", "value", "starts_at", "ends_at", "link", "source", "updated_at"]


def take(project_id: int, notices: Sequence[Notice], *, now: dt.datetime) -> None:
    """Store what is said about each alert; the firing ones join their groups."""
    if not notices:
        return
    with transaction.atomic():
        firing = [row for row in _store(project_id, notices, now) if row.ends_at is None]
        if firing:
            _join(project_id, firing, now=now)


def ways_of(project_id: int) -> list[Way]:
    """The enabled routes of a project, in order; a route that can't be read takes nothing."""
    ways = []
    for route in Route.objects.filter(project_id=project_id, enabled=True).order_by("position", "id"):
        try:
            ways.append(way_of(route))
        except matching.BadMatchersError:
            continue
    return ways


def way_of(route: Route | None) -> Way:
    if route is None:
        return routing.DEFAULT
    return Way(
        id=route.pk,
        matchers=matching.parse(route.matchers),
        group_by=routing.names(route.group_by),
        go_on=route.go_on,
        wait=dt.timedelta(seconds=route.group_wait_seconds),
        interval=dt.timedelta(seconds=route.group_interval_seconds),
        repeat=dt.timedelta(seconds=route.repeat_interval_seconds),
    )


def _store(project_id: int, notices: Iterable[Notice], now: dt.datetime) -> list[Alert]:
    """In the order of fingerprints, so that two evaluators never wait for each other in a circle."""
    rows = {}
    for notice in notices:
        identity = fingerprint(project_id, notice.labels)
        rows[identity] = Alert(
            project_id=project_id, fingerprint=identity, labels=dict(notice.labels),
            annotations=dict(notice.annotations), value=notice.value, starts_at=notice.starts_at,
            ends_at=notice.ends_at, link=notice.link, source=notice.source, updated_at=now,
        )  # fmt: skip
    return Alert.objects.bulk_create(
        [rows[identity] for identity in sorted(rows)],
        update_conflicts=True,
        unique_fields=["project", "fingerprint"],
        update_fields=_FIELDS,
    )


def _join(project_id: int, firing: Sequence[Alert], *, now: dt.datetime) -> None:
    ways = ways_of(project_id)
    wanted: dict[tuple[int | None, str], tuple[Way, Labels, list[int]]] = {}
    for alert in firing:
        labels = Labels(alert.labels)
        for way in routing.ways_for(labels, ways):
            shared = routing.group_labels(labels, way.group_by)
            key = (way.id, routing.digest(shared))
            wanted.setdefault(key, (way, shared, []))[2].append(alert.pk)
    groups = {key: _group(project_id, key, shared) for key, (_, shared, _) in wanted.items()}
    members = {(groups[key], pk) for key, (_, _, pks) in wanted.items() for pk in pks}
    _leave_others([alert.pk for alert in firing], members)
    for key in sorted(wanted, key=groups.__getitem__):
        way, _, pks = wanted[key]
        _wake(groups[key], pks, way, now=now)


def _group(project_id: int, key: tuple[int | None, str], shared: Labels) -> int:
    route_id, digest = key
    group, _ = AlertGroup.objects.get_or_create(
        project_id=project_id,
        route_id=route_id,  # type: ignore[misc] # no route is a group of the default way
        digest=digest,
        defaults={"labels": dict(shared)},
    )
    return group.pk


def _leave_others(alerts: Sequence[int], members: set[tuple[int, int]]) -> None:
    """After somebody edited the routes, an alert leaves the groups it no longer belongs to."""
    now_in = Member.objects.filter(alert_id__in=alerts).values_list("pk", "alertgroup_id", "alert_id")
    gone = [pk for pk, group, alert in now_in if (group, alert) not in members]
    if gone:
        Member.objects.filter(pk__in=gone).delete()


def _wake(group_id: int, alerts: Sequence[int], way: Way, *, now: dt.datetime) -> None:
    """The row is locked first: a group that speaks at this moment must not go to rest over a new alert."""
    group = AlertGroup.objects.select_for_update().get(pk=group_id)
    Member.objects.bulk_create(
        [Member(alertgroup_id=group_id, alert_id=pk) for pk in alerts], ignore_conflicts=True
    )
    due_at = grouping.due_after_alert(group.due_at, way.wait, now=now)
    if due_at != group.due_at:
        AlertGroup.objects.filter(pk=group_id).update(due_at=due_at)
