"""A Grafana board as one of ours, with a report of everything that could not be taken."""

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from dashboards.boards import document
from dashboards.boards.document import Annotation, BadBoardError, Board, Choice, Link, Panel, Variable
from dashboards.boards.fill import ALL
from dashboards.boards.grafana import panels, queries, schema2
from dashboards.boards.grafana.report import Json, Loss, Report, listed, mapping, text, whole
from dashboards.boards.grafana.shared import Shared
from dashboards.boards.variables import AUTO

VARIABLE_KINDS = {"query": "query", "custom": "custom", "interval": "interval", "textbox": "text", "constant": "constant", "datasource": "datasource"}  # fmt: skip
ORDERS = {1: "up", 2: "down", 3: "number", 4: "number down", 5: "up", 6: "down"}
RELATIVE = re.compile(r"^now-(\d+[smhdwMy])$")
SECONDS = re.compile(r"^(\d+)([smh])$")


@dataclass(frozen=True, slots=True)
class Taken:
    """``renamed``: (old metric, today's). ``losses`` say what will look or work otherwise."""

    board: Board
    uid: str
    losses: list[Loss]
    renamed: list[tuple[str, str]]
    gone: list[str] = field(default_factory=list)


def take(value: Any) -> Taken:
    """Raises BadBoardError where it is no Grafana board at all."""
    source = mapping(value)
    if "dashboard" in source and "panels" not in source:
        source = mapping(source["dashboard"])
    name = text(source.get("uid"))
    if text(source.get("apiVersion")).startswith("dashboard.grafana.app"):
        name = name or text(mapping(source.get("metadata")).get("name"))
        source = mapping(source.get("spec"))
    report = Report()
    if schema2.is_newer(source):
        source = schema2.classic(source, report)
    source = {**source, "uid": text(source.get("uid")) or name}
    if not isinstance(source.get("panels", source.get("rows")), list):
        message = _("$.panels: this is no Grafana dashboard: it has neither panels nor rows")
        raise BadBoardError(message)
    board = Board(text(source.get("title")) or "Grafana")
    board.about = text(source.get("description"))
    board.tags = [text(tag) for tag in source.get("tags") or [] if text(tag)]
    board.range = _range(source, report)
    board.refresh = _refresh(text(source.get("refresh")))
    constants = {
        text(one.get("name")): text(one.get("value"))
        for one in listed(source.get("__inputs"))
        if one.get("type") == "constant"
    }
    board.variables = [
        made
        for one in listed(mapping(source.get("templating")).get("list"))
        if (made := _variable(one, constants, report))
    ]
    board.variables += [
        Variable(name, "constant", query=constant, hidden=True)
        for name, constant in constants.items()
        if name not in {one.name for one in board.variables}
    ]
    board.annotations = _annotations(source, report)
    board.links = _links(source, report)
    board.panels = _panels(source, report)
    return Taken(
        document.checked(board),
        text(source.get("uid")),
        report.losses,
        list(report.renamed.items()),
        list(report.gone),
    )


def _links(source: Json, report: Report) -> list[Link]:
    """What leads to the boards of a tag leads to their list, at the address that Grafana gives it."""
    found = []
    for one in listed(source.get("links")):
        url, title = text(one.get("url")), text(one.get("title"))
        if one.get("type") == "dashboards":
            tag = next((text(tag) for tag in one.get("tags") or [] if text(tag)), "")
            found.append(Link(title or tag, f"/dashboards?{urlencode({'tag': tag})}"))
            report.lose(title or tag, _("the boards of the tag as a menu; a link to their list instead"))
        elif url:
            found.append(Link(title or url, url, bool(one.get("keepTime"))))
    return found


def _range(source: Json, report: Report) -> str:
    start = text(mapping(source.get("time")).get("from"))
    relative = RELATIVE.match(start)
    if relative:
        return _days(relative[1])
    if start:
        report.lose("", _("the time range from %(start)s; the last 6 h instead") % {"start": start})
    return "6h"


def _days(span: str) -> str:
    number, unit = span[:-1], span[-1]
    return f"{int(number) * 30}d" if unit == "M" else span


