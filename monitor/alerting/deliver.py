"""Deliveries to their contacts: claim some with a lease, then mute, dedup, send, record.

A worker that dies after claiming loses nothing: the lease runs out and the next one tries again. A message
can therefore arrive twice (its id stays the same), but never not at all.
"""

import datetime as dt
import logging
import traceback
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, cast

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, Q, QuerySet

from monitor import meters
from monitor.alerting import grouping, message, packing
from monitor.alerting.comparison import Comparer
from monitor.alerting.models import Alert, AlertGroup, Contact, Delivery, DeliveryAttempt, Silence
from monitor.alerting.policy import Book
from monitor.alerting.receivers import RECEIVERS
from monitor.alerting.receivers.base import LaterError, RefusedError
from monitor.alerting.wording import Language
from monitor.core import clock, fields
from monitor.outside.http import Caller, ForbiddenTargetError, UnreachableError, redact
from monitor.registry import UnknownNameError
from monitor.store import bulk

log = logging.getLogger("vigil.alerting")
LEASE = dt.timedelta(minutes=2)
GIVE_UP_AFTER = dt.timedelta(hours=24)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 900.0
# a contact that fails is asked again by one message at most so often, however many wait for it
LONGEST_REST_SECONDS = 60.0
LONGEST_RUN_SECONDS = 60.0
# a tick looks so far ahead that messages go out when they are due, not at the next tick
AHEAD = dt.timedelta(milliseconds=900)
# sent at the same time; a service that hangs must not hold up the others
LANES = 16
# of a message with many alerts so many are compared with their like
COMPARED = 10
PERMANENT = (RefusedError, ForbiddenTargetError, UnknownNameError, fields.BadFieldError)
PASSING = (LaterError, UnreachableError)
State = Delivery.State
Heard = Mapping[tuple[int, int], grouping.Said]
# more that is known of an alert of a project, by the names of annotations
Knows = Callable[[int, Mapping[str, Any]], Mapping[str, str]]


@dataclass(slots=True)
class Parcel:
    """One claimed delivery on its way through the stages. ``outcome`` None: not decided yet."""

    delivery: Delivery
    attempt: DeliveryAttempt
    contact: Contact
    now: dt.datetime
    lease_until: dt.datetime
    alerts: list[dict[str, Any]]
    outcome: str | None = None
    error: str = ""
    after_seconds: float | None = None
    took: float | None = None
    test: bool = field(default=False)


def run_due(*, now: dt.datetime, knows: Knows = lambda *_: {}) -> int:
    """Let groups speak, then carry what waits to its contacts; how many deliveries were tried.

    ``knows``: what others have found out about an alert; it goes into the message.
    ``now`` moves on with the stopwatch: a slow contact must not make the leases after it old.
    """
    book, comparer = Book(), Comparer()
    packing.pack_due(book, now=now)
    began = clock.monotonic()
    tried = 0
    while (passed := clock.monotonic() - began) < LONGEST_RUN_SECONDS:
        parcels = claim(now=now + dt.timedelta(seconds=passed))
        if not parcels:
            break
        carry(parcels, book, comparer, knows)
        tried += len(parcels)
    return tried


def seconds_to_next(*, now: dt.datetime) -> float:
    """How long until something is due, if that is before the next tick; else nothing."""
    soon = now + AHEAD
    groups = AlertGroup.objects.filter(due_at__lte=soon).aggregate(first=Min("due_at"))["first"]
    waiting = Delivery.objects.filter(state=State.WAITING, next_at__gt=now, next_at__lte=soon)
    moments = [one for one in (groups, waiting.aggregate(first=Min("next_at"))["first"]) if one is not None]
    return max((min(moments) - now).total_seconds(), 0.0) if moments else 0.0


def ready(*, now: dt.datetime) -> QuerySet[Delivery]:
    """What may be tried: due, not leased, and to a contact that does not rest."""
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    rested = Q(contact__rest_until=None) | Q(contact__rest_until__lte=now)
    mine = Delivery.objects.filter(
        free, rested, state=State.WAITING, next_at__lte=now, project__deleted_at=None
    )
    # by nothing more: of thousands that are due at once only the first few are looked at
    return mine.order_by("next_at")


