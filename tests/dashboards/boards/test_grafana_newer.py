"""Grafana's newer documents: elements apart from their layout, library panels, panels that show another one's answer."""

from typing import Any

import pytest

from dashboards.boards import document
from dashboards.boards.grafana import exporting, importing


def element(number: int, kind: str, *exprs: str) -> dict[str, Any]:
    queries = [
        {"kind": "PanelQuery", "spec": {"refId": chr(65 + place), "hidden": False, "query": {"kind": "DataQuery", "group": "prometheus", "spec": {"expr": expr}}}}
        for place, expr in enumerate(exprs)
    ]  # fmt: skip
    return {
        "kind": "Panel",
        "spec": {
            "id": number, "title": f"P{number}",
            "data": {"kind": "QueryGroup", "spec": {"queries": queries, "transformations": [{"kind": "limit", "spec": {"options": {"limitField": 3}}}]}},
            "vizConfig": {"kind": "VizConfig", "group": kind, "spec": {"fieldConfig": {"defaults": {"unit": "s"}}, "options": {}}},
        },
    }  # fmt: skip


def item(name: str, x: int, y: int, **more: Any) -> dict[str, Any]:
    spec = {"x": x, "y": y, "width": 12, "height": 6, "element": {"kind": "ElementReference", "name": name}}
    return {"kind": "GridLayoutItem", "spec": spec | more}


def board(layout: dict[str, Any], **more: Any) -> dict[str, Any]:
    elements = {"a": element(1, "timeseries", "up", "up * 2"), "b": element(2, "stat", "sum(up)")}
    spec = {"title": "Two", "elements": elements, "layout": layout, **more}
    return {
        "apiVersion": "dashboard.grafana.app/v2beta1",
        "kind": "Dashboard",
        "metadata": {"name": "two"},
        "spec": spec,
    }


GRID = {"kind": "GridLayout", "spec": {"items": [item("a", 0, 0, repeat={"mode": "variable", "value": "job", "direction": "v"}), item("b", 12, 0)]}}  # fmt: skip
AUTO = {"kind": "AutoGridLayout", "spec": {"maxColumnCount": 2, "items": [{"kind": "AutoGridLayoutItem", "spec": {"element": {"name": name}}} for name in "ab"]}}  # fmt: skip


def test_a_grid_becomes_panels_with_queries_units_and_repeats() -> None:
    value = board(GRID)
    assert document.is_grafana(value)
    taken = importing.take(value)
    one, other = taken.board.panels
    assert (taken.uid, taken.board.title, taken.losses) == ("two", "Two", [])
    assert ([query.expr for query in one.queries], one.unit, one.repeat, one.downwards) == (
        ["up", "up * 2"],
        "s",
        "job",
        True,
    )
    assert (one.transformations[0].kind, one.transformations[0].options) == ("limit", {"limitField": 3})
    assert (other.kind, other.x, other.w, other.h) == ("stat", 12, 12, 6)


@pytest.mark.parametrize(
    ("kind", "parts", "told"),
    [("RowsLayout", "rows", []), ("TabsLayout", "tabs", ["the tabs; each is a row now"])],
)
def test_rows_and_tabs_become_rows(kind: str, parts: str, told: list[str]) -> None:
    sections = [
        {"spec": {"title": "First", "layout": GRID}},
        {"spec": {"title": "Second", "collapse": True, "layout": AUTO}},
    ]
    taken = importing.take(board({"kind": kind, "spec": {parts: sections}}))
    assert [(one.kind, one.title) for one in taken.board.panels if one.kind == "row"] == [
        ("row", "First"),
        ("row", "Second"),
    ]
    assert [one.kind for one in taken.board.panels] == [
        "row",
        "timeseries",
        "stat",
        "row",
        "timeseries",
        "stat",
    ]
    assert taken.board.panels[3].collapsed
    assert [loss.what for loss in taken.losses] == told


