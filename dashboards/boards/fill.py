"""Variables put into texts: ``$name``, ``${name}``, ``${name:format}``, ``[[name]]``, and the built-in ones."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote, urlencode

from dashboards.span import Span
from monitor.core import durations

Purpose = Literal["promql", "text", "url"]
PLACE = re.compile(
    r"\$\{(?P<braced>\w+)(?:\.[\w.]+)?(?::(?P<form>\w+)[^}]*)?\}|\[\[(?P<old>\w+)(?::(?P<oldform>\w+))?\]\]|\$(?P<plain>\w+)"
)
# Prometheus' usual distance of samples; a rate over four of them survives a lost one
SCRAPE_SECONDS = 15
ALL = "$__all"
# whole parts of an address, not values in it
ADDRESSES = frozenset({"__url_time_range", "__all_variables"})
_SPECIAL = re.compile(r"[\\^$.*+?()\[\]{}|]")


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable stands for. ``many``: several values may stand in one regular expression."""

    values: tuple[str, ...]
    texts: tuple[str, ...] = ()
    # the text of each value, where ``texts`` says something of them all
    names: tuple[str, ...] = ()
    many: bool = False
    # stands for everything as it is, when all is chosen
    whole: str = ""
    everything: bool = False

    @property
    def each(self) -> list["Value"]:
        """A value of its own for each, as copies of a repeated panel see it."""
        names = self.names or self.texts
        names = names if len(names) == len(self.values) else self.values
        return [Value((one,), (name,)) for one, name in zip(self.values, names, strict=True)]


@dataclass(frozen=True, slots=True)
class Scope:
    """Everything a text may refer to: variables, the span, and the step of its panel."""

    span: Span
    values: Mapping[str, Value] = field(default_factory=dict)
    step_seconds: int = 30
    # how much wider windows are asked than usual, where samples are sparse
    widening: int = 1

    def of(self, name: str) -> Value | None:
        return self.values.get(name) or self._built_in(name)

    def address(self, name: str) -> str:
        """The parameters of an address that lead to the same time, or to the same choices."""
        if name == "__url_time_range":
            return urlencode(self.span.query())
        return "&".join(_query(one, value) for one, value in self.values.items())

    def _built_in(self, name: str) -> Value | None:
        seconds = int(self.span.seconds)
        rate = max(self.step_seconds + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS) * self.widening
        step = self.step_seconds * self.widening
        start, end = (int(one.timestamp() * 1000) for one in (self.span.start, self.span.end))
        known = {
            "__rate_interval": durations.text(rate * 1000), "__rate_interval_ms": str(rate * 1000),
            "__interval": durations.text(step * 1000), "__interval_ms": str(step * 1000),
            "__range": f"{seconds}s", "__range_s": str(seconds), "__range_ms": str(seconds * 1000),
            "__from": str(start), "__to": str(end), "__org": "1", "__auto_interval": durations.text(step * 1000),
            "timeFilter": "", "__timeFilter": "",
        }  # fmt: skip
        if name in known:
            return Value((known[name],))
        return Value((known["__interval"],)) if name.startswith("__auto_interval") else None


def put(text: str, scope: Scope, purpose: Purpose = "promql") -> str:
    """The text with every known variable put in; what is unknown stays as it stands."""

    def found(match: re.Match[str]) -> str:
        name = match["braced"] or match["old"] or match["plain"]
        if name in ADDRESSES:
            return scope.address(name)
        value = scope.of(name)
        if value is None:
            return match[0]
        form = match["form"] or match["oldform"] or ""
        return _query(name, value) if form == "queryparam" else written(value, form, purpose)

    return PLACE.sub(found, text)


def used(text: str) -> set[str]:
    """The names of the variables in a text."""
    return {match["braced"] or match["old"] or match["plain"] for match in PLACE.finditer(text)}


def written(value: Value, form: str, purpose: Purpose) -> str:
    """The value in a format of Grafana's, or as the purpose wants it."""
    values = value.values
    if (form in {"", "glob"} and purpose == "text") or form == "text":
        return " + ".join(value.texts or values)
    if purpose == "url" and not form:
        return quote(",".join(values), safe="")
    return _formatted(values, form) if form else _promql(value)


def _query(name: str, value: Value) -> str:
    """The choice as an address carries it."""
    chosen = [ALL] if value.everything else value.values
    return "&".join(f"var-{name}={quote(one, safe='')}" for one in chosen)


def _formatted(values: Sequence[str], form: str) -> str:
    match form:
        case "csv" | "raw":
            return ",".join(values)
        case "pipe":
            return "|".join(values)
        case "regex":
            return _alternatives([escaped(one) for one in values])
        case "json":
            return json.dumps(list(values), ensure_ascii=False)
        case "singlequote":
            return ",".join(f"'{one}'" for one in values)
        case "doublequote":
            return ",".join(f'"{one}"' for one in values)
        case "percentencode":
            return quote(",".join(values), safe="")
        case _:
            return "{" + ",".join(values) + "}" if len(values) > 1 else "".join(values)


def _promql(value: Value) -> str:
    if value.whole:
        return value.whole
    if value.many:
        return _alternatives([escaped(one).replace("\\", "\\\\").replace('"', '\\"') for one in value.values])
    return ",".join(one.replace("\\", "\\\\").replace('"', '\\"') for one in value.values)


def escaped(text: str) -> str:
    """The text as a regular expression that means just it."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", text)


def _alternatives(values: Sequence[str]) -> str:
    return values[0] if len(values) == 1 else "(" + "|".join(values) + ")"
