"""Where subjects meet over stored data: what would have happened, and what people would have been told of it.

``rehearse`` takes what rules would have handed on through the decisions of alerting (routes, groups, silences,
inhibitions, times, repeats) as they are now. ``SUBJECTS`` is what ``manage.py replay`` runs: what it finds
takes the place of what the series of that time held.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.alerting import deliver, grouping, matching, policy, routing
from monitor.alerting.inhibition import Inhibitor
from monitor.alerting.inhibition import Rule as Quieting
from monitor.alerting.models import Contact, Inhibition, Silence
from monitor.alerting.policy import Policy
from monitor.alerting.routing import Way
from monitor.alerting.silences import Mute, muted_by
from monitor.canary import rehearse as rehearsing
from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.labels import Labels
from monitor.drift import follow
from monitor.drift import run as watching
from monitor.rules import retold, tryout
from monitor.rules.tryout import Tried
from monitor.store.turns import turn

Told = tuple[dt.datetime, Notice]


@dataclass(frozen=True, slots=True)
class Message:
    """What one contact would have got. ``firing`` and ``resolved`` are the alerts in it."""

    at: dt.datetime
    contact: str
    kind: str
    reason: str
    group: Mapping[str, str]
    firing: tuple[Labels, ...]
    resolved: tuple[Labels, ...]


@dataclass(slots=True)
class _Alert:
    labels: Labels
    starts_at: dt.datetime
    ends_at: dt.datetime | None

    def fires(self, now: dt.datetime) -> bool:
        return self.ends_at is None or self.ends_at > now


@dataclass(slots=True)
class _Group:
    way: Way
    labels: Labels
    due_at: dt.datetime | None = None
    members: dict[Labels, _Alert] = field(default_factory=dict)
    said: dict[int, grouping.Said] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Silence:
    starts_at: dt.datetime
    ends_at: dt.datetime
    mute: Mute


class Rehearsal:
    """Alerting without a database and without anybody being told. ``tick``: how often groups are looked at."""

    def __init__(
        self,
        known: Policy,
        silences: Sequence[_Silence],
        inhibitions: Sequence[Quieting],
        *,
        tick: dt.timedelta,
    ) -> None:
        self.policy, self.tick, self.silences, self.inhibitions = known, tick, silences, inhibitions
        self.alerts: dict[Labels, _Alert] = {}
        self.groups: dict[tuple[int | None, Labels], _Group] = {}

    def run(self, told: Sequence[Told], until: dt.datetime) -> Iterator[Message]:
        """The messages in the order in which they would have gone out."""
        by_time: dict[dt.datetime, list[Notice]] = defaultdict(list)
        for at, notice in told:
            by_time[at].append(notice)
        moments = sorted(by_time)
        place = 0
        while True:
            due = min((one.due_at for one in self.groups.values() if one.due_at is not None), default=None)
            speaks = None if due is None else self._looked_at(due)
            if place < len(moments) and (speaks is None or moments[place] <= speaks):
                self._take(by_time[moments[place]], moments[place])
                place += 1
            elif speaks is None or speaks > until:
                return
            else:
                yield from self._speak(speaks)

    def _looked_at(self, due: dt.datetime) -> dt.datetime:
        """The first look at or after that moment."""
        return clock.from_ms(-(-clock.to_ms(due) // self._step) * self._step)

    @property
    def _step(self) -> int:
        return max(1, self.tick // dt.timedelta(milliseconds=1))

    def _take(self, notices: Sequence[Notice], now: dt.datetime) -> None:
        for notice in notices:
            alert = self.alerts.setdefault(notice.labels, _Alert(notice.labels, notice.starts_at, None))
            alert.starts_at, alert.ends_at = notice.starts_at, notice.ends_at
            if not alert.fires(now):
                continue
            for way in routing.ways_for(notice.labels, self.policy.ways):
                shared = routing.group_labels(notice.labels, way.group_by)
                group = self.groups.setdefault((way.id, shared), _Group(way, shared))
                group.members[notice.labels] = alert
                group.due_at = grouping.due_after_alert(group.due_at, way.wait, now=now)

    def _speak(self, now: dt.datetime) -> Iterator[Message]:
        mutes = [one.mute for one in self.silences if one.starts_at <= now < one.ends_at]
        firing = [(str(labels), labels) for labels, one in self.alerts.items() if one.fires(now)]
        inhibitor = Inhibitor(self.inhibitions, firing if self.inhibitions else ())
        for group in self.groups.values():
            if group.due_at is None or group.due_at > now:
                continue
            quiet = bool(group.way.quiet_by(now))
            heard = [
                one for one in group.members.values()
                if not quiet and not muted_by(one.labels, mutes) and not inhibitor.by(one.labels)
            ]  # fmt: skip
            ended = any(not one.fires(now) for one in group.members.values())
            for contact in self.policy.told(group.way) if heard or ended else ():
                yield from self._tell(group, contact, heard, now)
            over = [labels for labels, one in group.members.items() if not one.fires(now)]
            left = len(group.members) - len(over)
            for labels in over:
                del group.members[labels]
            group.due_at = grouping.due_after_speaking(
                group.due_at, group.way.interval, still_has_alerts=left > 0, now=now
            )

    def _tell(
        self, group: _Group, contact: Contact, heard: Sequence[_Alert], now: dt.datetime
    ) -> Iterator[Message]:
        firing = [one for one in heard if one.fires(now)]
        resolved = [one for one in heard if not one.fires(now)]
        said = group.said.get(contact.pk)
        reason = grouping.need(
            said, [_name(one) for one in firing], [_name(one) for one in resolved],
            repeat=group.way.repeat, send_resolved=contact.send_resolved, now=now,
        ) if heard else None  # fmt: skip
        ended = resolved if contact.send_resolved else []
        if reason is None or not (firing or ended):
            _note_unsaid(group, contact, now)
            return
        group.said[contact.pk] = grouping.Said(
            now, frozenset(map(_name, firing)), frozenset(map(_name, ended))
        )
        yield Message(
            now, contact.name, contact.kind, reason, group.labels,
            tuple(one.labels for one in firing), tuple(one.labels for one in ended),
        )  # fmt: skip


def _note_unsaid(group: _Group, contact: Contact, now: dt.datetime) -> None:
    """What ended unsaid although the contact knows of it; as ``packing`` notes it down."""
    said = group.said.get(contact.pk)
    known = [one for one in group.members.values() if said and _name(one) in said.firing]
    over = frozenset(_name(one) for one in known if not one.fires(now))
    if over:
        group.said[contact.pk] = grouping.Said(now, frozenset(map(_name, known)) - over, over)


def _name(alert: _Alert) -> str:
    return str(alert.labels.items_sorted)


def _silences(project_id: int) -> Iterator[_Silence]:
    for row in Silence.objects.filter(project_id=project_id):
        try:
            yield _Silence(row.starts_at, row.ends_at, Mute(row.id, matching.parse(row.matchers)))
        except matching.BadMatchersError:
            continue


def _inhibitions(project_id: int) -> Iterator[Quieting]:
    for row in Inhibition.objects.filter(project_id=project_id, enabled=True).order_by("position", "id"):
        try:
            source, target = matching.parse(row.source_matchers), matching.parse(row.target_matchers)
        except matching.BadMatchersError:
            continue
        yield Quieting(source, target, routing.names(row.equal))


def rehearse(
    project_id: int,
    told: Sequence[Told],
    until: dt.datetime,
    *,
    now: dt.datetime,
    tick: dt.timedelta = dt.timedelta(milliseconds=1),
) -> list[Message]:
    """What people would have been told, with routes and contacts as they are at ``now``."""
    return prepared(project_id, now=now, tick=tick)(told, until)


def prepared(
    project_id: int, *, now: dt.datetime, tick: dt.timedelta = dt.timedelta(milliseconds=1)
) -> Callable[[Sequence[Told], dt.datetime], list[Message]]:
    """The same for several stories: what people decided is read once."""
    known = policy.load(project_id, now=now)
    silences, inhibitions = list(_silences(project_id)), list(_inhibitions(project_id))
    return lambda told, until: list(Rehearsal(known, silences, inhibitions, tick=tick).run(told, until))


def send_tests(project_id: int, labels: Mapping[str, str], *, now: dt.datetime) -> list[str]:
    """A test message to everyone whom an alert with these labels would reach now; their names."""
    known = policy.load(project_id, now=now)
    ways = routing.ways_for(Labels(labels), known.ways)
    contacts = {contact.pk: contact for way in ways for contact in known.told(way)}
    for contact in contacts.values():
        deliver.send_test(contact, now=now)
    return [contact.name for contact in contacts.values()]


def rules(project_id: int, start: dt.datetime, end: dt.datetime) -> Iterator[dict[str, Any]]:
    """Every rule of the project over stored data, and the messages that would have come of them.

    The ALERTS series of that time are written anew; nobody is told.
    """
    told: list[Told] = []
    seen: list[Tried] = []
    for tried in tryout.every(project_id, start, end):
        yield from tried.lines()
        told += tried.story.notices if tried.story else []
        seen.append(tried)
    retold.write(project_id, seen, start, end, now=clock.now())
    for one in rehearse(project_id, sorted(told, key=lambda pair: pair[0]), end, now=end):
        yield {
            "at": one.at.isoformat(), "what": "message", "contact": one.contact, "reason": one.reason,
            "firing": [dict(labels) for labels in one.firing], "resolved": [dict(labels) for labels in one.resolved],
        }  # fmt: skip


Subject = Callable[[int, dt.datetime, dt.datetime], Iterator[dict[str, Any]]]


def drift(project_id: int, start: dt.datetime, end: dt.datetime) -> Iterator[dict[str, Any]]:
    """Signals taken again: their series and states are those that live calls would have given."""
    # nobody follows the same signals and watches meanwhile
    with turn("drift", wait=True):
        done = follow.replay(project_id, start, end, now=clock.now())
        watching.replay(project_id, start, end, now=clock.now())
    for page in done.pages:
        yield {
            "what": "page", "at": page.at.isoformat(), "model": page.model, "version": page.version,
            "feature": page.kind, "slice": page.name,
        }  # fmt: skip


def releases(project_id: int, start: dt.datetime, end: dt.datetime) -> Iterator[dict[str, Any]]:
    """What would have been said of each release, and what automatic mode would have done; in shadow."""
    for one in rehearsing.rehearse(project_id, start, end, now=clock.now()):
        yield {
            "what": one.what, "at": one.at.isoformat(), "model": one.model, "stable": one.stable,
            "canary": one.canary, "said": one.said, "reason": one.reason,
        }  # fmt: skip


# drift writes series that rules read
SUBJECTS: Mapping[str, Subject] = {"drift": drift, "releases": releases, "rules": rules}
