"""Grafana's newer document, in which elements and their layout lie apart, as the classic one that we read."""

from collections.abc import Iterator
from typing import Any

from django.utils.translation import gettext as _

from dashboards.boards.document import COLUMNS
from dashboards.boards.grafana.report import Json, Report, listed, mapping, text, whole

VARIABLES = {
    "QueryVariable": "query", "CustomVariable": "custom", "IntervalVariable": "interval", "TextVariable": "textbox",
    "ConstantVariable": "constant", "DatasourceVariable": "datasource", "AdhocVariable": "adhoc",
    "GroupByVariable": "groupby", "SwitchVariable": "switch",
}  # fmt: skip
HIDDEN = {"hideVariable": 2, "hideLabel": 1}
SORTED = {
    "alphabeticalAsc": 1, "alphabeticalDesc": 2, "numericalAsc": 3, "numericalDesc": 4,
    "alphabeticalCaseInsensitiveAsc": 5, "alphabeticalCaseInsensitiveDesc": 6,
}  # fmt: skip
# an automatic grid says no heights
AUTO_HEIGHT = 9
AUTO_ACROSS = 3


def is_newer(source: Json) -> bool:
    return isinstance(source.get("elements"), dict) and "layout" in source


def classic(source: Json, report: Report) -> Json:
    """The same board with panels, templating and time where they used to be."""
    times = mapping(source.get("timeSettings"))
    return {
        "title": source.get("title"), "description": source.get("description"), "tags": source.get("tags"),
        "time": {"from": times.get("from"), "to": times.get("to")}, "refresh": times.get("autoRefresh"),
        "links": source.get("links"),
        "templating": {"list": [_variable(one) for one in listed(source.get("variables"))]},
        "annotations": {"list": [_annotation(one) for one in listed(source.get("annotations"))]},
        "panels": list(_laid(mapping(source.get("layout")), mapping(source.get("elements")), report, 0)),
    }  # fmt: skip


def _variable(one: Json) -> Json:
    inside = mapping(one.get("spec"))
    query = inside.get("query")
    if isinstance(query, dict):
        asked = mapping(query.get("spec"))
        query = text(asked.get("query")) or text(asked.get("__legacyStringValue")) or text(asked.get("expr"))
    return {
        **inside, "type": VARIABLES.get(text(one.get("kind")), text(one.get("kind"))),
        "query": query or text(inside.get("definition")), "hide": HIDDEN.get(text(inside.get("hide")), 0),
        "sort": SORTED.get(text(inside.get("sort")), 0),
    }  # fmt: skip


def _annotation(one: Json) -> Json:
    inside = mapping(one.get("spec"))
    asked = mapping(mapping(inside.get("query")).get("spec"))
    return {"name": inside.get("name"), "enable": inside.get("enable"), "builtIn": inside.get("builtIn"), "expr": asked.get("expr")}  # fmt: skip


def _laid(layout: Json, elements: Json, report: Report, top: int) -> Iterator[Json]:
    """The panels of a layout from ``top`` on; rows and tabs become rows."""
    inside = mapping(layout.get("spec"))
    match text(layout.get("kind")):
        case "RowsLayout":
            yield from _sections(listed(inside.get("rows")), elements, report, top)
        case "TabsLayout":
            report.lose("", _("the tabs; each is a row now"))
            yield from _sections(listed(inside.get("tabs")), elements, report, top)
        case "AutoGridLayout":
            yield from _automatic(inside, elements, report, top)
        case _:
            yield from _grid(listed(inside.get("items")), elements, report, top)


def _sections(sections: list[Json], elements: Json, report: Report, top: int) -> Iterator[Json]:
    for one in sections:
        inside = mapping(one.get("spec"))
        repeat = text(mapping(inside.get("repeat")).get("value"))
        yield {
            "type": "row", "title": text(inside.get("title")), "collapsed": bool(inside.get("collapse")), "repeat": repeat,
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
        }  # fmt: skip
        found = list(_laid(mapping(inside.get("layout")), elements, report, top + 1))
        yield from found
        top = _bottom(found, top + 1)


