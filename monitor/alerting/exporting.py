"""A project's routes, contacts, inhibitions and times as an ``alertmanager.yml``; ``configuration`` reads it back.

What Alertmanager can't say stands in comments: in words for people, and as ``# vigil: {…}`` for the way back.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from monitor.alerting import integrations, intervals, matching, nodes, routing
from monitor.alerting.alertmanager_receivers import LONGEST_NAME
from monitor.alerting.alertmanager_yaml import NO_LABEL
from monitor.alerting.models import AlertPolicy, Contact, Inhibition, Route, TimeInterval
from monitor.alerting.receivers import RECEIVERS
from monitor.core import fields

NOBODY = "nobody"
SPANS = {"group_wait": "10s", "group_interval": "1m", "repeat_interval": "4h"}
# JSON leaves these as they are, and YAML ends a line at them
LINE_ENDS = {"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(slots=True)
class _Sheet:
    """What is being written."""

    contacts: Sequence[Contact]
    secrets: bool
    nobody: str
    receivers: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)
    together: dict[tuple[int, ...], str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def say(self, **said: Any) -> None:
        text = json.dumps(said, ensure_ascii=False)
        for end, escaped in LINE_ENDS.items():
            text = text.replace(end, escaped)
        self.remarks.append(f"vigil: {text}")


def give(project_id: int, *, secrets: bool = False) -> str:
    """The file that says the same."""
    rows = Contact.objects.filter(project_id=project_id)
    contacts = sorted(rows, key=lambda row: (row.receiver_name, row.name))
    sheet = _Sheet(contacts, secrets, _free_name(NOBODY, contacts))
    for row in contacts:
        _receiver(row, sheet)
    times = _times(project_id, sheet)
    route = _root(project_id, {one["name"] for one in times}, sheet)
    if sheet.nobody in _named_in(route):
        sheet.receivers[sheet.nobody] = {"name": sheet.nobody}
        sheet.say(nobody=sheet.nobody)
    timeout = (
        AlertPolicy.objects.filter(project_id=project_id).values_list("resolve_timeout", flat=True).first()
    )
    inhibitions = list(
        Inhibition.objects.filter(project_id=project_id, enabled=True).order_by("position", "id")
    )
    if any(row.name for row in inhibitions):
        sheet.say(inhibitions=[row.name for row in inhibitions])
    whole: dict[str, Any] = {
        "global": {"resolve_timeout": timeout or "5m"},
        "route": route,
        "inhibit_rules": [one for row in inhibitions for one in _inhibition(row, sheet)],
        "time_intervals": times,
        "receivers": list(sheet.receivers.values()),
    }
    text = yaml.dump(
        {key: value for key, value in whole.items() if value},
        Dumper=_Dumper,
        sort_keys=False,
        allow_unicode=True,
    )
    return "".join(f"# {remark}\n" for remark in sheet.remarks) + text


class _Dumper(yaml.SafeDumper):
    """Without aliases: what stands twice is written twice."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def _free_name(wanted: str, contacts: Sequence[Contact]) -> str:
    taken = {row.name for row in contacts} | {row.receiver for row in contacts}
    while wanted in taken:
        wanted += "_"
    return wanted


def _receiver(row: Contact, sheet: _Sheet) -> None:
    """One contact below its receiver; what reading that back would not bring stands in a remark."""
    name = row.receiver_name
    receiver = sheet.receivers.setdefault(name, {"name": name})
    written = _written(row, sheet)
    if written is None:
        if row.enabled:
            sheet.remarks.append(f"contact {row.name!r}: Alertmanager has nothing like it ({row.kind})")
        elif _tells_nobody(row, sheet):
            return
        sheet.say(
            contact=row.name, receiver=name, kind=row.kind, language=row.language, enabled=row.enabled,
            send_resolved=row.send_resolved, settings=_shown(row, sheet),
        )  # fmt: skip
        return
    key, entry = sheet.entries[row.pk] = written
    place = receiver.setdefault(key, [])
    place.append(entry)
    said = {"settings": _unsaid(row, key, entry, sheet)} | {"language": row.language}
    first = len(receiver) == 2 and len(place) == 1
    if said != {"settings": {}, "language": "both"} or not first or row.name != name:
        sheet.say(contact=row.name, **{"is": f"{name}.{key}[{len(place) - 1}]"}, **said)


def _tells_nobody(row: Contact, sheet: _Sheet) -> bool:
    """What a receiver without any integration is read as."""
    alike = [one for one in sheet.contacts if one.receiver_name == row.receiver_name]
    plain = (row.kind, row.settings, row.receiver, row.language, row.send_resolved)
    return len(alike) == 1 and plain == ("webhook", {}, "", "both", True)


def _written(row: Contact, sheet: _Sheet) -> tuple[str, dict[str, Any]] | None:
    if not row.enabled or row.kind not in RECEIVERS:
        return None
    hidden = [] if sheet.secrets else [one.name for one in RECEIVERS[row.kind].fields if one.secret]
    return integrations.write(row.kind, row.settings, send_resolved=row.send_resolved, hidden=hidden)


def _shown(row: Contact, sheet: _Sheet) -> dict[str, Any]:
    declared = {one.name: one for one in RECEIVERS[row.kind].fields} if row.kind in RECEIVERS else {}
    return {
        name: integrations.HIDDEN if declared[name].secret and not sheet.secrets else value
        for name, value in row.settings.items()
        if name in declared and value not in (None, "", [], ())
    }


