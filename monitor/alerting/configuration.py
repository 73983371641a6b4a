"""A project's routes, contacts, inhibitions and times, out of an ``alertmanager.yml``. The way back: ``exporting``."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from monitor.alerting import alertmanager_yaml, integrations
from monitor.alerting.alertmanager_receivers import ContactSpec
from monitor.alerting.alertmanager_yaml import Plan, RouteSpec
from monitor.alerting.models import AlertPolicy, Contact, Inhibition, Route, TimeInterval
from monitor.alerting.receivers import RECEIVERS
from monitor.core import fields


@dataclass(frozen=True, slots=True)
class Taken:
    """What there is now, and what of the file is lost."""

    routes: int
    contacts: int
    inhibitions: int
    times: int
    losses: tuple[str, ...]


def take(project_id: int, text: str, *, now: dt.datetime) -> Taken:
    """Replace the project's routes, inhibitions and times by the file's, all or nothing.

    Contacts of the same name are changed; others stay, with no route that leads to them. A route that leads
    by the same matchers stays the same route: whoever was told of an alert is not told again. What is switched
    off does nothing, is in no file, and stays.
    """
    plan = alertmanager_yaml.load(text)
    losses = list(plan.losses)
    with transaction.atomic():
        AlertPolicy.objects.update_or_create(
            project_id=project_id, defaults={"resolve_timeout": plan.resolve_timeout}
        )
        contacts = _take_contacts(project_id, plan, losses, now)
        times = _take_times(project_id, plan.times)
        Inhibition.objects.filter(project_id=project_id, enabled=True).delete()
        for number, one in enumerate(plan.inhibitions):
            # one by one: who put them in is kept
            Inhibition.objects.create(
                project_id=project_id, position=number, name=one.name, source_matchers=one.source,
                target_matchers=one.target, equal=one.equal,
            )  # fmt: skip
        kept = _take_routes(project_id, plan, contacts, times)
        Route.objects.filter(project_id=project_id, enabled=True).exclude(pk__in=kept).delete()
        TimeInterval.objects.filter(project_id=project_id).exclude(name__in=plan.times).delete()
    return Taken(len(kept), len(plan.contacts), len(plan.inhibitions), len(plan.times), tuple(losses))


def _take_contacts(
    project_id: int, plan: Plan, losses: list[str], now: dt.datetime
) -> dict[str, list[Contact]]:
    """By receiver its contacts."""
    by_receiver: dict[str, list[Contact]] = defaultdict(list)
    known = {row.name: row for row in Contact.objects.filter(project_id=project_id)}
    for spec in plan.contacts:
        kept = _unsayable(spec, known.values())
        by_receiver[spec.receiver] += kept or [
            _take_contact(project_id, spec, known.get(spec.name), losses, now)
        ]
    named = known | {row.name: row for rows in by_receiver.values() for row in rows}
    for receiver, members in plan.together.items():
        strange = [name for name in members if name not in named]
        losses += [f"receiver {receiver!r}: there is no contact {name!r}" for name in strange]
        by_receiver[receiver] = [named[name] for name in members if name in named]
    return by_receiver


def _unsayable(spec: ContactSpec, known: Sequence[Contact] | Any) -> list[Contact]:
    """Where the file has a receiver without integrations: contacts of it that Alertmanager could not have."""
    if spec.enabled or spec.settings:
        return []
    mine = [row for row in known if row.receiver_name == spec.receiver]
    return [row for row in mine if row.kind not in integrations.BY_RECEIVER]


def _take_contact(
    project_id: int, spec: ContactSpec, row: Contact | None, losses: list[str], now: dt.datetime
) -> Contact:
    row = row or Contact(project_id=project_id, name=spec.name)
    settings, complaint = _settings(spec, row.settings if row.kind == spec.kind else {})
    if complaint and spec.enabled:
        losses.append(f"receiver {spec.receiver!r}, contact {spec.name!r} is switched off: {complaint}")
    row.kind, row.settings = spec.kind, settings
    row.receiver = "" if spec.receiver == spec.name else spec.receiver
    row.send_resolved, row.enabled, row.changed_at = spec.send_resolved, spec.enabled and not complaint, now
    row.language = spec.language or row.language
    row.failures, row.rest_until = 0, None
    row.save()
    return row


def _settings(spec: ContactSpec, stored: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """What the contact needs, and why it can't be used as it is. A secret that the file hides is the one we have."""
    if spec.kind not in RECEIVERS:
        return {}, f"there is no receiver {spec.kind!r}"
    declared = {one.name: one for one in RECEIVERS[spec.kind].fields}
    given = {name: value for name, value in spec.settings.items() if name in declared}
    hidden = [name for name, value in given.items() if value in integrations.PLACEHOLDERS]
    given |= {name: stored.get(name) for name in hidden}
    lacking = next((name for name in hidden if not given[name]), None)
    try:
        return fields.clean(declared.values(), given), (
            f"{lacking}: hidden in the file and not known here; enter it in the contact" if lacking else ""
        )
    except fields.BadFieldError as error:
        return {}, str(error)


def _take_times(project_id: int, times: Mapping[str, str]) -> dict[str, TimeInterval]:
    found = {}
    for name, spec in times.items():
        found[name], _ = TimeInterval.objects.update_or_create(
            project_id=project_id, name=name, defaults={"spec": spec}
        )
    return found


def _take_routes(
    project_id: int, plan: Plan, contacts: Mapping[str, list[Contact]], times: Mapping[str, TimeInterval]
) -> list[int]:
    before: dict[tuple[int | None, str], list[Route]] = defaultdict(list)
    for row in Route.objects.filter(project_id=project_id, enabled=True).order_by("position", "id"):
        before[row.parent_id, row.matchers].append(row)
    kept: list[int] = []

    def store(spec: RouteSpec, parent: Route | None, position: int) -> None:
        same = before[parent.pk if parent else None, spec.matchers]
        name = (spec.receiver or spec.matchers)[:120]
        row = same.pop(0) if same else Route(project_id=project_id, parent=parent, name=name)
        row.position, row.matchers = position, spec.matchers
        row.group_by, row.group_wait = spec.group_by, spec.group_wait
        row.group_interval, row.repeat_interval = spec.group_interval, spec.repeat_interval
        row.go_on, row.enabled = spec.go_on, True
        row.save()
        row.contacts.set(contacts.get(spec.receiver, []))
        row.mute_intervals.set([times[name] for name in spec.muted])
        row.active_intervals.set([times[name] for name in spec.active])
        kept.append(row.pk)
        for number, child in enumerate(spec.children):
            store(child, row, number)

    for number, root in enumerate(plan.roots):
        store(root, None, number)
    return kept