def _grid(items: list[Json], elements: Json, report: Report, top: int) -> Iterator[Json]:
    for item in items:
        inside = mapping(item.get("spec"))
        if item.get("kind") == "GridLayoutRow":
            y = top + whole(inside.get("y"), 0)
            row = {"type": "row", "title": inside.get("title"), "collapsed": inside.get("collapsed"), "repeat": mapping(inside.get("repeat")).get("value")}  # fmt: skip
            yield {**row, "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}}
            yield from _grid(listed(inside.get("elements")), elements, report, y + 1)
            continue
        repeat = mapping(inside.get("repeat"))
        place = {"x": inside.get("x"), "y": top + whole(inside.get("y"), 0), "w": inside.get("width"), "h": inside.get("height")}  # fmt: skip
        yield {
            **_panel(inside, elements, report), "gridPos": place, "repeat": repeat.get("value"),
            "repeatDirection": repeat.get("direction"), "maxPerRow": repeat.get("maxPerRow"),
        }  # fmt: skip


def _automatic(inside: Json, elements: Json, report: Report, top: int) -> Iterator[Json]:
    across = min(max(whole(inside.get("maxColumnCount"), AUTO_ACROSS), 1), 6)
    width = COLUMNS // across
    for place, item in enumerate(listed(inside.get("items"))):
        own = mapping(item.get("spec"))
        where = {"x": place % across * width, "y": top + place // across * AUTO_HEIGHT, "w": width, "h": AUTO_HEIGHT}  # fmt: skip
        yield {
            **_panel(own, elements, report),
            "gridPos": where,
            "repeat": mapping(own.get("repeat")).get("value"),
        }


def _bottom(panels: list[Json], top: int) -> int:
    places = [mapping(one.get("gridPos")) for one in panels]
    return max((whole(one.get("y"), 0) + whole(one.get("h"), 8) for one in places), default=top)


def _panel(item: Json, elements: Json, report: Report) -> Json:
    name = text(mapping(item.get("element")).get("name"))
    element = mapping(elements.get(name))
    inside = mapping(element.get("spec"))
    if element.get("kind") == "LibraryPanel":
        return {
            "id": inside.get("id"),
            "title": inside.get("title"),
            "libraryPanel": inside.get("libraryPanel"),
        }
    if not inside:
        report.lose(name, _("an element that the layout names and the file does not hold"))
    data, viz = mapping(mapping(inside.get("data")).get("spec")), mapping(inside.get("vizConfig"))
    shown = mapping(viz.get("spec"))
    settings = mapping(data.get("queryOptions"))
    return {
        "id": inside.get("id"), "title": inside.get("title"), "description": inside.get("description"), "links": inside.get("links"),
        "type": text(viz.get("group")) or text(viz.get("kind")), "options": shown.get("options"), "fieldConfig": shown.get("fieldConfig"),
        "targets": [_target(one) for one in listed(data.get("queries"))],
        "transformations": [
            {"id": text(own.get("id")) or text(one.get("group")) or text(one.get("kind")), "options": own.get("options"), "disabled": own.get("disabled")}
            for one in listed(data.get("transformations"))
            for own in [mapping(one.get("spec"))]
        ],
        "maxDataPoints": settings.get("maxDataPoints"), "timeFrom": settings.get("timeFrom"), "timeShift": settings.get("timeShift"),
    }  # fmt: skip


def _target(one: Json) -> Json:
    inside = mapping(one.get("spec"))
    query = mapping(inside.get("query"))
    kind = text(query.get("group")) or text(query.get("kind"))
    asked: dict[str, Any] = dict(mapping(query.get("spec")))
    return {**asked, "refId": inside.get("refId"), "hide": inside.get("hidden"), "datasource": {"type": kind}}
