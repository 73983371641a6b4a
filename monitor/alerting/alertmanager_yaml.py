"""Pure: an ``alertmanager.yml`` as a plan of routes, contacts, inhibitions and times, and what of it is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import yaml

from monitor.alerting import integrations, intervals, matching, nodes, routing
from monitor.alerting.alertmanager_receivers import (
    LONGEST_NAME,
    ContactSpec,
    Remarks,
    contacts_in,
    names_in,
    remarks_in,
)
from monitor.alerting.nodes import BadFileError, Node
from monitor.core import durations
from monitor.core.labels import Op

ROOT_DEFAULTS = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
NEVER_ZERO = frozenset({"group_interval", "repeat_interval"})
TOP = frozenset(
    {
        "global", "route", "receivers", "inhibit_rules", "time_intervals", "mute_time_intervals", "templates", "tracing",
    }
)  # fmt: skip
ROUTE = frozenset(
    {
        "receiver", "group_by", "continue", "matchers", "match", "match_re", "group_wait", "group_interval",
        "repeat_interval", "mute_time_intervals", "active_time_intervals", "routes",
    }
)  # fmt: skip
SIDES = tuple(f"{side}_{how}" for side in ("source", "target") for how in ("match", "match_re", "matchers"))
# Alertmanager takes no empty ``group_by`` below the root; no alert has a label of this name
NO_LABEL = "__none__"
# as long as the columns that keep them
LONGEST_LABELS, LONGEST_SPAN = 300, 20


class BadConfigurationError(BadFileError):
    """A file that Alertmanager would not take either; names the place. Nothing of it is stored."""


@dataclass(frozen=True, slots=True)
class RouteSpec:
    receiver: str
    matchers: str
    group_by: str
    group_wait: str
    group_interval: str
    repeat_interval: str
    go_on: bool
    muted: tuple[str, ...]
    active: tuple[str, ...]
    children: tuple["RouteSpec", ...] = ()


@dataclass(frozen=True, slots=True)
class InhibitionSpec:
    source: str
    target: str
    equal: str
    name: str = ""


@dataclass(slots=True)
class Plan:
    """All that a file asks for. ``together``: receivers that stand for several contacts of other receivers.

    ``nobody``: a receiver that is no contact. ``losses``: what Vigil does otherwise or not at all, with its place.
    """

    roots: tuple[RouteSpec, ...]
    contacts: list[ContactSpec]
    inhibitions: list[InhibitionSpec]
    times: dict[str, str]
    resolve_timeout: str = "5m"
    together: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    nobody: str = ""
    losses: list[str] = field(default_factory=list)


def load(text: str) -> Plan:
    """The plan of a file; raises BadConfigurationError."""
    try:
        return _plan(nodes.read(text), remarks_in(text))
    except BadFileError as error:
        raise BadConfigurationError(str(error)) from error


def _plan(whole: Node, remarks: Remarks) -> Plan:
    if not whole.there:
        whole.refuse("expected names with values, found nothing")
    losses: list[str] = [f"{key}: unknown, left out" for key in whole.named() if key not in TOP]
    losses += [f"templates: {integrations.TEXTS}"] if whole["templates"].listed() else []
    losses += ["tracing: not taken over"] if whole["tracing"].there else []
    shared = whole["global"]
    losses += [f"global.{key}: not taken over" for key in shared.named() if key not in integrations.SHARED]
    times = _times(whole, losses)
    names = names_in(whole["receivers"])
    if not whole["route"].named():
        whole["route"].refuse("missing; a configuration needs one")
    root = _route(whole["route"], names, times, losses)
    _judge_root(whole["route"], root)
    together = {name: members for name, members in remarks.together.items() if name in names}
    roots = _roots(root, remarks)
    nobody = remarks.nobody if remarks.nobody not in _below(roots) else ""
    contacts = contacts_in(whole["receivers"], {*together, nobody}, shared, remarks, losses)
    return Plan(
        roots=roots,
        contacts=contacts,
        inhibitions=_inhibitions(whole["inhibit_rules"], remarks.inhibitions, losses),
        times=times,
        resolve_timeout=_duration(shared["resolve_timeout"]) or "5m",
        together=together,
        nobody=nobody,
        losses=losses,
    )


def _roots(root: RouteSpec, remarks: Remarks) -> tuple[RouteSpec, ...]:
    """The top routes; one that our export put above them for Alertmanager's sake is none of them."""
    if not remarks.root or root.receiver != remarks.nobody:
        return (root,)
    plain = RouteSpec("", "", "", "", "", "", go_on=True, muted=(), active=())
    everyone = all(replace(one, receiver="") == plain for one in root.children)
    return () if remarks.root == "everyone" and everyone else root.children


def _below(routes: Sequence[RouteSpec]) -> set[str]:
    """The receivers of the routes within others; a top route may well have nobody."""
    inner = [child for route in routes for child in route.children]
    return {one.receiver for one in inner} | (_below(inner) if inner else set())


