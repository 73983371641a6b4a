"""The form of a panel: fields that people fill, read back into the panel; what no field shows is kept."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

import msgspec
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import span
from dashboards.boards import document, rows, specs
from dashboards.boards.document import Link, Override, Panel, Query, Threshold, Transformation, Wording
from dashboards.boards.fill import Scope, put, used
from dashboards.boards.manners import TOKENS
from dashboards.boards.reduced import CALCULATIONS
from dashboards.boards.transform import every
from monitor import query
from monitor.core.fields import BadFieldError, Field

Label = str | Promise
MOST_QUERIES = 26
STACK = Field("stack", "Stacked", "choice", default="", choices=("", "normal", "percent"))
CALC = Field("calc", "Calculation", "choice", default="lastNotNull", choices=tuple(CALCULATIONS))
ROWS = Field("rows", "Every row", "flag", default=False)
OPTIONS: dict[str, tuple[Field, ...]] = {
    "timeseries": (
        Field("style", "Style", "choice", default="line", choices=("line", "bars", "points")), STACK,
        Field("fill", "Fill, percent", "integer", default=0), Field("log", "Logarithmic", "flag", default=False),
        Field("steps", "Steps", "flag", default=False), Field("connect", "Bridge gaps", "flag", default=False),
        Field("limits", "Draw thresholds", "flag", default=False),
        Field("legend", "Legend", "choice", default="list", choices=("list", "table", "hidden")), CALC,
    ),
    "stat": (
        CALC, ROWS, Field("graph", "Small line", "flag", default=False),
        Field("colour", "Colour", "choice", default="value", choices=("value", "background")), Field("fields", "Fields", default=""),
    ),
    "gauge": (CALC, ROWS),
    "bargauge": (CALC, ROWS),
    "pie": (CALC, ROWS),
    "bar": (Field("stack", "Stacked", "flag", default=False), Field("lying", "Lying", "flag", default=False), CALC, Field("x", "Categories", default="")),
    "histogram": (Field("bucket_count", "Bins", "integer"),),
    "compare": (Field("label", "Label", default="version"), Field("a", "A", default=""), Field("b", "B", default=""), CALC),
    "text": (Field("content", "Text (Markdown)", "long_text", default=""),),
}  # fmt: skip
# of every panel that asks something
OWN_TIME = (Field("range", "Time range of its own", default=""), Field("shift", "Moved back by", default=""))
TITLES: dict[str, Label] = {
    "range": lazy("Time range of its own"), "shift": lazy("Moved back by"),
    "style": lazy("Style"), "stack": lazy("Stacked"), "fill": lazy("Fill, percent"), "log": lazy("Logarithmic"),
    "steps": lazy("Steps"), "connect": lazy("Bridge gaps"), "limits": lazy("Draw thresholds"), "legend": lazy("Legend"),
    "calc": lazy("Calculation"), "rows": lazy("A number for each row"), "graph": lazy("Small line"), "colour": lazy("Colour"),
    "fields": lazy("Fields"), "lying": lazy("Lying"), "x": lazy("Categories"), "bucket_count": lazy("Bins"), "label": lazy("Label"),
    "a": lazy("A"), "b": lazy("B"), "content": lazy("Text (Markdown)"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Input:
    """One option as the template shows it."""

    name: str
    title: Label
    kind: str
    value: Any
    choices: Sequence[str] = ()


def of(panel: Panel) -> dict[str, Any]:
    """Everything the form shows."""
    return {
        "queries": panel.queries or [Query("")],
        "thresholds": "\n".join(_threshold(one) for one in panel.thresholds),
        "wordings": "\n".join(_wording(one) for one in panel.wordings),
        "overrides": rows.shown("ov", plain(panel.overrides), specs.override, {"by": "name"}),
        "steps": rows.shown("tr", plain(panel.transformations), specs.step, {}),
        "links": rows.shown("li", plain(panel.links), specs.link, {}),
        "options": [
            _input(field, panel.options.get(field.name, field.default)) for field in fields(panel.kind)
        ],
        "known_transformations": sorted(every().values(), key=lambda one: one.name),
    }


def fields(kind: str) -> tuple[Field, ...]:
    """The options of a kind of panel."""
    return OPTIONS.get(kind, ()) + (() if kind in {"text", "row"} else OWN_TIME)


def _input(field: Field, value: Any) -> Input:
    if field.name == "stack" and value is True:
        value = "normal"
    return Input(f"o_{field.name}", TITLES.get(field.name, field.label), field.kind, value, field.choices)


def panel(form: Mapping[str, str], old: Panel, scope: Scope) -> tuple[Panel, list[str]]:
    """The panel as typed, and what is wrong with it; ``scope`` holds what its variables stand for now."""
    problems: list[str] = []
    kind = form.get("kind", old.kind) if form.get("kind", old.kind) in document.KINDS else old.kind
    made = document.copied(
        old, kind=kind, title=form.get("title", ""), about=form.get("about", ""), unit=form.get("unit", "").strip(),
        decimals=_whole(form.get("decimals", "")), low=_number(form.get("low", "")), high=_number(form.get("high", "")),
        queries=_queries(form, scope, problems), in_percent=bool(form.get("in_percent")), repeat=form.get("repeat", "").strip().lstrip("$"),
        thresholds=_thresholds(form.get("thresholds", ""), problems), wordings=_wordings(form.get("wordings", ""), problems),
        overrides=listed(form, "ov", old.overrides, specs.override, Override, problems),
        transformations=listed(form, "tr", old.transformations, specs.step, Transformation, problems),
        links=listed(form, "li", old.links, specs.link, Link, problems),
        options=_options(form, old, kind, problems),
    )  # fmt: skip
    unknown = [one.kind for one in made.transformations if one.kind not in every()]
    problems += _no_times(made, scope)
    problems += [_("There is no transformation “%(name)s”.") % {"name": one} for one in unknown]
    return made, problems


def _no_times(made: Panel, scope: Scope) -> list[str]:
    given = [put(str(made.options.get(field.name) or ""), scope) for field in OWN_TIME]
    said = _("“%(text)s” is not a time such as 15m, 24h or 7d.")
    return [said % {"text": text} for text in given if text and not span.duration(text)]


def _queries(form: Mapping[str, str], scope: Scope, problems: list[str]) -> list[Query]:
    found: list[Query] = []
    for place in range(MOST_QUERIES):
        if f"expr_{place}" not in form:
            break
        expr = form[f"expr_{place}"].strip()
        if form.get(f"drop_{place}") or (place and not expr):
            continue
        found.append(
            Query(
                expr, _ref(form.get(f"ref_{place}", ""), found), form.get(f"legend_{place}", ""), form.get(f"shape_{place}", "series"),
                bool(form.get(f"instant_{place}")), bool(form.get(f"hidden_{place}")), form.get(f"least_{place}", "").strip(),
            )
        )  # fmt: skip
        fault = _fault(expr, scope)
        if fault is not None:
            where = f" ({fault.position})" if fault.position is not None and "$" not in expr else ""
            problems.append(f"{found[-1].ref}: {fault.message}{where}")
    if form.get("do") == "more":
        found.append(Query("", _ref("", found)))
    return found


def _ref(was: str, others: Sequence[Query]) -> str:
    """The name that a query had, for overrides and transformations go by it; else the next free letter."""
    taken = {one.ref for one in others}
    if was and was not in taken:
        return was
    return next((letter for letter in ascii_uppercase if letter not in taken), f"Q{len(others)}")


def _fault(expr: str, scope: Scope) -> query.Fault | None:
    """What is wrong with the expression as it would be asked now."""
    values = [value for name in used(expr) if (value := scope.of(name)) is not None]
    if not expr or any(not "".join(value.values) for value in values):
        # a variable without a value yet says nothing about the expression
        return None
    return query.check(put(expr, scope))


def _thresholds(text: str, problems: list[str]) -> list[Threshold]:
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        number, _space, colour = line.rpartition(" ")
        if colour not in TOKENS or (number and _number(number) is None):
            said = _("Thresholds: “%(line)s” is not like “80 bad”; colours are %(colours)s.")
            problems.append(said % {"line": line, "colours": ", ".join(sorted(TOKENS))})
            continue
        found.append(Threshold(colour, _number(number)))
    return sorted(found, key=lambda one: float("-inf") if one.value is None else one.value)


def _threshold(one: Threshold) -> str:
    return one.colour if one.value is None else f"{one.value:.15g} {one.colour}"


RANGE = re.compile(r"^(-?[\d.eE+-]*)\s*\.\.\s*(-?[\d.eE+-]*)$")


def _wordings(text: str, problems: list[str]) -> list[Wording]:
    """``1 => up | good``, ``0..5 => low``, ``/x.*/ => …``, ``null => none``."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        left, arrow, right = line.partition("=>")
        shown, _bar, colour = (part.strip() for part in right.partition("|"))
        left = left.strip()
        if not arrow or (colour and colour not in TOKENS):
            said = _("Texts for values: “%(line)s” is not like “1 => up | good”.")
            problems.append(said % {"line": line})
            continue
        span = RANGE.match(left)
        if span:
            found.append(Wording("range", "", _number(span[1]), _number(span[2]), shown, colour))
        elif left in {"null", "nan"}:
            found.append(Wording("special", left, None, None, shown, colour))
        else:
            kind = "regex" if left.startswith("/") and left.endswith("/") and len(left) > 1 else "value"
            found.append(Wording(kind, left, None, None, shown, colour))
    return found


