"""Pure: an ``alertmanager.yml`` as a plan of routes, contacts, inhibitions and times, and what of it is lost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from monitor.alerting import integrations, intervals, matching
from monitor.core import durations

MAX_BYTES = 1_000_000
ROOT_DEFAULTS = {"group_wait": "30s", "group_interval": "5m", "repeat_interval": "4h"}
TOP = frozenset(
    {
        "global",
        "route",
        "receivers",
        "inhibit_rules",
        "time_intervals",
        "mute_time_intervals",
        "templates",
        "tracing",
    }
)
ROUTE = frozenset(
    {
        "receiver", "group_by", "continue", "matchers", "match", "match_re", "group_wait", "group_interval",
        "repeat_interval", "mute_time_intervals", "active_time_intervals", "routes",
    }
)  # fmt: skip


class BadConfigurationError(ValueError):
    """A file that Alertmanager would not take either; names the place. Nothing of it is stored."""


@dataclass(frozen=True, slots=True)
class ContactSpec:
    """``enabled`` False: a receiver without any integration, which tells nobody."""

    name: str
    receiver: str
    kind: str
    settings: Mapping[str, Any]
    send_resolved: bool
    enabled: bool = True


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
    """All that a file asks for. ``losses``: what Vigil does otherwise or not at all, with its place."""

    root: RouteSpec
    contacts: list[ContactSpec]
    inhibitions: list[InhibitionSpec]
    times: dict[str, str]
    resolve_timeout: str = "5m"
    losses: list[str] = field(default_factory=list)


def load(text: str) -> Plan:
    """The plan of a file; raises BadConfigurationError."""
    if len(text.encode()) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES} bytes"
        raise BadConfigurationError(message)
    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        message = f"not YAML: {' '.join(str(error).split())}"
        raise BadConfigurationError(message) from error
    whole = _mapping(found, "the file")
    losses: list[str] = [f"{key}: unknown, left out" for key in whole if key not in TOP]
    losses += [f"templates: {integrations.TEXTS}"] if whole.get("templates") else []
    shared = _mapping(whole.get("global") or {}, "global")
    contacts, names = _receivers(whole.get("receivers") or [], shared, losses)
    times = _times(whole)
    if not whole.get("route"):
        message = "route: missing; a configuration needs one"
        raise BadConfigurationError(message)
    root = _route(_mapping(whole["route"], "route"), "route", names, times, losses)
    _judge_root(root)
    inhibitions = [
        _inhibition(one, f"inhibit_rules[{n}]", losses)
        for n, one in enumerate(whole.get("inhibit_rules") or [])
    ]
    losses += [
        f"global.{key}: not taken over"
        for key in shared
        if key == "http_config" or key.startswith(("opsgenie_", "victorops_"))
    ]
    timeout = _duration(shared.get("resolve_timeout", "5m"), "global.resolve_timeout")
    return Plan(root, contacts, inhibitions, times, timeout, losses)


def _receivers(
    entries: Any, shared: Mapping[str, Any], losses: list[str]
) -> tuple[list[ContactSpec], set[str]]:
    contacts: list[ContactSpec] = []
    names: set[str] = set()
    for number, entry in enumerate(_list(entries, "receivers")):
        place = f"receivers[{number}]"
        receiver = _mapping(entry, place)
        name = str(receiver.get("name") or "")
        if not name or name in names:
            message = f"{place}.name: {'a second ' + repr(name) if name else 'missing'}"
            raise BadConfigurationError(message)
        names.add(name)
        found = list(_contacts(name, receiver, place, shared, losses))
        contacts += found or [ContactSpec(name, name, "webhook", {}, send_resolved=True, enabled=False)]
    return contacts, names


def _contacts(
    name: str, receiver: Mapping[str, Any], place: str, shared: Mapping[str, Any], losses: list[str]
) -> Iterator[ContactSpec]:
    count = 0
    for key, entries in receiver.items():
        if key == "name":
            continue
        kind = integrations.BY_KEY.get(key)
        for number, entry in enumerate(_list(entries, f"{place}.{key}")):
            where = f"{place}.{key}[{number}]"
            if kind is None:
                losses.append(f"{where}: {integrations.UNKNOWN}")
                continue
            one = _mapping(entry or {}, where)
            settings, lost = integrations.read(kind, one, shared, where)
            losses += lost
            count += 1
            own = name if count == 1 else f"{name} {count}"
            yield ContactSpec(
                own, name, kind.receiver, settings, bool(one.get("send_resolved", kind.resolved))
            )


def _route(
    entry: Mapping[str, Any], place: str, names: set[str], times: Mapping[str, str], losses: list[str]
) -> RouteSpec:
    losses += [f"{place}.{key}: unknown, left out" for key in entry if key not in ROUTE]
    receiver = str(entry.get("receiver") or "")
    if receiver and receiver not in names:
        message = f"{place}.receiver: {receiver!r} is not among the receivers"
        raise BadConfigurationError(message)
    is_root = place == "route"
    spans = {
        key: _duration(entry[key], f"{place}.{key}")
        if entry.get(key) not in (None, "")
        else default
        if is_root
        else ""
        for key, default in ROOT_DEFAULTS.items()
    }
    group_by = _list(entry.get("group_by"), f"{place}.group_by")
    children = _list(entry.get("routes"), f"{place}.routes")
    return RouteSpec(
        receiver=receiver,
        matchers=_matchers(entry, place, "match", "match_re", "matchers"),
        group_by=", ".join(map(str, group_by))
        or ("-" if is_root or entry.get("group_by") is not None else ""),
        **spans,
        go_on=bool(entry.get("continue")),
        muted=_known_times(entry, place, "mute_time_intervals", times),
        active=_known_times(entry, place, "active_time_intervals", times),
        children=tuple(
            _route(_mapping(one, f"{place}.routes[{n}]"), f"{place}.routes[{n}]", names, times, losses)
            for n, one in enumerate(children)
        ),
    )


def _judge_root(root: RouteSpec) -> None:
    complaint = ""
    if not root.receiver:
        complaint = "receiver: missing; the root route needs one"
    elif root.matchers or root.go_on or root.muted or root.active:
        complaint = "the root route takes every alert: no matchers, continue or time intervals there"
    if complaint:
        message = f"route: {complaint}"
        raise BadConfigurationError(message)


def _inhibition(entry: Any, place: str, losses: list[str]) -> InhibitionSpec:
    one = _mapping(entry, place)
    known = {
        f"{side}_{how}" for side in ("source", "target") for how in ("match", "match_re", "matchers")
    } | {"equal", "name"}
    losses += [f"{place}.{key}: unknown, left out" for key in one if key not in known]
    source, target = (
        _matchers(one, place, f"{side}_match", f"{side}_match_re", f"{side}_matchers")
        for side in ("source", "target")
    )
    return InhibitionSpec(
        source,
        target,
        ", ".join(map(str, _list(one.get("equal"), f"{place}.equal"))),
        str(one.get("name") or ""),
    )


def _matchers(entry: Mapping[str, Any], place: str, equal: str, regex: str, newer: str) -> str:
    pairs = [
        (name, "=", value) for name, value in _mapping(entry.get(equal) or {}, f"{place}.{equal}").items()
    ]
    pairs += [
        (name, "=~", value) for name, value in _mapping(entry.get(regex) or {}, f"{place}.{regex}").items()
    ]
    try:
        found = [matching.made(str(name), op, str(value)) for name, op, value in pairs]  # type: ignore[arg-type] # two of the ops
        for text in _list(entry.get(newer), f"{place}.{newer}"):
            found += matching.parse(str(text))
    except matching.BadMatchersError as error:
        message = f"{place}.{newer}: {error}"
        raise BadConfigurationError(message) from error
    return matching.text(found)


def _times(whole: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key in ("time_intervals", "mute_time_intervals"):
        for number, entry in enumerate(_list(whole.get(key), key)):
            place = f"{key}[{number}]"
            one = _mapping(entry, place)
            name = str(one.get("name") or "")
            if not name or name in found:
                message = f"{place}.name: {'a second ' + repr(name) if name else 'missing'}"
                raise BadConfigurationError(message)
            try:
                intervals.read(one.get("time_intervals"))
            except intervals.BadIntervalError as error:
                message = f"{place} ({name}): {error}"
                raise BadConfigurationError(message) from error
            found[name] = yaml.safe_dump(one["time_intervals"], sort_keys=False, allow_unicode=True)
    return found


def _known_times(entry: Mapping[str, Any], place: str, key: str, times: Mapping[str, str]) -> tuple[str, ...]:
    names = tuple(str(one) for one in _list(entry.get(key), f"{place}.{key}"))
    strange = [name for name in names if name not in times]
    if strange:
        message = f"{place}.{key}: {strange[0]!r} is not among the time intervals"
        raise BadConfigurationError(message)
    return names


def _duration(value: Any, place: str) -> str:
    try:
        return durations.text(durations.parse(str(value)))
    except durations.BadDurationError as error:
        message = f"{place}: {error}"
        raise BadConfigurationError(message) from error


def _mapping(value: Any, place: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        message = f"{place}: expected names with values, found {type(value).__name__}"
        raise BadConfigurationError(message)
    return value


def _list(value: Any, place: str) -> Sequence[Any]:
    if value is None:
        return []
    if isinstance(value, str) or not isinstance(value, Sequence):
        message = f"{place}: expected a list, found {type(value).__name__}"
        raise BadConfigurationError(message)
    return value
