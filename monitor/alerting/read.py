"""What pages may know of alerting: plain facts, secrets masked, no querysets."""

import contextlib
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q

from monitor.alerting import comparison, configuration, exporting, matching, silencing, standing
from monitor.alerting import silences as muting
from monitor.alerting.alertmanager_yaml import BadConfigurationError
from monitor.alerting.models import Alert, Contact, Delivery, Route, Silence
from monitor.alerting.receivers import RECEIVERS
from monitor.core import fields
from monitor.core.labels import Matcher
from monitor.outside.sentences import told


class RefusedError(ValueError):
    """A wish that makes no sense; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class SilenceWish:
    """How long, by whom, and why."""

    length: dt.timedelta
    author: str
    comment: str


@dataclass(frozen=True, slots=True)
class ContactRow:
    """``health``: "ok", "failing", or "unknown" (nothing was ever sent)."""

    id: int
    name: str
    kind: str
    settings: Mapping[str, Any]
    enabled: bool
    send_resolved: bool
    health: str
    last_ok: dt.datetime | None
    last_error: str
    last_duration: float | None
    waiting: int


@dataclass(frozen=True, slots=True)
class AttemptRow:
    """``outcome``: sent, later, refused, given_up, muted, skipped; "unfinished": the worker was killed."""

    number: int
    at: dt.datetime
    outcome: str
    duration_seconds: float | None
    error: str


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """``status`` is what the message said (firing, resolved), ``state`` what became of it."""

    id: str
    contact: str
    kind: str
    status: str
    state: str
    names: tuple[str, ...]
    fingerprints: tuple[str, ...]
    created_at: dt.datetime
    finished_at: dt.datetime | None
    next_at: dt.datetime
    attempts: int
    last_error: str
    log: tuple[AttemptRow, ...]

    @property
    def told_at(self) -> dt.datetime:
        """When it was sent; of one that was not, when it was tried last or made."""
        return self.finished_at or (self.log[-1].at if self.log else self.created_at)


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """``state``: pending, active or expired."""

    id: str
    matchers: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    author: str
    comment: str
    state: str


@dataclass(frozen=True, slots=True)
class RouteRow:
    id: int
    position: int
    name: str
    matchers: str
    contacts: tuple[str, ...]
    parent_id: int | None
    group_by: str
    go_on: bool
    group_wait: str
    group_interval: str
    repeat_interval: str
    enabled: bool


def contacts(project_id: int) -> list[ContactRow]:
    """Who can be told, by name."""
    waiting = Count("deliveries", filter=Q(deliveries__state=Delivery.State.WAITING))
    rows = Contact.objects.filter(project_id=project_id).annotate(waiting=waiting).order_by("name")
    return [
        ContactRow(
            id=row.pk, name=row.name, kind=row.kind, settings=_masked(row), enabled=row.enabled,
            send_resolved=row.send_resolved, health=health(row), last_ok=row.last_ok,
            last_error=told(row.last_error), last_duration=row.last_duration, waiting=row.waiting,
        )
        for row in rows
    ]  # fmt: skip


def deliveries(project_id: int, limit: int = 100, *, fingerprint: str = "") -> list[DeliveryRow]:
    """The newest messages with every attempt; ``fingerprint`` keeps those that spoke of one alert."""
    rows = Delivery.objects.filter(project_id=project_id)
    if fingerprint:
        rows = rows.filter(content__alerts__contains=[{"fingerprint": fingerprint}])
    rows = rows.select_related("contact").prefetch_related("log").order_by("-created_at")
    return [_delivery(row) for row in rows[:limit]]


def silences(project_id: int, *, now: dt.datetime) -> list[SilenceRow]:
    """Silences, those that end last first."""
    rows = Silence.objects.filter(project_id=project_id).order_by("-ends_at")
    return [
        SilenceRow(
            id=str(row.pk), matchers=row.matchers, starts_at=row.starts_at, ends_at=row.ends_at,
            author=row.author, comment=row.comment, state=silencing.state_of(row, now),
        )
        for row in rows
    ]  # fmt: skip


def routes(project_id: int) -> list[RouteRow]:
    """Routes in the order they are tried; none: every enabled contact hears everything."""
    rows = Route.objects.filter(project_id=project_id).prefetch_related("contacts")
    return [
        RouteRow(
            id=row.pk, position=row.position, name=row.name, matchers=row.matchers,
            contacts=tuple(contact.name for contact in row.contacts.all()), parent_id=row.parent_id, group_by=row.group_by,
            go_on=row.go_on, group_wait=row.group_wait, group_interval=row.group_interval,
            repeat_interval=row.repeat_interval, enabled=row.enabled,
        )
        for row in rows.order_by("position", "id")
    ]  # fmt: skip


def muted(project_id: int, *, now: dt.datetime) -> dict[str, str]:
    """The firing alerts that a silence keeps quiet: fingerprint → id of the silence."""
    mutes = muting.in_force(project_id, now=now)
    firing = Alert.objects.firing(now).filter(project_id=project_id) if mutes else ()
    found = {f"{row.fingerprint:016x}": muting.muted_by(row.labels, mutes) for row in firing}
    return {fingerprint: str(by[0]) for fingerprint, by in found.items() if by}


def alerts(project_id: int, *, now: dt.datetime) -> list[standing.Standing]:
    """Every alert that fires, with who is told and what keeps it quiet."""
    return standing.alerts(project_id, now=now)


def alert(project_id: int, fingerprint: str, *, now: dt.datetime) -> standing.Standing | None:
    """One alert, also one that is over or that others sent."""
    return standing.one(project_id, int(fingerprint, 16), now=now)


def expr_of(link: str) -> str:
    """The expression in an alert's link, ours or a Prometheus'."""
    return comparison.expr_of(link)


def groups(project_id: int, *, now: dt.datetime) -> list[standing.Group]:
    """What fires, as it shares messages."""
    return standing.groups(project_id, now=now)


def caught(project_id: int, text: str, *, now: dt.datetime) -> list[standing.Standing]:
    """What a silence with these matchers would keep quiet; raises RefusedError with what is wrong with them."""
    try:
        return standing.caught_by(project_id, matching.parse(text), now=now)
    except matching.BadMatchersError as error:
        raise RefusedError(str(error)) from error


def matchers_of(labels: Mapping[str, str]) -> str:
    """Matchers for exactly these labels."""
    return matching.text([Matcher(name, "=", value) for name, value in labels.items()])


def silence(project_id: int, text: str, wish: SilenceWish, *, now: dt.datetime) -> None:
    """Make a silence; raises RefusedError."""
    try:
        wanted = silencing.Wanted(matching.parse(text), now, now + wish.length, wish.author, wish.comment)
        silencing.save(project_id, wanted, now=now)
    except (matching.BadMatchersError, silencing.BadSilenceError) as error:
        raise RefusedError(str(error)) from error


def end_silence(project_id: int, identity: str, *, now: dt.datetime) -> None:
    """End it now; one that is not there any more needs no end."""
    with contextlib.suppress(silencing.NoSilenceError):
        silencing.expire(project_id, identity, now=now)


def alertmanager_file(project_id: int) -> str:
    """The project's routes and contacts as an alertmanager.yml, secrets hidden."""
    return exporting.give(project_id)