def _route(entry: Node, names: set[str], times: Mapping[str, str], losses: list[str]) -> RouteSpec:
    losses += [f"{entry.place}.{key}: unknown, left out" for key in entry.named() if key not in ROUTE]
    receiver = entry["receiver"].text()
    if receiver and receiver not in names:
        entry["receiver"].refuse(f"{receiver!r} is not among the receivers")
    is_root = entry.place == "route"
    spans = {
        key: _duration(entry[key], zero=key not in NEVER_ZERO) or (default if is_root else "")
        for key, default in ROOT_DEFAULTS.items()
    }
    return RouteSpec(
        receiver=receiver,
        matchers=_matchers(entry, "match", "match_re", "matchers"),
        group_by=_group_by(entry["group_by"]) or (routing.ALL if is_root else ""),
        **spans,
        go_on=entry["continue"].flag(),
        muted=_known_times(entry["mute_time_intervals"], times),
        active=_known_times(entry["active_time_intervals"], times),
        children=tuple(_route(one, names, times, losses) for one in entry["routes"].listed()),
    )


def _group_by(entry: Node) -> str:
    """An empty list is the parent's, as it is to Alertmanager."""
    labels = _labels(entry)
    if len(labels) != len(set(labels)):
        entry.refuse("a label stands here twice")
    if routing.EACH in labels and len(labels) > 1:
        entry.refuse("... stands alone")
    return routing.ALL if labels == [NO_LABEL] else _joined(entry, labels)


def _labels(entry: Node) -> list[str]:
    found = []
    for one in entry.listed():
        label = one.text()
        if not label or label == routing.ALL or set(label) & set(",\n") or label != label.strip():
            one.refuse(f"{label!r} is no name of a label")
        found.append(label)
    return found


def _joined(entry: Node, labels: Sequence[str]) -> str:
    text = ", ".join(labels)
    if len(text) > LONGEST_LABELS:
        entry.refuse(f"longer than {LONGEST_LABELS} characters in all")
    return text


def _judge_root(entry: Node, root: RouteSpec) -> None:
    if not root.receiver:
        entry["receiver"].refuse("missing; the root route needs one")
    if root.matchers or root.go_on or root.muted or root.active:
        entry.refuse("the root route takes every alert: no matchers, continue or time intervals there")


def _inhibitions(entries: Node, names: Sequence[str], losses: list[str]) -> list[InhibitionSpec]:
    """``names`` are our own remark's: Alertmanager's rules long had none."""
    found = [_inhibition(one, losses) for one in entries.listed()]
    if len(found) != len(names):
        return found
    return [replace(one, name=one.name or name) for one, name in zip(found, names, strict=True)]


def _inhibition(entry: Node, losses: list[str]) -> InhibitionSpec:
    known = {*SIDES, "equal", "name"}
    losses += [f"{entry.place}.{key}: unknown, left out" for key in entry.named() if key not in known]
    source, target = (
        _matchers(entry, f"{side}_match", f"{side}_match_re", f"{side}_matchers")
        for side in ("source", "target")
    )
    equal = _joined(entry["equal"], _labels(entry["equal"]))
    return InhibitionSpec(source, target, equal, entry["name"].text(most=LONGEST_NAME))


def _matchers(entry: Node, equal: str, regex: str, newer: str) -> str:
    found = []
    ops: tuple[tuple[str, Op], ...] = ((equal, "="), (regex, "=~"))
    for key, op in ops:
        for name, value in entry[key].named().items():
            try:
                found.append(matching.made(name, op, value.text()))
            except matching.BadMatchersError as error:
                value.refuse(str(error))
    for line in entry[newer].listed():
        try:
            found += matching.of_line(line.text())
        except matching.BadMatchersError as error:
            line.refuse(str(error))
    return matching.text(found)


def _times(whole: Node, losses: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in ("time_intervals", "mute_time_intervals"):
        for entry in whole[key].listed():
            name = entry["name"].text(most=LONGEST_NAME)
            if not name or name in found:
                entry["name"].refuse(f"a second {name!r}" if name else "missing")
            spans = entry["time_intervals"].plain()
            try:
                read = intervals.read(spans)
            except intervals.BadIntervalError as error:
                entry.refuse(f"({name}) {error}")
            losses += [f"{entry.place}.location: Local is UTC here"] if any(one.local for one in read) else []
            found[name] = yaml.safe_dump(spans, sort_keys=False, allow_unicode=True)
    return found


def _known_times(entry: Node, times: Mapping[str, str]) -> tuple[str, ...]:
    names = tuple(one.text() for one in entry.listed())
    strange = [name for name in names if name not in times]
    if strange:
        entry.refuse(f"{strange[0]!r} is not among the time intervals")
    return names


def _duration(entry: Node, *, zero: bool = True) -> str:
    """In our spelling; nothing stays nothing."""
    text = entry.text()
    if not text:
        return ""
    try:
        found = durations.parse(text)
    except durations.BadDurationError as error:
        entry.refuse(str(error))
    if found == 0 and not zero:
        entry.refuse("can't be zero")
    spelled = durations.text(found)
    if len(spelled) > LONGEST_SPAN:
        entry.refuse(f"{spelled} is longer than {LONGEST_SPAN} characters; write a rounder time")
    return spelled
