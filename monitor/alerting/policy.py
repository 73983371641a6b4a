"""What a project's people decided about its alerts, read from the tables into the pure parts."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monitor.alerting import intervals, matching, routing
from monitor.alerting.inhibition import Inhibitor, Rule
from monitor.alerting.intervals import Calendar
from monitor.alerting.models import Alert, AlertPolicy, Contact, Inhibition, Route, TimeInterval
from monitor.alerting.routing import DEFAULT, Way
from monitor.alerting.silences import Mute, in_force, muted_by
from monitor.core import durations

RESOLVE_TIMEOUT = dt.timedelta(minutes=5)
# how long one run believes what it read
HOLD = dt.timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Policy:
    """Routes, silences and inhibitions at one moment."""

    project_id: int
    ways: tuple[Way, ...]
    by_id: Mapping[int, Way]
    mutes: tuple[Mute, ...]
    inhibitor: Inhibitor
    contacts: Mapping[int, Contact]

    def way(self, route_id: int | None) -> Way | None:
        """The way of a group; None: its route was switched off or can't be read."""
        if route_id is None:
            return None if self.ways else DEFAULT
        return self.by_id.get(route_id)

    def told(self, way: Way) -> list[Contact]:
        """Whom a way tells."""
        return [contact for contact in self._contacts(way) if contact.enabled]

    def receivers(self, way: Way) -> list[str]:
        """The names of whom a way tells, as Alertmanager's tools know them; also of those switched off."""
        return sorted({contact.receiver_name for contact in self._contacts(way)})

    def _contacts(self, way: Way) -> list[Contact]:
        if way.contacts is None:
            return list(self.contacts.values())
        return [self.contacts[pk] for pk in way.contacts if pk in self.contacts]

    def heard(self, labels: Mapping[str, str]) -> bool:
        """Whether neither a silence nor another alert keeps this one quiet."""
        return not muted_by(labels, self.mutes) and not self.inhibitor.by(labels)


@dataclass(slots=True)
class Book:
    """The policies that one run has read; each is believed for a second."""

    _read: dict[int, tuple[dt.datetime, Policy]] = field(default_factory=dict)

    def of(self, project_id: int, *, now: dt.datetime) -> Policy:
        held = self._read.get(project_id)
        if held is None or now - held[0] >= HOLD:
            held = self._read[project_id] = (now, load(project_id, now=now))
        return held[1]


def load(project_id: int, *, now: dt.datetime) -> Policy:
    """Everything as it stands at ``now``."""
    ways = ways_of(project_id)
    return Policy(
        project_id=project_id,
        ways=ways,
        by_id={way.id: way for way in routing.every(ways) if way.id is not None},
        mutes=tuple(in_force(project_id, now=now)),
        inhibitor=inhibitor_of(project_id, now=now),
        contacts={row.pk: row for row in Contact.objects.filter(project_id=project_id).order_by("pk")},
    )


def ways_of(project_id: int) -> tuple[Way, ...]:
    """The tree of the enabled routes, in order; a route that can't be read takes nothing, nor do those in it."""
    rows = Route.objects.filter(project_id=project_id, enabled=True).order_by("position", "id")
    within: dict[int | None, list[Route]] = defaultdict(list)
    for row in rows.prefetch_related("contacts", "mute_intervals", "active_intervals"):
        within[row.parent_id].append(row)
    calendars = {row.pk: _calendar(row) for row in TimeInterval.objects.filter(project_id=project_id)}
    return _ways(within, None, None, calendars)


def inhibitor_of(project_id: int, *, now: dt.datetime) -> Inhibitor:
    """The enabled inhibitions with what fires; one that can't be read keeps nothing quiet."""
    rules = []
    for row in Inhibition.objects.filter(project_id=project_id, enabled=True).order_by("position", "id"):
        try:
            source, target = matching.parse(row.source_matchers), matching.parse(row.target_matchers)
        except matching.BadMatchersError:
            continue
        rules.append(Rule(source, target, routing.names(row.equal)))
    if not rules:
        return Inhibitor((), ())
    firing = Alert.objects.firing(now).filter(project_id=project_id).order_by("fingerprint")
    return Inhibitor(
        rules, [(f"{one:016x}", labels) for one, labels in firing.values_list("fingerprint", "labels")]
    )


def resolve_timeout(project_id: int) -> dt.timedelta:
    """After how long without news an alert from outside is over."""
    text = AlertPolicy.objects.filter(project_id=project_id).values_list("resolve_timeout", flat=True).first()
    return _duration(text or "", RESOLVE_TIMEOUT)


def _ways(
    within: Mapping[int | None, list[Route]],
    parent_id: int | None,
    parent: Way | None,
    calendars: Mapping[int, Calendar],
) -> tuple[Way, ...]:
    found = []
    for row in within.get(parent_id, ()):
        try:
            way = _way(row, parent, calendars)
        except matching.BadMatchersError:
            continue
        found.append(replace(way, children=_ways(within, row.pk, way, calendars)))
    return tuple(found)


def _way(row: Route, parent: Way | None, calendars: Mapping[int, Calendar]) -> Way:
    above = parent or Way(id=None, contacts=())
    matchers = matching.parse(row.matchers)
    own = "{" + ",".join(matching.text([one]) for one in matchers) + "}"
    return Way(
        id=row.pk,
        matchers=matchers,
        group_by=routing.names(row.group_by) if row.group_by.strip() else above.group_by,
        go_on=row.go_on,
        wait=_duration(row.group_wait, above.wait),
        interval=_duration(row.group_interval, above.interval),
        repeat=_duration(row.repeat_interval, above.repeat),
        contacts=tuple(sorted(one.pk for one in row.contacts.all())) or above.contacts,
        muted=tuple((one.name, calendars[one.pk]) for one in row.mute_intervals.all()),
        active=tuple((one.name, calendars[one.pk]) for one in row.active_intervals.all()),
        key=f"{parent.key}/{own}" if parent else own,
    )


def _calendar(row: TimeInterval) -> Calendar:
    """One that can't be read covers nothing: it was checked when it was saved."""
    try:
        return intervals.load(row.spec)
    except intervals.BadIntervalError:
        return ()


def _duration(text: str, otherwise: dt.timedelta) -> dt.timedelta:
    try:
        return dt.timedelta(milliseconds=durations.parse(text)) if text else otherwise
    except durations.BadDurationError:
        return otherwise