def take_alertmanager_file(project_id: int, text: str, *, now: dt.datetime) -> configuration.Taken:
    """Replace routes, inhibitions and times by the file's; raises RefusedError."""
    try:
        return configuration.take(project_id, text, now=now)
    except BadConfigurationError as error:
        raise RefusedError(str(error)) from error


def unrouted(project_id: int, *, now: dt.datetime) -> list[str]:
    """The fingerprints of firing alerts that no route takes: nobody is told of them."""
    rows = Alert.objects.firing(now).filter(project_id=project_id, groups=None)
    return [f"{number:016x}" for number in rows.values_list("fingerprint", flat=True)]


def health(row: Contact) -> str:
    """One word for how a contact does."""
    if row.last_error:
        return "failing"
    return "ok" if row.last_ok else "unknown"


def _masked(row: Contact) -> dict[str, Any]:
    if row.kind not in RECEIVERS:
        return dict.fromkeys(row.settings, fields.MASK)
    return fields.masked(RECEIVERS[row.kind].fields, row.settings)


def _delivery(row: Delivery) -> DeliveryRow:
    alerts: Iterable[Mapping[str, Any]] = row.content["alerts"]
    return DeliveryRow(
        id=str(row.pk), contact=row.contact.name, kind=row.contact.kind, status=row.status, state=row.state,
        names=tuple(dict.fromkeys(alert["labels"].get("alertname", "") for alert in alerts)),
        fingerprints=tuple(alert["fingerprint"] for alert in alerts),
        created_at=row.created_at, finished_at=row.finished_at, next_at=row.next_at, attempts=row.attempts,
        last_error=told(row.last_error),
        log=tuple(
            AttemptRow(one.number, one.at, one.outcome, one.duration_seconds, told(one.error))
            for one in sorted(row.log.all(), key=lambda one: one.number)
        ),
    )  # fmt: skip