def claim(*, now: dt.datetime, most: int = LANES) -> list[Parcel]:
    """Take deliveries for as long as the lease lasts, and open their lines in the log.

    Of a contact that failed last, only one: it shows whether the contact is back. None that is behind an
    older message to the same contact about the same group.
    """
    until = now + LEASE
    with transaction.atomic():
        rows = ready(now=now).select_for_update(skip_locked=True, no_key=True, of=("self",))
        found = list(rows.select_related("contact__project", "group").defer("content")[: 4 * most])
        chosen = _one_of_each_failing(_in_turn(found, now))[:most]
        numbers = [row.pk for row in chosen]
        Delivery.objects.filter(pk__in=numbers).update(lease_until=until, attempts=F("attempts") + 1)
        for row in chosen:
            row.attempts += 1
        attempts = DeliveryAttempt.objects.bulk_create(
            DeliveryAttempt(delivery=row, number=row.attempts, at=now) for row in chosen
        )
        contents = dict(Delivery.objects.filter(pk__in=numbers).values_list("pk", "content"))
    for row in chosen:
        row.content = contents[row.pk]
    return [
        Parcel(
            row,
            attempt,
            row.contact,
            now,
            until,
            list(row.content["alerts"]),
            test=bool(row.content.get("test")),
        )
        for row, attempt in zip(chosen, attempts, strict=True)
    ]


def _in_turn(rows: Sequence[Delivery], now: dt.datetime) -> list[Delivery]:
    """Those that are first of their group and contact; the others wait until those are tried."""
    groups = {row.group_id for row in rows} - {None}
    first: dict[tuple[int | None, int], Delivery] = {}
    waiting = Delivery.objects.filter(state=State.WAITING, group_id__in=groups).defer("content")
    for row in waiting.order_by("-created_at"):
        first[row.group_id, row.contact_id] = row
    chosen = []
    for row in rows:
        before = first.get((row.group_id, row.contact_id), row)
        if before.pk == row.pk or row.group_id is None:
            chosen.append(row)
        elif (moment := before.lease_until or before.next_at) > now:
            Delivery.objects.filter(pk=row.pk).update(next_at=moment)
    return chosen


def _one_of_each_failing(rows: Sequence[Delivery]) -> list[Delivery]:
    chosen, seen = [], set()
    for row in rows:
        if row.contact.failures and row.contact_id in seen:
            continue
        seen.add(row.contact_id)
        chosen.append(row)
    return chosen


def carry(parcels: Sequence[Parcel], book: Book, comparer: Comparer, knows: Knows) -> None:
    """Through all stages; an unforeseen error counts as "later" and is shown, not lost."""
    said = packing.last_sent([one.delivery.group_id for one in parcels if one.delivery.group_id is not None])
    for parcel in parcels:
        _guarded(lambda one: _check(one, book, said), parcel)
        if parcel.outcome is None and not parcel.test:
            _guarded(lambda one: _compare(one, comparer, knows), parcel)
    going = [parcel for parcel in parcels if parcel.outcome is None]
    if len(going) > 1:
        with ThreadPoolExecutor(len(going)) as lanes:
            list(lanes.map(lambda one: _guarded(send, one), going))
    else:
        for parcel in going:
            _guarded(send, parcel)
    record(parcels)


def _guarded(stage: Callable[[Parcel], None], parcel: Parcel) -> None:
    try:
        stage(parcel)
    except Exception as error:  # noqa: BLE001 — whatever breaks in one, the others are carried
        secrets = secrets_of(parcel.contact)
        # not ``log.exception``: what went wrong may quote an address with its token
        log.error("delivery %s failed: %s", parcel.delivery.pk, redact(traceback.format_exc(), secrets))  # noqa: TRY400
        text = redact(f"{type(error).__name__}: {error}", secrets)
        parcel.outcome, parcel.error = State.WAITING, text


def _check(parcel: Parcel, book: Book, said: Heard) -> None:
    """Takes out what was silenced since the message was written, and what the contact was told already."""
    if parcel.test:
        return
    policy = book.of(parcel.delivery.project_id, now=parcel.now)
    parcel.alerts = [one for one in parcel.alerts if policy.heard(one["labels"])]
    group = parcel.delivery.group
    way = policy.way(group.route_id) if group else None
    if not parcel.contact.enabled or not parcel.alerts or (way and way.quiet_by(parcel.now)):
        parcel.outcome = State.MUTED
    elif (
        group is not None
        and way is not None
        and _knows(parcel, said.get((group.pk, parcel.contact.pk)), way.repeat)
    ):
        parcel.outcome = State.SKIPPED