def _unsaid(row: Contact, key: str, entry: Mapping[str, Any], sheet: _Sheet) -> dict[str, Any]:
    """The settings that are lost on the way through Alertmanager's words."""
    node = nodes.read(yaml.safe_dump(entry, allow_unicode=True))
    back, _ = integrations.read(integrations.BY_KEY[key], node, nodes.Node("", None))
    declared = RECEIVERS[row.kind].fields
    try:
        known = fields.clean(declared, {one.name: back.get(one.name) for one in declared})
    except fields.BadFieldError:
        known = dict(back)
    return {
        name: value
        for name, value in _shown(row, sheet).items()
        if known.get(name) != value and known.get(name) not in integrations.PLACEHOLDERS
    }


def _times(project_id: int, sheet: _Sheet) -> list[dict[str, Any]]:
    found = []
    for row in TimeInterval.objects.filter(project_id=project_id).order_by("name"):
        try:
            intervals.load(row.spec)
        except intervals.BadIntervalError as error:
            sheet.remarks.append(f"time interval {row.name!r} can't be read and is left out: {str(error)!r}")
            continue
        found.append({"name": row.name, "time_intervals": intervals.entries(row.spec)})
    return found


def _root(project_id: int, times: set[str], sheet: _Sheet) -> dict[str, Any]:
    """A project may have several top routes, or none; Alertmanager has one that takes all."""
    rows = Route.objects.filter(project_id=project_id, enabled=True).order_by("position", "id")
    within: dict[int | None, list[Route]] = defaultdict(list)
    for row in rows.prefetch_related("contacts", "mute_intervals", "active_intervals"):
        within[row.parent_id].append(row)
    tops = [one for top in within[None] for one in _route(top, within, times, sheet)]
    if not within[None]:
        sheet.say(root="everyone")
        everyone = sorted({row.receiver_name for row in sheet.contacts if row.enabled})
        tops = [{"receiver": name, "continue": True} for name in everyone]
    elif (
        len(tops) == 1
        and not {"matchers", "continue", "mute_time_intervals", "active_time_intervals"} & tops[0].keys()
    ):
        return tops[0]
    else:
        sheet.say(root="several")
    return {"receiver": sheet.nobody, "group_by": ["alertname"], **SPANS, "routes": tops}


def _route(
    row: Route, within: Mapping[int | None, Sequence[Route]], times: set[str], sheet: _Sheet
) -> list[dict[str, Any]]:
    """Nothing if its matchers can't be read: it takes no alert, nor do those within it."""
    try:
        matchers = matching.parse(row.matchers)
    except matching.BadMatchersError:
        sheet.remarks.append(f"route {row.name!r} can't be read and is left out")
        return []
    top = row.parent_id is None
    entry: dict[str, Any] = {
        "receiver": _told(row, sheet) or (sheet.nobody if top else ""),
        "matchers": [matching.text([one]) for one in matchers],
        "continue": row.go_on,
        "group_by": _group_by(row),
        **{name: getattr(row, name) or (default if top else "") for name, default in SPANS.items()},
        "mute_time_intervals": [one.name for one in row.mute_intervals.all() if one.name in times],
        "active_time_intervals": [one.name for one in row.active_intervals.all() if one.name in times],
        "routes": [one for child in within.get(row.pk, ()) for one in _route(child, within, times, sheet)],
    }
    return [{name: value for name, value in entry.items() if value}]


def _group_by(row: Route) -> list[str]:
    """By nothing: an empty list is the parent's to Alertmanager, so it is a label that no alert has."""
    if not row.group_by.strip():
        return ["alertname"] if row.parent_id is None else []
    return list(routing.names(row.group_by)) or [NO_LABEL]


def _told(row: Route, sheet: _Sheet) -> str:
    """The receiver whose contacts are those of the route; one is made where there is none."""
    mine = sorted(row.contacts.all(), key=lambda one: one.name)
    names = {one.receiver_name for one in mine}
    if len(names) == 1:
        (name,) = names
        if len(mine) == sum(one.receiver_name == name for one in sheet.contacts):
            return name
    if not mine:
        return ""
    pks = tuple(one.pk for one in mine)
    if pks not in sheet.together:
        sheet.together[pks] = _joined(mine, sheet)
    return sheet.together[pks]


def _joined(members: Sequence[Contact], sheet: _Sheet) -> str:
    """A receiver that tells contacts of several receivers, or some of one."""
    names = [one.name for one in members]
    made = " + ".join(names)[: LONGEST_NAME - 10]
    while made in sheet.receivers or made == sheet.nobody:
        made += "_"
    receiver: dict[str, Any] = {"name": made}
    for key, entry in (sheet.entries[one.pk] for one in members if one.pk in sheet.entries):
        receiver.setdefault(key, []).append(entry)
    sheet.receivers[made] = receiver
    sheet.say(receiver=made, together=names)
    return made


def _named_in(route: Mapping[str, Any]) -> set[str]:
    found = {str(route.get("receiver", ""))}
    return found.union(*(_named_in(one) for one in route.get("routes", ())))


def _inhibition(row: Inhibition, sheet: _Sheet) -> list[dict[str, Any]]:
    try:
        source, target = matching.parse(row.source_matchers), matching.parse(row.target_matchers)
    except matching.BadMatchersError:
        sheet.remarks.append(f"inhibition {str(row)!r} can't be read and is left out")
        return []
    found = {
        "source_matchers": [matching.text([one]) for one in source],
        "target_matchers": [matching.text([one]) for one in target],
        "equal": list(routing.names(row.equal)),
    }
    return [{name: value for name, value in found.items() if value}]
