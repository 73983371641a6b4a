"""A project's routes, contacts, inhibitions and times, out of an ``alertmanager.yml`` and into one."""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from django.db import transaction

from monitor.alerting import alertmanager_yaml, integrations, matching, routing
from monitor.alerting.alertmanager_yaml import ContactSpec, Plan, RouteSpec
from monitor.alerting.models import AlertPolicy, Contact, Inhibition, Route, TimeInterval
from monitor.alerting.receivers import RECEIVERS
from monitor.core import fields

NOBODY = "nobody"


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
    by the same matchers stays the same route: whoever was told of an alert is not told again.
    """
    plan = alertmanager_yaml.load(text)
    losses = list(plan.losses)
    with transaction.atomic():
        AlertPolicy.objects.update_or_create(
            project_id=project_id, defaults={"resolve_timeout": plan.resolve_timeout}
        )
        contacts = _take_contacts(project_id, plan.contacts, losses, now)
        times = _take_times(project_id, plan.times)
        Inhibition.objects.filter(project_id=project_id).delete()
        for number, one in enumerate(plan.inhibitions):
            # one by one: who put them in is kept
            Inhibition.objects.create(
                project_id=project_id, position=number, name=one.name, source_matchers=one.source,
                target_matchers=one.target, equal=one.equal,
            )  # fmt: skip
        kept = _take_routes(project_id, plan, contacts, times)
        Route.objects.filter(project_id=project_id).exclude(pk__in=kept).delete()
        TimeInterval.objects.filter(project_id=project_id).exclude(name__in=plan.times).delete()
    return Taken(len(kept), len(plan.contacts), len(plan.inhibitions), len(plan.times), tuple(losses))


def give(project_id: int, *, secrets: bool = False) -> str:
    """The file that says the same; comments name what Alertmanager can't say."""
    contacts = list(Contact.objects.filter(project_id=project_id).order_by("pk"))
    rows = Route.objects.filter(project_id=project_id, enabled=True).order_by("position", "id")
    within: dict[int | None, list[Route]] = defaultdict(list)
    for row in rows.prefetch_related("contacts", "mute_intervals", "active_intervals"):
        within[row.parent_id].append(row)
    timeout = (
        AlertPolicy.objects.filter(project_id=project_id).values_list("resolve_timeout", flat=True).first()
    )
    receivers, remarks = _receivers(contacts, secrets=secrets)
    whole: dict[str, Any] = {
        "global": {"resolve_timeout": timeout or "5m"},
        "route": _root(within, contacts),
        "inhibit_rules": [
            _inhibition(row) for row in Inhibition.objects.filter(project_id=project_id, enabled=True)
        ],
        "time_intervals": [
            {"name": row.name, "time_intervals": yaml.safe_load(row.spec)}
            for row in TimeInterval.objects.filter(project_id=project_id)
        ],
        "receivers": receivers,
    }
    if whole["route"]["receiver"] == NOBODY and all(one["name"] != NOBODY for one in receivers):
        receivers.append({"name": NOBODY})
    text = yaml.safe_dump(
        {key: value for key, value in whole.items() if value}, sort_keys=False, allow_unicode=True
    )
    return "".join(f"# {remark}\n" for remark in remarks) + text


def _take_contacts(
    project_id: int, specs: Sequence[ContactSpec], losses: list[str], now: dt.datetime
) -> dict[str, list[Contact]]:
    by_receiver: dict[str, list[Contact]] = defaultdict(list)
    known = {row.name: row for row in Contact.objects.filter(project_id=project_id)}
    for spec in specs:
        row = known.get(spec.name) or Contact(project_id=project_id, name=spec.name)
        settings = (
            _settings(spec, row.settings if row.kind == spec.kind else {}, losses) if spec.enabled else {}
        )
        usable = spec.enabled and settings is not None
        row.kind, row.settings = spec.kind, settings or {}
        row.receiver = "" if spec.receiver == spec.name else spec.receiver
        row.send_resolved, row.enabled, row.changed_at = spec.send_resolved, usable, now
        row.failures, row.rest_until = 0, None
        row.save()
        by_receiver[spec.receiver].append(row)
    return by_receiver