def _compare(parcel: Parcel, comparer: Comparer, knows: Knows) -> None:
    """Adds what the values are held against and what else is known, for those that a person will read."""
    project = parcel.delivery.project_id
    told = [
        {**one, **comparer.facts(project, one, now=parcel.now), "known": knows(project, one)}
        for one in parcel.alerts[:COMPARED]
    ]
    parcel.alerts = [*told, *parcel.alerts[COMPARED:]]


def _knows(parcel: Parcel, said: grouping.Said | None, repeat: dt.timedelta) -> bool:
    """Whether the contact was told all of it, or it is the end of what it never heard of."""
    content = {"alerts": parcel.alerts}
    reason = grouping.need(
        said,
        packing.firing_keys(content),
        packing.resolved_keys(content),
        repeat=repeat,
        send_resolved=parcel.contact.send_resolved,
        now=parcel.now,
    )
    return reason is None


def send(parcel: Parcel) -> None:
    """Hand the message to the receiver. Asks no table: it runs beside others."""
    contact, secrets = parcel.contact, secrets_of(parcel.contact)
    caller = Caller(secrets=secrets)
    began = clock.monotonic()
    try:
        kind = RECEIVERS[contact.kind]
        receiver = kind(fields.clean(kind.fields, contact.settings))
        receiver.send(_message(parcel), caller)
        parcel.outcome = State.SENT
    except PERMANENT as error:
        parcel.outcome, parcel.error = State.REFUSED, redact(str(error), secrets)
    except PASSING as error:
        parcel.outcome, parcel.error = State.WAITING, redact(str(error), secrets)
        parcel.after_seconds = getattr(error, "after_seconds", None)
    parcel.took = clock.monotonic() - began


def record(parcels: Sequence[Parcel]) -> None:
    """Write down how it went, of those that are still ours, and when to try again."""
    over: dict[tuple[str | None, dt.datetime], list[Parcel]] = defaultdict(list)
    contacts: dict[int, Parcel] = {}
    with transaction.atomic():
        for parcel in sorted(parcels, key=lambda one: one.delivery.pk):
            parcel.error = parcel.error.replace("\0", " ")
            if parcel.outcome == State.WAITING:
                _record_later(parcel)
            if parcel.outcome != State.WAITING:
                over[parcel.outcome, parcel.lease_until].append(parcel)
            meters.deliveries.labels(parcel.contact.kind, parcel.outcome).inc()
            later = parcel.outcome == State.WAITING
            parcel.attempt.outcome = "later" if later else str(parcel.outcome)
            parcel.attempt.duration_seconds, parcel.attempt.error = parcel.took, parcel.error
            if parcel.took is not None:
                contacts[parcel.contact.pk] = parcel
        for (outcome, lease), same in over.items():
            for error, alike in _by_error(same).items():
                for parcel in alike if outcome == State.SENT else ():
                    _record_left_out(parcel)
                mine = Delivery.objects.filter(pk__in=[one.delivery.pk for one in alike], lease_until=lease)
                mine.update(state=outcome, lease_until=None, last_error=error, finished_at=alike[0].now)
        attempts = [parcel.attempt for parcel in parcels]
        names = ("outcome", "duration_seconds", "error")
        columns = {name: [getattr(one, name) for one in attempts] for name in names}
        bulk.update(DeliveryAttempt, [one.pk for one in attempts], columns)
        for _, parcel in sorted(contacts.items()):
            _note_contact(parcel)


def _record_later(parcel: Parcel) -> None:
    """The next try; or none, if it was tried for long enough."""
    pause = pause_seconds(parcel.delivery.id, parcel.delivery.attempts, parcel.after_seconds)
    next_at = parcel.now + dt.timedelta(seconds=pause)
    if next_at - parcel.delivery.created_at > GIVE_UP_AFTER:
        parcel.outcome = State.GIVEN_UP
        return
    mine = Delivery.objects.filter(pk=parcel.delivery.pk, lease_until=parcel.lease_until)
    mine.update(lease_until=None, next_at=next_at, last_error=parcel.error)


