"""Every alert that fires as it stands now: who is told, and what keeps it quiet."""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from monitor.alerting import matching, policy, routing
from monitor.alerting.models import Alert, AlertGroup, Contact
from monitor.alerting.policy import Policy
from monitor.alerting.routing import Way
from monitor.alerting.silences import muted_by
from monitor.core.labels import Labels, Matcher


@dataclass(frozen=True, slots=True)
class Standing:
    """``muted_by``: the times that keep all its routes quiet. ``receivers`` empty: nobody is told."""

    fingerprint: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float | None
    starts_at: dt.datetime
    ends_at: dt.datetime | None
    updated_at: dt.datetime
    link: str
    source: str
    receivers: tuple[str, ...]
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    muted_by: tuple[str, ...]

    @property
    def state(self) -> str:
        return "suppressed" if self.silenced_by or self.inhibited_by or self.muted_by else "active"


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts that share a message to one receiver."""

    receiver: str
    labels: Mapping[str, str]
    alerts: tuple[Standing, ...]
    due_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """Which alerts are wanted, as Alertmanager's tools ask for them."""

    matchers: tuple[Matcher, ...] = ()
    active: bool = True
    silenced: bool = True
    inhibited: bool = True
    muted: bool = True
    receiver: Callable[[str], bool] | None = None

    def takes(self, one: Standing) -> bool:
        return (
            (self.active or one.state != "active")
            and (self.silenced or not one.silenced_by)
            and (self.inhibited or not one.inhibited_by)
            and (self.muted or not one.muted_by)
            and (self.receiver is None or any(self.receiver(name) for name in one.receivers))
            and matching.all_match(self.matchers, one.labels)
        )


EVERYTHING = Wish()


def alerts(project_id: int, wish: Wish = EVERYTHING, *, now: dt.datetime) -> list[Standing]:
    """What fires and is wanted, by fingerprint."""
    known = policy.load(project_id, now=now)
    rows = Alert.objects.firing(now).filter(project_id=project_id).order_by("fingerprint")
    found = (_standing(row, known, now) for row in rows)
    return [one for one in found if wish.takes(one)]


def one(project_id: int, fingerprint: int, *, now: dt.datetime) -> Standing | None:
    """One alert, whether it fires or is over; None where it was never heard of."""
    row = Alert.objects.filter(project_id=project_id, fingerprint=fingerprint).first()
    return None if row is None else _standing(row, policy.load(project_id, now=now), now)


def groups(project_id: int, wish: Wish = EVERYTHING, *, now: dt.datetime) -> list[Group]:
    """Groups with what fires in them, one per receiver; by labels."""
    known = policy.load(project_id, now=now)
    firing = Alert.objects.firing(now).filter(project_id=project_id)
    standing = {row.pk: _standing(row, known, now) for row in firing.order_by("fingerprint")}
    members: dict[int, list[Standing]] = {}
    links = AlertGroup.alerts.through.objects.filter(alert_id__in=standing).order_by("alert__fingerprint")
    for group_id, alert_id in links.values_list("alertgroup_id", "alert_id"):
        members.setdefault(group_id, []).append(standing[alert_id])
    found: list[Group] = []
    for group in AlertGroup.objects.filter(project_id=project_id, pk__in=members):
        way = known.way(group.route_id)
        inside = tuple(one for one in members[group.pk] if wish.takes(one))
        names = known.receivers(way) if way and inside else []
        found += [
            Group(name, group.labels, inside, group.due_at)
            for name in names
            if wish.receiver is None or wish.receiver(name)
        ]
    return sorted(found, key=lambda one: (sorted(one.labels.items()), one.receiver))


def caught_by(project_id: int, matchers: Sequence[Matcher], *, now: dt.datetime) -> list[Standing]:
    """What a silence with these matchers would keep quiet now; without any matcher, nothing."""
    return alerts(project_id, Wish(tuple(matchers)), now=now) if matchers else []


def receivers(project_id: int) -> list[str]:
    """The names of all who can be told."""
    rows: Iterable[Contact] = Contact.objects.filter(project_id=project_id)
    return sorted({row.receiver_name for row in rows})


def link_of(one: Standing, external_url: str) -> str:
    """Our own links begin at the site's root."""
    return urljoin(external_url, one.link) if one.link else ""


def _standing(row: Alert, known: Policy, now: dt.datetime) -> Standing:
    ways = routing.ways_for(Labels(row.labels), known.ways)
    by = known.inhibitor.by(row.labels)
    return Standing(
        fingerprint=f"{row.fingerprint:016x}",
        labels=row.labels,
        annotations=row.annotations,
        value=row.value,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        updated_at=row.updated_at,
        link=row.link,
        source=row.source,
        receivers=tuple(dict.fromkeys(name for way in ways for name in known.receivers(way))),
        silenced_by=tuple(str(one) for one in muted_by(row.labels, known.mutes)),
        inhibited_by=(by,) if by else (),
        muted_by=_muted_by(ways, now),
    )


def _muted_by(ways: Sequence[Way], now: dt.datetime) -> tuple[str, ...]:
    found = [way.quiet_by(now) for way in ways]
    return tuple(dict.fromkeys(name for names in found for name in names)) if found and all(found) else ()
