"""Pure: the receivers of an ``alertmanager.yml`` as contacts; what it can't say stands in remarks of ours."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from monitor.alerting import integrations
from monitor.alerting.nodes import Node

# as long as the columns that keep them
LONGEST_NAME = 120
LANGUAGES = ("both", "zh", "en")
# what Alertmanager can't say stands in comments of this form
REMARK = re.compile(r"^# vigil: (\{.*\})\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ContactSpec:
    """``enabled`` False: a receiver without any integration, which tells nobody. ``language`` empty: as it is."""

    name: str
    receiver: str
    kind: str
    settings: Mapping[str, Any]
    send_resolved: bool
    enabled: bool = True
    language: str = ""


@dataclass(slots=True)
class Remarks:
    """What our own export said in comments: each by the name of what it speaks of."""

    contacts: list[Mapping[str, Any]] = field(default_factory=list)
    together: dict[str, tuple[str, ...]] = field(default_factory=dict)
    inhibitions: tuple[str, ...] = ()
    nobody: str = ""
    root: str = ""


def remarks_in(text: str) -> Remarks:
    """One that can't be read says nothing."""
    found = Remarks()
    for match in REMARK.finditer(text):
        said = _said(match[1])
        if 0 < len(str(said.get("contact", ""))) <= LONGEST_NAME:
            found.contacts.append(said)
        elif isinstance(said.get("together"), list):
            found.together[str(said.get("receiver"))] = tuple(map(str, said["together"]))
        elif isinstance(said.get("inhibitions"), list):
            found.inhibitions = tuple(str(one)[:LONGEST_NAME] for one in said["inhibitions"])
        found.nobody = str(said.get("nobody", found.nobody))
        found.root = str(said.get("root", found.root))
    return found


def _said(text: str) -> Mapping[str, Any]:
    try:
        said = json.loads(text)
        storable = "\\u0000" not in json.dumps(said, ensure_ascii=False).encode().decode()
    except (ValueError, RecursionError):
        return {}
    return said if storable and isinstance(said, dict) else {}


def names_in(receivers: Node) -> set[str]:
    names: set[str] = set()
    for receiver in receivers.listed():
        name = receiver["name"].text(most=LONGEST_NAME)
        if not name or name in names:
            receiver["name"].refuse(f"a second {name!r}" if name else "missing")
        names.add(name)
    return names


def contacts_in(
    receivers: Node, left_out: set[str], shared: Node, remarks: Remarks, losses: list[str]
) -> list[ContactSpec]:
    """Every receiver as its contacts, each with a name of its own; without those that are ``left_out``."""
    found: dict[str, ContactSpec] = {}
    for spec in _contacts(receivers, left_out, shared, remarks, losses):
        free = _free(spec.name, set(found), skipping=spec.name in found)
        name = next(free)
        found[name] = replace(spec, name=name)
    return list(found.values())


def _contacts(
    receivers: Node, left_out: set[str], shared: Node, remarks: Remarks, losses: list[str]
) -> Iterator[ContactSpec]:
    extra: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    places = {str(said["is"]): said for said in remarks.contacts if "is" in said}
    names = {receiver["name"].text() for receiver in receivers.listed()}
    for said in remarks.contacts:
        if "is" not in said and str(said.get("receiver")) in names:
            extra[str(said["receiver"])].append(said)
    taken = names | {str(said["contact"]) for said in remarks.contacts}
    for receiver in receivers.listed():
        name = receiver["name"].text()
        found = list(_integrations(receiver, shared, losses))
        if name in left_out and (found or not extra[name]):
            continue
        free = _free(name, taken, skipping=any(one["contact"] == name for one in remarks.contacts))
        for where, spec in found:
            said = places.get(where, {})
            own = str(said.get("contact") or "") or next(free)
            yield _patched(replace(spec, name=own), said)
        yield from (_patched(_stranger(said), said) for said in extra[name])
        if not found and not extra[name]:
            yield ContactSpec(name, name, "webhook", {}, send_resolved=True, enabled=False)


def _free(name: str, taken: set[str], *, skipping: bool) -> Iterator[str]:
    """The receiver's own name for its first contact, and names with numbers for the others."""
    if not skipping:
        yield name
    number = 2
    while True:
        own = f"{name[: LONGEST_NAME - 6]} {number}"
        if own not in taken:
            taken.add(own)
            yield own
        number += 1


def _integrations(receiver: Node, shared: Node, losses: list[str]) -> Iterator[tuple[str, ContactSpec]]:
    name = receiver["name"].text()
    for key, entries in receiver.named().items():
        kind = integrations.BY_KEY.get(key)
        for number, entry in enumerate(entries.listed() if key != "name" else ()):
            if kind is None:
                losses.append(f"{entry.place}: {integrations.UNKNOWN}")
                continue
            settings, lost = integrations.read(kind, entry, shared)
            losses += lost
            resolved = entry["send_resolved"].flag(default=kind.resolved)
            yield f"{name}.{key}[{number}]", ContactSpec(name, name, kind.receiver, settings, resolved)


def _stranger(said: Mapping[str, Any]) -> ContactSpec:
    """A contact that Alertmanager can't have."""
    name, receiver = str(said["contact"]), str(said["receiver"])
    return ContactSpec(name, receiver, str(said.get("kind")), {}, send_resolved=True)


def _patched(spec: ContactSpec, said: Mapping[str, Any]) -> ContactSpec:
    settings = said.get("settings")
    return replace(
        spec,
        settings={**spec.settings, **(settings if isinstance(settings, Mapping) else {})},
        language=said["language"] if said.get("language") in LANGUAGES else "",
        send_resolved=bool(said.get("send_resolved", spec.send_resolved)),
        enabled=bool(said.get("enabled", spec.enabled)),
    )
