"""Deliveries to their contacts: claim one with a lease, then mute, dedup, send, record.

A worker that dies after claiming loses nothing: the lease runs out and the next one tries again. A message
can therefore arrive twice (its id stays the same), but never not at all.
"""

import datetime as dt
import logging
import uuid
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from monitor import meters
from monitor.alerting import grouping, message, packing, receive, silences
from monitor.alerting.models import Alert, AlertGroup, Contact, Delivery, DeliveryAttempt
from monitor.alerting.receivers import RECEIVERS
from monitor.alerting.receivers.base import LaterError, RefusedError
from monitor.core import clock, fields
from monitor.outside.http import Caller, ForbiddenTargetError, UnreachableError, redact
from monitor.registry import UnknownNameError

log = logging.getLogger("vigil.alerting")
LEASE = dt.timedelta(minutes=2)
GIVE_UP_AFTER = dt.timedelta(hours=24)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 5.0, 900.0
LONGEST_RUN_SECONDS = 60.0
PERMANENT = (RefusedError, ForbiddenTargetError, UnknownNameError, fields.BadFieldError)
PASSING = (LaterError, UnreachableError)
State = Delivery.State


@dataclass(slots=True)
class Parcel:
    """One claimed delivery on its way through the stages. ``outcome`` None: not decided yet."""

    delivery: Delivery
    contact: Contact
    now: dt.datetime
    lease_until: dt.datetime
    alerts: list[dict[str, Any]]
    outcome: str | None = None
    error: str = ""
    after_seconds: float | None = None
    took: float | None = None
    test: bool = field(default=False)


class Stage(Protocol):
    """``always``: runs even when an earlier stage has decided."""

    always: ClassVar[bool]

    def run(self, parcel: Parcel) -> None: ...


class Mute:
    """Takes out what was silenced, or all if the contact was switched off, since the message was written."""

    always: ClassVar[bool] = False

    def run(self, parcel: Parcel) -> None:
        mutes = silences.in_force(parcel.delivery.project_id, now=parcel.now)
        parcel.alerts = [one for one in parcel.alerts if not silences.muted_by(one["labels"], mutes)]
        switched_off = not parcel.contact.enabled and not parcel.test
        if switched_off or not parcel.alerts:
            parcel.outcome = State.MUTED


class Dedup:
    """Leaves out what the contact was told already, and ends of what it never heard of."""

    always: ClassVar[bool] = False

    def run(self, parcel: Parcel) -> None:
        group = parcel.delivery.group
        if parcel.test or group is None:
            return
        said = packing.last_said(group.pk, parcel.contact, now=parcel.now, only_sent=True)
        content = {"alerts": parcel.alerts}
        reason = grouping.need(
            said,
            packing.firing_keys(content),
            packing.resolved_keys(content),
            repeat=receive.way_of(group.route).repeat,
            send_resolved=parcel.contact.send_resolved,
            now=parcel.now,
        )
        if reason is None:
            parcel.outcome = State.SKIPPED


class Send:
    """Hands the message to the receiver."""

    always: ClassVar[bool] = False

    def run(self, parcel: Parcel) -> None:
        contact, secrets = parcel.contact, secrets_of(parcel.contact)
        caller = Caller(secrets=secrets)
        began = clock.monotonic()
        try:
            kind = RECEIVERS[contact.kind]
            receiver = kind(fields.clean(kind.fields, contact.settings))
            receiver.send(_message(parcel), caller.post)
            parcel.outcome = State.SENT
        except PERMANENT as error:
            parcel.outcome, parcel.error = State.REFUSED, redact(str(error), secrets)
        except PASSING as error:
            parcel.outcome, parcel.error = State.WAITING, redact(str(error), secrets)
            parcel.after_seconds = getattr(error, "after_seconds", None)
        parcel.took = clock.monotonic() - began


class Record:
    """Writes down how it went, if the delivery is still ours, and when to try again."""

    always: ClassVar[bool] = True

    def run(self, parcel: Parcel) -> None:
        pause = pause_seconds(parcel.delivery.id, parcel.delivery.attempts, parcel.after_seconds)
        next_at = parcel.now + dt.timedelta(seconds=pause)
        if parcel.outcome == State.WAITING and next_at - parcel.delivery.created_at > GIVE_UP_AFTER:
            parcel.outcome = State.GIVEN_UP
        over = parcel.outcome != State.WAITING
        meters.deliveries.labels(parcel.contact.kind, parcel.outcome).inc()
        with transaction.atomic():
            DeliveryAttempt.objects.filter(delivery=parcel.delivery, number=parcel.delivery.attempts).update(
                outcome="later" if not over else parcel.outcome,
                duration_seconds=parcel.took,
                error=parcel.error,
            )
            Delivery.objects.filter(pk=parcel.delivery.pk, lease_until=parcel.lease_until).update(
                state=parcel.outcome,
                lease_until=None,
                next_at=next_at,
                last_error=parcel.error,
                finished_at=parcel.now if over else None,
            )
            if parcel.took is not None:
                _note_contact(parcel)


STAGES: tuple[Stage, ...] = (Mute(), Dedup(), Send(), Record())


