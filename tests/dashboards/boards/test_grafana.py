"""Boards of Grafana in and out; what can't be taken is told."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.boards import document
from dashboards.boards.document import BadBoardError
from dashboards.boards.grafana import exporting, importing
from dashboards.pages.base import Context


def board(*panels: Context, **more: Any) -> Context:
    return {"title": "T", "uid": "u", "panels": list(panels), **more}


def panel(**more: Any) -> Context:
    return {"id": 1, "type": "timeseries", "title": "P", "targets": [{"refId": "A", "expr": "up"}], **more}


def taken(*panels: Context, **more: Any) -> document.Board:
    return importing.take(board(*panels, **more)).board


def test_a_panel_keeps_its_place_query_and_unit() -> None:
    source = panel(
        gridPos={"x": 6, "y": 2, "w": 12, "h": 5}, fieldConfig={"defaults": {"unit": "ms", "min": 0}}
    )
    made = taken(source).panels[0]
    assert (made.x, made.y, made.w, made.h, made.unit, made.low, made.queries[0].expr) == (
        6,
        2,
        12,
        5,
        "ms",
        0.0,
        "up",
    )


@pytest.mark.parametrize(
    "kind, ours",
    [
        ("graph", "timeseries"),
        ("singlestat", "stat"),
        ("piechart", "pie"),
        ("state-timeline", "states"),
        ("bargauge", "bargauge"),
    ],
)
def test_kinds_old_and_new_are_known(kind: str, ours: str) -> None:
    assert taken(panel(type=kind)).panels[0].kind == ours


def test_an_unknown_kind_is_told_and_its_numbers_are_shown_all_the_same() -> None:
    found = importing.take(board(panel(type="nodeGraph")))
    assert found.board.panels[0].kind == "timeseries"
    assert "nodeGraph" in found.losses[0].what


def test_panels_inside_folded_rows_follow_their_row() -> None:
    row = {"id": 7, "type": "row", "title": "R", "collapsed": True, "panels": [panel(id=8)]}
    assert [(one.id, one.kind, one.collapsed) for one in taken(row).panels] == [
        (7, "row", True),
        (8, "timeseries", False),
    ]


def test_boards_of_the_first_versions_have_rows() -> None:
    old = {
        "title": "T",
        "rows": [{"title": "R", "panels": [panel(span=6), panel(id=2, span=6), panel(id=3, span=12)]}],
    }
    assert [(one.x, one.y, one.w) for one in importing.take(old).board.panels[1:]] == [
        (0, 0, 12),
        (12, 0, 12),
        (0, 8, 24),
    ]


def test_old_thresholds_and_texts_are_understood() -> None:
    source = panel(
        type="singlestat",
        thresholds="1,5",
        colors=["green", "#ED8128", "red"],
        valueMaps=[{"op": "=", "value": "null", "text": "N/A"}],
    )
    made = taken(source).panels[0]
    assert [(one.colour, one.value) for one in made.thresholds] == [
        ("good", None),
        ("warn", 1.0),
        ("bad", 5.0),
    ]
    assert (made.wordings[0].kind, made.wordings[0].text) == ("special", "N/A")


def test_arithmetic_over_queries_becomes_promql() -> None:
    source = panel(targets=[
        {"refId": "A", "expr": "a"}, {"refId": "B", "expr": "b"},
        {"refId": "C", "type": "math", "expression": "$A / $B", "datasource": {"type": "__expr__"}},
    ])  # fmt: skip
    assert taken(source).panels[0].queries[2].expr == "(a) / (b)"


def test_another_kind_of_data_source_is_told() -> None:
    found = importing.take(
        board(panel(targets=[{"refId": "A", "rawSql": "select 1", "datasource": {"type": "postgres"}}]))
    )
    assert "postgres" in found.losses[0].what


def test_variables_keep_what_was_chosen() -> None:
    variables = [
        {"type": "query", "name": "m", "query": {"query": "label_values(up, job)"}, "multi": True, "includeAll": True, "current": {"value": ["$__all"]}},
        {"type": "custom", "name": "c", "query": "a,b : x"}, {"type": "adhoc", "name": "f"},
    ]  # fmt: skip
    found = importing.take(board(templating={"list": variables}))
    assert [(one.name, one.kind, one.query, one.chosen) for one in found.board.variables] == [
        ("m", "query", "label_values(up, job)", ["$__all"]), ("c", "custom", "a,b : x", []),
    ]  # fmt: skip
    assert "adhoc" in found.losses[0].what


@pytest.mark.parametrize(
    "given, kept", [("24h", "24h"), ("now-7d", "7d"), ("$span", "$span"), ("now/d", None)]
)
def test_a_time_of_its_own_goes_there_and_back(given: str, kept: str | None) -> None:
    found = importing.take(board(panel(timeFrom=given)))
    assert found.board.panels[0].options.get("range") == kept
    assert bool(found.losses) is (kept is None)
    assert exporting.document(found.board, "u")["panels"][0]["timeFrom"] == kept


def test_a_panel_without_thresholds_has_none_there_and_back() -> None:
    made = importing.take(exporting.document(taken(panel(type="stat")), "u")).board
    assert made.panels[0].thresholds == []


def test_an_automatic_interval_goes_there_and_back() -> None:
    source = {
        "type": "interval",
        "name": "i",
        "query": "1m,5m",
        "auto": True,
        "current": {"value": "$__auto_interval_i"},
    }
    once = taken(templating={"list": [source]}).variables[0]
    assert (once.query, once.chosen) == ("auto : $__auto,1m,5m", ["$__auto"])
    made = exporting.document(document.Board("B", variables=[once]), "u")["templating"]["list"][0]
    assert (made["auto"], made["query"], made["current"]["value"]) == (True, "1m,5m", "$__auto_interval_i")


def test_the_links_of_all_values_are_those_of_the_cells_of_a_table() -> None:
    config = {"defaults": {"links": [{"url": "/d/x?pod=${__data.fields.pod}"}]}}
    found = importing.take(board(panel(type="table", fieldConfig=config), panel(id=2, fieldConfig=config)))
    assert [len(one.overrides) for one in found.board.panels] == [1, 0]
    assert [one.where for one in found.losses] == ["P"]


def test_copies_that_were_saved_along_with_a_repeated_panel_are_not_taken() -> None:
    assert [
        one.id for one in taken(panel(repeat="v"), panel(id=2, repeatPanelId=1, scopedVars={})).panels
    ] == [1]


def test_old_names_of_engines_are_written_anew_and_told() -> None:
    found = importing.take(board(panel(targets=[{"refId": "A", "expr": "vllm:gpu_cache_usage_perc"}])))
    assert found.board.panels[0].queries[0].expr == "vllm:kv_cache_usage_perc"
    assert found.renamed == [("vllm:gpu_cache_usage_perc", "vllm:kv_cache_usage_perc")]


def test_what_is_no_board_is_refused_with_the_place() -> None:
    with pytest.raises(BadBoardError, match=r"\$\.panels"):
        importing.take({"title": "x"})


def test_there_and_back_again_nothing_is_lost() -> None:
    source = board(
        {"id": 9, "type": "row", "title": "R", "gridPos": {"y": 0}},
        panel(gridPos={"x": 0, "y": 1, "w": 8, "h": 6}, fieldConfig={
            "defaults": {"unit": "s", "max": 4, "thresholds": {"steps": [{"color": "green", "value": None}, {"color": "red", "value": 3}]},
                         "mappings": [{"type": "value", "options": {"1": {"text": "up", "color": "green"}}}]},
            "overrides": [{"matcher": {"id": "byName", "options": "x"}, "properties": [{"id": "unit", "value": "bytes"}]}],
        }, transformations=[{"id": "sortBy", "options": {"sort": [{"field": "Value"}]}}]),
        templating={"list": [{"type": "interval", "name": "i", "query": "1m,5m"}]},
    )  # fmt: skip
    once = importing.take(source).board
    again = importing.take(exporting.document(once, "u")).board
    assert document.plain(again) == document.plain(once)


JSON = st.recursive(st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4), lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(max_size=4), inside, max_size=3), max_leaves=6)  # fmt: skip
KEYS = (
    "targets",
    "gridPos",
    "fieldConfig",
    "options",
    "transformations",
    "thresholds",
    "links",
    "id",
    "yaxes",
    "legend",
    "datasource",
    "valueMaps",
)


@settings(deadline=None, max_examples=60)
@given(
    st.dictionaries(st.sampled_from(KEYS), JSON, max_size=5),
    st.sampled_from(["graph", "stat", "table", "heatmap", "text", "row", "barchart"]),
)
def test_no_panel_of_anybodys_breaks_the_import(inside: Context, kind: str) -> None:
    assert importing.take(board({"type": kind, **inside})).board.panels
