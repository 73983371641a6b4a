"""The manual's tables that the code itself knows: written by ``manage.py docs``, never by hand."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from inspect import cleandoc
from typing import Any

from dashboards.panels import PANELS
from monitor import meters, query
from monitor.alerting.receivers import RECEIVERS
from monitor.canary.actions import ACTIONS
from monitor.core.fields import Field
from monitor.drift.detectors import DETECTORS
from monitor.ingest.otlp import mapping
from monitor.ingest.protocols import PROTOCOLS
from monitor.quality.judges import JUDGES

HEAD = """# Reference

This page is written by `manage.py docs` from the code. Change the code, then run it again.
"""


def page() -> str:
    """The whole page as Markdown."""
    parts = [
        HEAD,
        _section("Ways to send", PROTOCOLS, _sending, ("what", "paths", "content types")),
        _conventions(),
        _section("Receivers", RECEIVERS, _settings, ("what", "settings")),
        _section("Drift detectors", DETECTORS, _detecting, ("what", "settings", "least items", "unit")),
        _section("Rollout actions", ACTIONS, _settings, ("what", "settings")),
        _section("Judges", JUDGES, _settings, ("what", "settings")),
        _section("Panels", PANELS, _settings, ("what", "options")),
        _functions(),
        _own_metrics(),
    ]
    return "\n".join(parts)


def _section(title: str, things: Mapping[str, Any], row: Any, columns: Sequence[str]) -> str:
    rows = [(f"`{name}`", *row(things[name])) for name in things]
    return f"## {title}\n\n{_table(('name', *columns), rows)}"


def _sending(protocol: Any) -> tuple[str, ...]:
    return _says(protocol), _coded(protocol.paths), _coded(protocol.content_types) or "any"


def _conventions() -> str:
    """Which attribute of whose names gives which field of a call; the first convention counts most."""
    given = mapping.content()
    parts = [
        f"## Attributes of OpenTelemetry\n\nAs of {given['version']}. Where several give a field, the first counts.\n"
    ]
    for one in given["convention"]:
        fields: dict[str, list[str]] = {}
        for attribute, meaning in one["fields"].items():
            field = meaning.partition(":")[0]
            fields.setdefault("left out" if field == mapping.DROP else f"`{field}`", []).append(attribute)
        rows = [(field, _coded(names)) for field, names in fields.items()]
        rows += [
            (f"kind by `{attribute}`", ", ".join(f"`{value}` {kind}" for value, kind in kinds.items()))
            for attribute, kinds in one.get("kind", {}).items()
        ]
        read = f" ({one['read']})" if one.get("read") else ""
        parts.append(f"### {one['title']}{read}\n\n{_table(('field', 'attributes'), rows)}")
    return "\n".join(parts)


def _settings(thing: Any) -> tuple[str, ...]:
    return _says(thing), _fields(thing.fields)


def _detecting(detector: Any) -> tuple[str, ...]:
    return _says(detector), _fields(detector.fields) or "–", str(detector.least), detector.unit or "–"


def _functions() -> str:
    rows = [
        (f"`{one.name}`", f"`{one.signature}`", one.help, "yes" if one.portable else "Vigil only")
        for one in query.functions()
    ]
    head = (
        "Target: Prometheus 3.5. Everything that its grammar knows and this table lacks is refused by name."
    )
    return (
        f"## PromQL functions\n\n{head}\n\n{_table(('name', 'takes', 'gives', 'portable'), rows)}{_missing()}"
    )


def _missing() -> str:
    names = query.unsupported_functions()
    told = _coded(names) if names else "none"
    return (
        f"\nFunctions that the grammar knows and Vigil does not evaluate: {told}.\n\n"
        f"Newer than the target and understood: {_coded(query.newer_syntax())}."
        " Metric names go at the operator or function that drops them, not at the end of the query.\n"
    )


def _own_metrics() -> str:
    rows = [(f"`{name}`", kind, text) for name, kind, text in meters.described()]
    return f"## Vigil's own metrics\n\nAt `/metrics`.\n\n{_table(('name', 'type', 'what'), rows)}"


def _fields(fields: Iterable[Field]) -> str:
    return ", ".join(f"`{field.name}`{' (required)' if field.required else ''}" for field in fields)


def _says(thing: Any) -> str:
    """The first paragraph of its file's docstring, on one line."""
    module = sys.modules[getattr(thing, "__module__", type(thing).__module__)]
    text = " ".join(cleandoc(module.__doc__ or "").split("\n\n")[0].split())
    return text.replace("``", "`").replace("|", "\\|")


def _coded(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