def run_due(*, now: dt.datetime) -> int:
    """Let groups speak, then carry what waits; how many deliveries were tried.

    ``now`` moves on with the stopwatch: a slow contact must not make the leases after it old.
    """
    packing.pack_due(now=now)
    began = clock.monotonic()
    away: set[int] = set()
    tried = 0
    while (passed := clock.monotonic() - began) < LONGEST_RUN_SECONDS:
        moment = now + dt.timedelta(seconds=passed)
        delivery = ready(now=moment).exclude(contact_id__in=away).first()
        if delivery is None:
            break
        parcel = claim(delivery, now=moment)
        if parcel is None:
            continue
        carry(parcel)
        tried += 1
        if parcel.outcome == State.WAITING:
            away.add(delivery.contact_id)
    return tried


def ready(*, now: dt.datetime) -> QuerySet[Delivery]:
    """What may be tried: due, not leased, and not behind an older message to the same contact and group."""
    older = Delivery.objects.filter(
        group_id=OuterRef("group_id"), contact_id=OuterRef("contact_id"), state=State.WAITING,
        created_at__lt=OuterRef("created_at"),
    )  # fmt: skip
    free = Q(lease_until=None) | Q(lease_until__lte=now)
    mine = Delivery.objects.filter(free, state=State.WAITING, next_at__lte=now, project__deleted_at=None)
    return (
        mine.exclude(Exists(older))
        .order_by("next_at", "created_at")
        .select_related("contact", "group__route")
    )


def claim(delivery: Delivery, *, now: dt.datetime) -> Parcel | None:
    """Take the delivery for as long as the lease lasts, and open its line in the log; None: somebody has it."""
    until = now + LEASE
    with transaction.atomic():
        won = Delivery.objects.filter(
            pk=delivery.pk, state=State.WAITING, lease_until=delivery.lease_until, attempts=delivery.attempts
        ).update(lease_until=until, attempts=F("attempts") + 1)
        if not won:
            return None
        delivery.attempts += 1
        DeliveryAttempt.objects.create(delivery=delivery, number=delivery.attempts, at=now)
    test = bool(delivery.content.get("test"))
    return Parcel(delivery, delivery.contact, now, until, list(delivery.content["alerts"]), test=test)


def carry(parcel: Parcel) -> None:
    """Through all stages; an unforeseen error counts as "later" and is shown, not lost."""
    for stage in STAGES:
        if parcel.outcome is not None and not stage.always:
            continue
        try:
            stage.run(parcel)
        except Exception as error:
            if stage.always:
                raise
            log.exception("delivery %s failed", parcel.delivery.pk)
            text = redact(f"{type(error).__name__}: {error}", secrets_of(parcel.contact))
            parcel.outcome, parcel.error = State.WAITING, text


def pause_seconds(identity: uuid.UUID, attempts: int, asked: float | None = None) -> float:
    """Doubling pauses, spread by a fifth so that many do not come back at once; never less than was asked."""
    pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE_SECONDS)
    spread = 1 + 0.2 * ((identity.int + attempts) % 1000) / 1000
    return max(pause * spread, min(asked or 0.0, 3600.0))


def secrets_of(contact: Contact) -> tuple[str, ...]:
    """The values that must not be shown anywhere."""
    declared = RECEIVERS[contact.kind].fields if contact.kind in RECEIVERS else ()
    return tuple(
        str(contact.settings[one.name]) for one in declared if one.secret and contact.settings.get(one.name)
    )


def send_test(contact: Contact, *, now: dt.datetime) -> Delivery:
    """Put a test message on its way; it goes through the same stages as any other."""
    labels = {"alertname": "VigilTest", "severity": "info"}
    row = Alert(
        fingerprint=0, labels=labels, starts_at=now, link="",
        annotations={"summary": "测试消息 This is a test", "description": f"→ {contact.name}"},
    )  # fmt: skip
    content = packing.content_of(AlertGroup(labels=labels), [row]) | {"test": True}
    return Delivery.objects.create(
        project=contact.project,
        contact=contact,
        content=content,
        status="firing",
        created_at=now,
        next_at=now,
    )


def forget(*, now: dt.datetime, days: int) -> int:
    """Drop finished deliveries and alerts that ended so long ago, and groups that nobody needs."""
    before = now - dt.timedelta(days=days)
    done, _ = Delivery.objects.filter(finished_at__lt=before).delete()
    Alert.objects.filter(ends_at__lt=before, groups=None).delete()
    AlertGroup.objects.filter(due_at=None, alerts=None, deliveries=None).delete()
    return done


def _message(parcel: Parcel) -> message.Message:
    project = parcel.contact.project
    return message.build(
        {**parcel.delivery.content, "alerts": parcel.alerts},
        delivery_id=str(parcel.delivery.id),
        project=str(project),
        contact=parcel.contact.name,
        external_url=settings.VIGIL_PUBLIC_URL,
        page=f"/p/{project.slug}/alerts/",
        now=parcel.now,
    )


def _note_contact(parcel: Parcel) -> None:
    changes: dict[str, Any] = {"last_duration": parcel.took, "last_error": parcel.error}
    if parcel.outcome == State.SENT:
        changes["last_ok"] = parcel.now
    Contact.objects.filter(pk=parcel.contact.pk).update(**changes)