def _record_left_out(parcel: Parcel) -> None:
    """An alert that was taken out on the way was not told: the stored message must not say that it was."""
    content = parcel.delivery.content
    told = {alert["fingerprint"] for alert in parcel.alerts}
    if len(told) == len(content["alerts"]):
        return
    content = {**content, "alerts": [one for one in content["alerts"] if one["fingerprint"] in told]}
    mine = Delivery.objects.filter(pk=parcel.delivery.pk, lease_until=parcel.lease_until)
    mine.update(content=content, status=packing.status_of(content))


def _by_error(parcels: Sequence[Parcel]) -> dict[str, list[Parcel]]:
    found: dict[str, list[Parcel]] = defaultdict(list)
    for parcel in parcels:
        found[parcel.error].append(parcel)
    return found


def pause_seconds(identity: uuid.UUID, attempts: int, asked: float | None = None) -> float:
    """Doubling pauses, spread by a fifth so that many do not come back at once; never less than was asked."""
    pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE_SECONDS)
    spread = 1 + 0.2 * ((identity.int + attempts) % 1000) / 1000
    return max(pause * spread, min(asked or 0.0, 3600.0))


def secrets_of(contact: Contact) -> tuple[str, ...]:
    """The values that must not be shown anywhere."""
    declared = RECEIVERS[contact.kind].fields if contact.kind in RECEIVERS else ()
    found = [
        str(contact.settings[one.name]) for one in declared if one.secret and contact.settings.get(one.name)
    ]
    user, password = contact.settings.get("username"), contact.settings.get("password")
    # as HTTP and SMTP put the two together before they encode them
    return (*found, f"{user}:{password}", f"\0{user}\0{password}") if user and password else tuple(found)


def send_test(contact: Contact, *, now: dt.datetime) -> Delivery:
    """Put a test message on its way; it goes through the same stages as any other."""
    labels = {"alertname": "VigilTest", "severity": "info"}
    row = Alert(
        fingerprint=0, labels=labels, starts_at=now, link="",
        annotations={"summary": "测试消息 This is a test", "description": f"→ {contact.name}"},
    )  # fmt: skip
    content = packing.content_of(AlertGroup(labels=labels), [row], now=now) | {"test": True}
    return Delivery.objects.create(
        project=contact.project,
        contact=contact,
        content=content,
        status="firing",
        created_at=now,
        next_at=now,
    )


def forget(*, now: dt.datetime, days: int) -> int:
    """Drop deliveries, alerts and silences that ended so long ago, and groups that nobody needs."""
    before = now - dt.timedelta(days=days)
    done, _ = Delivery.objects.filter(finished_at__lt=before).delete()
    Alert.objects.filter(ends_at__lt=before, groups=None).delete()
    Silence.objects.filter(ends_at__lt=before).delete()
    AlertGroup.objects.filter(due_at=None, alerts=None, deliveries=None).delete()
    return done


def _message(parcel: Parcel) -> message.Message:
    project = parcel.contact.project
    return message.build(
        {**parcel.delivery.content, "alerts": parcel.alerts},
        message.Place(str(project), settings.VIGIL_PUBLIC_URL, f"/p/{project.slug}/alerts/", project.slug),
        delivery_id=str(parcel.delivery.id),
        contact=parcel.contact.receiver_name,
        language=cast("Language", parcel.contact.language),
        now=parcel.now,
    )


def _note_contact(parcel: Parcel) -> None:
    """A contact that fails rests a little longer each time, so that what waits for it does not queue at its door."""
    changes: dict[str, Any] = {"last_duration": parcel.took, "last_error": parcel.error}
    if parcel.outcome == State.SENT:
        changes |= {"last_ok": parcel.now, "failures": 0, "rest_until": None}
    elif parcel.outcome in {State.WAITING, State.GIVEN_UP}:
        failures = parcel.contact.failures + 1
        rest = min(FIRST_PAUSE_SECONDS * 2.0 ** min(failures - 1, 10), LONGEST_REST_SECONDS)
        rest = max(rest, min(parcel.after_seconds or 0.0, LONGEST_PAUSE_SECONDS))
        changes |= {"failures": failures, "rest_until": parcel.now + dt.timedelta(seconds=rest)}
    Contact.objects.filter(pk=parcel.contact.pk).update(**changes)
