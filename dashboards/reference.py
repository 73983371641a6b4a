"""The manual's tables that the code itself knows: written by ``manage.py docs``, never by hand, in each language."""

import inspect
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards.panels import PANELS
from monitor import meters, query
from monitor.alerting.receivers import RECEIVERS
from monitor.canary.actions import ACTIONS
from monitor.core.fields import Field
from monitor.drift.detectors import DETECTORS
from monitor.ingest.otlp import mapping
from monitor.ingest.protocols import PROTOCOLS
from monitor.quality.judges import JUDGES

COMPARED = {
    "numbers": lazy("numbers"), "categories": lazy("words"), "vectors": lazy("vectors"), "samples": lazy("vectors"),
}  # fmt: skip
PLUGINS = (PROTOCOLS, RECEIVERS, DETECTORS, ACTIONS, JUDGES, PANELS)


def page() -> str:
    """The whole page as Markdown, in the language that is spoken just now."""
    what, settings = _("what"), _("settings")
    title = _("Reference tables")
    note = _("This page is written by `manage.py docs` from the code. Change the code, then run it again.")
    parts = [
        f"# {title}\n\n{note}\n",
        _section(_("Ways to send"), PROTOCOLS, _sending, (what, _("paths"), _("content types"))),
        _conventions(),
        _section(_("Receivers"), RECEIVERS, _settings, (what, settings)),
        _section(
            _("Drift detectors"),
            DETECTORS,
            _detecting,
            (what, _("compares"), settings, _("least items"), _("unit")),
        ),
        _section(_("Rollout actions"), ACTIONS, _settings, (what, settings)),
        _section(_("Judges"), JUDGES, _settings, (what, settings)),
        _section(_("Panels"), PANELS, _settings, (what, _("options"))),
        _functions(),
        _own_metrics(),
    ]
    return "\n".join(parts)


def said() -> Iterator[tuple[str, str]]:
    """(file, text) of what the code says of itself here, to be translated."""
    for things in PLUGINS:
        for name in things:
            yield inspect.getfile(_module(things[name])), _says(things[name])
    for name in DETECTORS:
        if DETECTORS[name].unit:
            yield inspect.getfile(DETECTORS[name]), DETECTORS[name].unit
    for _name, _kind, text in meters.described():
        yield meters.__file__, text


def _section(title: str, things: Mapping[str, Any], row: Any, columns: Sequence[str]) -> str:
    rows = [(f"`{name}`", *row(things[name])) for name in things]
    table = _table((_("name"), *columns), rows)
    return f"## {title}\n\n{table}"


def _sending(protocol: Any) -> tuple[str, ...]:
    return _(_says(protocol)), _coded(protocol.paths), _coded(protocol.content_types) or _("any")


def _conventions() -> str:
    """Which attribute of whose names gives which field of a call; the first convention counts most."""
    given = mapping.content()
    head = _("As of %(day)s. Where several give a field, the first counts.") % {"day": given["version"]}
    heading = _("Attributes of OpenTelemetry")
    parts = [f"## {heading}\n\n{head}\n"]
    for one in given["convention"]:
        fields: dict[str, list[str]] = {}
        for attribute, meaning in one["fields"].items():
            field = meaning.partition(":")[0]
            fields.setdefault(_("left out") if field == mapping.DROP else f"`{field}`", []).append(attribute)
        rows = [(field, _coded(names)) for field, names in fields.items()]
        rows += [
            (
                _("kind by `%(attribute)s`") % {"attribute": attribute},
                ", ".join(f"`{value}` {kind}" for value, kind in kinds.items()),
            )
            for attribute, kinds in one.get("kind", {}).items()
        ]
        read = f" ({one['read']})" if one.get("read") else ""
        title = _("Vigil's own names") if one["title"] == "Vigil's own names" else one["title"]
        table = _table((_("field"), _("attributes")), rows)
        parts.append(f"### {title}{read}\n\n{table}")
    return "\n".join(parts)


def _settings(thing: Any) -> tuple[str, ...]:
    return _(_says(thing)), _fields(thing.fields)


def _detecting(detector: Any) -> tuple[str, ...]:
    unit = _(detector.unit) if detector.unit else "–"
    compared = ", ".join(str(COMPARED[kind]) for kind in detector.kinds)
    return _(_says(detector)), compared, _fields(detector.fields) or "–", str(detector.least), unit


def _functions() -> str:
    rows = [
        (f"`{one.name}`", f"`{one.signature}`", _(one.help), _("yes") if one.portable else _("Vigil only"))
        for one in query.functions()
    ]
    head = _(
        "Target: Prometheus 3.5. Everything that its grammar knows and this table lacks is refused by name."
    )
    table = _table((_("name"), _("takes"), _("gives"), _("portable")), rows)
    title = _("PromQL functions")
    return f"## {title}\n\n{head}\n\n{table}\n{_missing()}\n"


def _missing() -> str:
    names = query.unsupported_functions()
    lacking = _("Functions that the grammar knows and Vigil does not evaluate: %(names)s.")
    newer = _(
        "Newer than the target and understood: %(names)s. Metric names go at the operator or function that drops them,"
        " not at the end of the query."
    )
    told = {"names": _coded(names) if names else _("none")}
    return f"{lacking % told}\n\n{newer % {'names': _coded(query.newer_syntax())}}"


def _own_metrics() -> str:
    rows = [(f"`{name}`", kind, _(text)) for name, kind, text in meters.described()]
    table = _table((_("name"), _("type"), _("what")), rows)
    title, where = _("Vigil's own metrics"), _("At `/metrics`.")
    return f"## {title}\n\n{where}\n\n{table}"


def _fields(fields: Iterable[Field]) -> str:
    word = _("required")
    required = f" ({word})"
    return ", ".join(f"`{field.name}`{required if field.required else ''}" for field in fields)


def _says(thing: Any) -> str:
    """The first paragraph of its file's docstring, on one line."""
    text = " ".join(inspect.cleandoc(_module(thing).__doc__ or "").split("\n\n")[0].split())
    return text.replace("``", "`").replace("|", "\\|")


def _module(thing: Any) -> Any:
    return sys.modules[getattr(thing, "__module__", type(thing).__module__)]


def _coded(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