def _refresh(given: str) -> int:
    match = SECONDS.match(given)
    if not match:
        return 0 if given in {"", "false"} else 30
    seconds = int(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    return next((one for one in (5, 10, 30, 60, 300) if one >= seconds), 300)


def _variable(one: Json, constants: dict[str, str], report: Report) -> Variable | None:
    name, kind = text(one.get("name")), VARIABLE_KINDS.get(text(one.get("type")), "")
    if one.get("type") == "switch":
        return _switch(one, name)
    if not kind:
        report.lose(name, _("the variable of the kind %(kind)s") % {"kind": text(one.get("type")) or "?"})
        return None
    query = one.get("query")
    asked = text(mapping(query).get("query")) if isinstance(query, dict) else text(query)
    if kind == "query":
        asked = asked or text(one.get("definition"))
        asked = queries.renamed(asked, f"${name}", report)
    if kind == "constant":
        asked = constants.get(name, asked)
        asked = constants.get(asked.strip("${}"), asked)
    made = Variable(name, kind, text(one.get("label")), asked)
    made.many, made.all = bool(one.get("multi")), bool(one.get("includeAll"))
    made.all_value, made.regex = text(one.get("allValue")), text(one.get("regex"))
    made.order, made.hidden = ORDERS.get(whole(one.get("sort"), 0), ""), whole(one.get("hide"), 0) == 2
    if kind in {"custom", "interval"}:
        options = [
            Choice(text(each.get("value")), text(each.get("text"))) for each in listed(one.get("options"))
        ]
        made.choices = [each for each in options if each.value not in {"", ALL}] if not asked else []
        made.choices = [
            Choice(AUTO, "auto") if each.value.startswith(AUTO) else each for each in made.choices
        ]
        if kind == "interval" and one.get("auto") and asked:
            made.query = f"auto : {AUTO},{asked}"
    current = mapping(one.get("current")).get("value")
    values = [text(each) for each in current] if isinstance(current, list) else [text(current)]
    made.chosen = [AUTO if each.startswith(AUTO) else each for each in values if each]
    return made


def _switch(one: Json, name: str) -> Variable:
    """On or off: two values to choose from."""
    values = [text(one.get("enabledValue")) or "true", text(one.get("disabledValue")) or "false"]
    current = mapping(one.get("current")).get("value")
    chosen = text(current) if isinstance(current, str) else values[0 if current else 1]
    return Variable(name, "custom", text(one.get("label")), ", ".join(values), chosen=[chosen])


def _annotations(source: Json, report: Report) -> list[Annotation]:
    found = [Annotation("alerts", "alerts"), Annotation("releases", "releases", on=False)]
    for one in listed(mapping(source.get("annotations")).get("list")):
        name = text(one.get("name"))
        if one.get("builtIn") or text(one.get("type")) == "dashboard":
            continue
        expr = text(one.get("expr")) or text(mapping(one.get("target")).get("expr"))
        kind = text(mapping(one.get("datasource")).get("type"))
        if not expr or not (kind in queries.KNOWN_SOURCES or kind.startswith(("grafana", "$"))):
            report.lose(name, _("an annotation that is not PromQL"))
            continue
        found.append(
            Annotation(
                name, "query", queries.renamed(expr, name, report), bool(one.get("enable", True)), "v3"
            )
        )
    return found


def _panels(source: Json, report: Report) -> list[Panel]:
    """All panels in one list, each below its row; ids that clash or lack get fresh ones."""
    flat: list[Json] = []
    for one in sorted(listed(source.get("panels")), key=_height):
        flat.append(one)
        flat += sorted(listed(one.get("panels")), key=_height) if one.get("type") == "row" else []
    flat += _old_rows(source)
    # copies that Grafana made of a repeated panel or row and saved along; they are made anew
    flat = [one for one in flat if not (one.get("repeatPanelId") or one.get("repeatedByRow"))]
    used: set[int] = set()
    shared = Shared.of(source, flat)
    highest = max((whole(one.get("id"), 0) for one in flat), default=0)
    made = []
    for one in flat:
        number = whole(one.get("id"), 0)
        if number <= 0 or number in used:
            highest += 1
            number = highest
        used.add(number)
        made.append(panels.of(shared.whole(one), number, report))
    return made


def _height(one: Json) -> tuple[int, int]:
    place = mapping(one.get("gridPos"))
    return whole(place.get("y"), 0), whole(place.get("x"), 0)


def _old_rows(source: Json) -> list[Json]:
    """Before version 5 boards had rows of panels whose spans add up to 12."""
    found: list[Json] = []
    top = 0
    rows = [one for one in listed(source.get("rows")) if not one.get("repeatRowId")]
    for row in rows:
        if row.get("showTitle") or row.get("title") or row.get("collapse") or row.get("repeat"):
            found.append({**row, "type": "row", "id": 0, "panels": [], "targets": []})
        across, tallest = 0, 0
        for one in listed(row.get("panels")):
            width = whole(one.get("span"), 4) * 2
            height = max(4, whole(text(one.get("height") or row.get("height")).removesuffix("px"), 250) // 30)
            if across + width > document.COLUMNS:
                across, top, tallest = 0, top + tallest, 0
            found.append({**one, "gridPos": {"x": across, "y": top, "w": width, "h": height}})
            across, tallest = across + width, max(tallest, height)
        top += tallest
    return found