def test_variables_marks_and_times_are_taken() -> None:
    variables = [
        {"kind": "QueryVariable", "spec": {"name": "job", "multi": True, "includeAll": True, "sort": "alphabeticalDesc", "hide": "hideVariable",
                                           "query": {"kind": "prometheus", "spec": {"query": "label_values(up, job)"}}}},
        {"kind": "TextVariable", "spec": {"name": "t", "query": "x"}},
        {"kind": "SwitchVariable", "spec": {"name": "s", "enabledValue": "1", "disabledValue": "0", "current": "0"}},
    ]  # fmt: skip
    marks = [
        {
            "kind": "AnnotationQuery",
            "spec": {
                "name": "deploys",
                "enable": True,
                "query": {"kind": "prometheus", "spec": {"expr": "changes(up[1m])"}},
            },
        }
    ]
    taken = importing.take(board(GRID, variables=variables, annotations=marks, timeSettings={"from": "now-3h", "autoRefresh": "10s"}))  # fmt: skip
    job, typed, switch = taken.board.variables
    assert (job.query, job.many, job.order, job.hidden) == ("label_values(up, job)", True, "down", True)
    assert (typed.kind, switch.query, switch.chosen) == ("text", "1, 0", ["0"])
    assert (taken.board.range, taken.board.refresh) == ("3h", 10)
    assert taken.board.annotations[-1].expr == "changes(up[1m])"


def test_an_element_that_is_not_in_the_file_is_told() -> None:
    taken = importing.take(board({"kind": "GridLayout", "spec": {"items": [item("gone", 0, 0)]}}))
    assert any("does not hold" in loss.what for loss in taken.losses)


def classic(*panels: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "x", "schemaVersion": 40, "panels": list(panels), **more}


def test_a_library_panel_is_taken_from_the_same_file() -> None:
    model = {"type": "stat", "title": "Shared", "targets": [{"refId": "A", "expr": "sum(up)"}]}
    reference = {
        "id": 7,
        "gridPos": {"x": 3, "y": 0, "w": 4, "h": 4},
        "libraryPanel": {"uid": "abc", "name": "S"},
    }
    (panel,) = importing.take(classic(reference, __elements={"abc": {"model": model}})).board.panels
    assert (panel.id, panel.kind, panel.title, panel.x, panel.queries[0].expr) == (
        7,
        "stat",
        "Shared",
        3,
        "sum(up)",
    )


def test_a_panel_that_shows_another_ones_answer_asks_the_same() -> None:
    source = {"id": 1, "type": "timeseries", "targets": [{"refId": "A", "expr": "up"}]}
    mirror = {
        "id": 2,
        "type": "table",
        "targets": [{"refId": "A", "panelId": 1, "datasource": {"uid": "-- Dashboard --"}}],
    }
    panels = importing.take(classic(source, mirror)).board.panels
    assert [one.queries[0].expr for one in panels] == ["up", "up"]


def test_a_list_of_alerts_shows_what_fires() -> None:
    (panel,) = importing.take(classic({"id": 1, "type": "alertlist", "title": "Alerts"})).board.panels
    assert (panel.kind, panel.queries[0].expr) == ("table", 'ALERTS{alertstate="firing"}')


def test_what_is_drawn_downwards_stays_so_both_ways() -> None:
    rule = {
        "matcher": {"id": "byRegexp", "options": "/Tx/"},
        "properties": [{"id": "custom.transform", "value": "negative-Y"}],
    }
    old = {"alias": "/Tx/", "transform": "negative-Y"}
    for one in ({"fieldConfig": {"overrides": [rule]}}, {"seriesOverrides": [old]}):
        board = importing.take(classic({"id": 1, "type": "timeseries", **one})).board
        assert [(made.match, made.below) for made in board.panels[0].overrides] == [("/Tx/", True)]
        assert "negative-Y" in exporting.text(board, "x")


def test_marks_that_ask_something_else_than_promql_are_told() -> None:
    marks = [
        {"name": "logs", "expr": '{app="x"}', "datasource": {"type": "loki"}},
        {"name": "deploys", "expr": "changes(up[1m])"},
    ]
    taken = importing.take(classic(annotations={"list": marks}))
    assert [one.name for one in taken.board.annotations if one.kind == "query"] == ["deploys"]
    assert [(loss.where, loss.what) for loss in taken.losses] == [
        ("logs", "an annotation that is not PromQL")
    ]