def _wording(one: Wording) -> str:
    left = (
        f"{'' if one.low is None else f'{one.low:.15g}'}..{'' if one.high is None else f'{one.high:.15g}'}"
        if one.kind == "range"
        else one.match
    )
    return f"{left} => {one.text}" + (f" | {one.colour}" if one.colour else "")


def _options(form: Mapping[str, str], old: Panel, kind: str, problems: list[str]) -> dict[str, Any]:
    kept = dict(old.options)
    if form.get("kind_before", kind) != kind:
        return kept
    for field in fields(kind):
        given: Any = form.get(f"o_{field.name}", "")
        try:
            value = bool(given) if field.kind == "flag" else field.clean(given)
        except BadFieldError as error:
            problems.append(str(error))
            continue
        if value in (field.default, None, "", False):
            kept.pop(field.name, None)
        else:
            kept[field.name] = value
    return kept


NEEDED = {"ov": "match", "tr": "kind", "li": "url", "va": "name", "an": "name"}


def plain(things: Sequence[Any]) -> list[rows.Thing]:
    found: list[rows.Thing] = msgspec.to_builtins(things)
    return found


def listed(
    form: Mapping[str, str], prefix: str, old: Sequence[Any], fields: rows.Specs, kind: type[Any], problems: list[str]
) -> list[Any]:  # fmt: skip
    """A list of the board as typed; where the form has no such list, as it was."""
    if f"{prefix}_0_was" not in form:
        return list(old)
    try:
        typed = rows.read(form, prefix, fields, needed=NEEDED[prefix], kinds=prefix == "tr")
        found: list[Any] = msgspec.convert(typed, list[kind])  # type: ignore[valid-type] # a type of ours, chosen at run time
    except ValueError as error:
        problems.append(str(error))
        return list(old)
    return found


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _whole(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None