def _settings(spec: ContactSpec, stored: Mapping[str, Any], losses: list[str]) -> dict[str, Any] | None:
    """A secret that the file hides is the one we have; None: the contact can't be used as it is."""
    given = {
        name: stored.get(name) if value in (integrations.HIDDEN, integrations.HIDDEN_URL) else value
        for name, value in spec.settings.items()
    }
    declared = {one.name for one in RECEIVERS[spec.kind].fields}
    try:
        return fields.clean(
            RECEIVERS[spec.kind].fields, {name: value for name, value in given.items() if name in declared}
        )
    except fields.BadFieldError as error:
        losses.append(f"receiver {spec.receiver!r}, contact {spec.name!r} is switched off: {error}")
        return None


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
    for row in Route.objects.filter(project_id=project_id).order_by("position", "id"):
        before[row.parent_id, row.matchers].append(row)
    kept: list[int] = []

    def store(spec: RouteSpec, parent: Route | None, position: int) -> None:
        same = before[parent.pk if parent else None, spec.matchers]
        row = same.pop(0) if same else Route(project_id=project_id, parent=parent)
        row.name, row.position, row.matchers = (spec.receiver or spec.matchers)[:120], position, spec.matchers
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

    store(plan.root, None, 0)
    return kept


def _root(within: Mapping[int | None, Sequence[Route]], contacts: Sequence[Contact]) -> dict[str, Any]:
    """A project may have several top routes, or none; Alertmanager has one that takes all."""
    tops = within.get(None, [])
    if not tops:
        everyone = sorted({one.receiver or one.name for one in contacts if one.enabled})
        rest = [{"receiver": name, "continue": True} for name in everyone]
        return {
            "receiver": NOBODY,
            "group_by": ["alertname"],
            "group_wait": "10s",
            "group_interval": "1m",
            "routes": rest,
        }
    if len(tops) == 1 and not tops[0].matchers and not tops[0].go_on:
        (whole,) = _route(tops[0], within)
        return {"receiver": NOBODY, **whole}
    return {"receiver": NOBODY, "routes": [one for top in tops for one in _route(top, within)]}


def _route(row: Route, within: Mapping[int | None, Sequence[Route]]) -> list[dict[str, Any]]:
    names = sorted({one.receiver or one.name for one in row.contacts.all()})
    children = [one for child in within.get(row.pk, ()) for one in _route(child, within)]
    if len(names) > 1:
        children += [
            {"receiver": name, "continue": number + 1 < len(names)} for number, name in enumerate(names)
        ]
    top = row.parent_id is None
    spans = {"group_wait": "10s", "group_interval": "1m", "repeat_interval": "4h"}
    entry: dict[str, Any] = {
        "receiver": names[0] if names else NOBODY if top else "",
        "matchers": [matching.text([one]) for one in matching.parse(row.matchers)],
        "continue": row.go_on,
        **{name: getattr(row, name) or (default if top else "") for name, default in spans.items()},
        "mute_time_intervals": [one.name for one in row.mute_intervals.all()],
        "active_time_intervals": [one.name for one in row.active_intervals.all()],
        "routes": children,
    }
    kept = {name: value for name, value in entry.items() if value}
    if row.group_by.strip() or top:
        kept["group_by"] = list(routing.names(row.group_by)) if row.group_by.strip() else ["alertname"]
    return [kept]


def _receivers(contacts: Sequence[Contact], *, secrets: bool) -> tuple[list[dict[str, Any]], list[str]]:
    found: dict[str, dict[str, Any]] = {}
    remarks = []
    for row in contacts:
        receiver = found.setdefault(row.receiver or row.name, {"name": row.receiver or row.name})
        if not row.enabled:
            continue
        declared = RECEIVERS[row.kind].fields if row.kind in RECEIVERS else ()
        hidden = [] if secrets else [one.name for one in declared if one.secret]
        written = integrations.write(row.kind, row.settings, send_resolved=row.send_resolved, hidden=hidden)
        if written is None:
            remarks.append(f"contact {row.name!r}: Alertmanager has no receiver for {row.kind}")
            continue
        receiver.setdefault(written[0], []).append(written[1])
    return list(found.values()), remarks


def _inhibition(row: Inhibition) -> dict[str, Any]:
    return {
        "source_matchers": [matching.text([one]) for one in matching.parse(row.source_matchers)],
        "target_matchers": [matching.text([one]) for one in matching.parse(row.target_matchers)],
        "equal": list(routing.names(row.equal)),
    }
