"""Lists of a board as rows of a form: a form that comes back as it was shown changes nothing."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from dashboards.boards import editing, files, forms, rows, specs
from dashboards.boards.document import Board, Override, Panel, Query, Transformation, Variable
from dashboards.boards.fill import Scope, Value
from dashboards.span import Span
from tests.fixtures.fix_cast import NOON

SCOPE = Scope(Span(NOON - dt.timedelta(hours=1), NOON, "1h"), {"q": Value(("0.9",)), "none": Value(("",))})
STEP = {"kind": "sortBy", "options": {"sort": [{"field": "Value", "desc": True}], "other": 1}}


def sent(shown: Sequence[rows.Row]) -> dict[str, str]:
    """What a browser sends of untouched rows."""
    form: dict[str, str] = {}
    for row in shown:
        form[f"{row.name}_was"] = row.was
        form |= {
            one.name: "on" if one.value is True else str(one.value)
            for one in row.inputs
            if one.value is not False
        }
    return form  # fmt: skip


def panel_form(panel: Panel) -> dict[str, str]:
    shown = forms.of(panel)
    form = {
        name: text for part in ("overrides", "steps", "links") for name, text in sent(shown[part]).items()
    }
    for place, one in enumerate(panel.queries):
        flags = {f"{name}_{place}": "on" for name in ("instant", "hidden") if getattr(one, name)}
        form |= {
            f"expr_{place}": one.expr,
            f"legend_{place}": one.legend,
            f"shape_{place}": one.shape,
            f"least_{place}": one.least_step,
        } | flags
    return form  # fmt: skip


@pytest.mark.parametrize(
    "board", [one.board for one in files.of("shop") if one.board], ids=lambda one: one.title
)
def test_an_untouched_form_changes_no_list_of_any_shipped_board(board: Board) -> None:
    shown = editing.list_rows(board)
    form = {name: text for part in shown.values() for name, text in sent(part).items()}
    assert editing.lists(board, form) == {
        "variables": board.variables,
        "annotations": board.annotations,
        "links": board.links,
    }
    for panel in board.panels:
        made, problems = forms.panel(panel_form(panel), panel, SCOPE)
        assert not problems
        assert (made.overrides, made.transformations, made.links) == (
            panel.overrides,
            panel.transformations,
            panel.links,
        )


def test_queries_keep_the_names_by_which_others_refer_to_them() -> None:
    form = {"expr_0": "up", "ref_0": "A", "drop_0": "on", "expr_1": "up", "ref_1": "C", "do": "more"}
    made, _problems = forms.panel(form, Panel(1, "table"), SCOPE)
    assert [one.ref for one in made.queries] == ["C", "A"]


@pytest.mark.parametrize(
    "expr",
    ["histogram_quantile($q, up)", "rate(up[$__rate_interval])", 'up{pod=~"$none"}', "topk($none, up)"],
)
def test_an_expression_is_read_with_what_its_variables_stand_for(expr: str) -> None:
    made, problems = forms.panel({"expr_0": expr}, Panel(1, "table", queries=[Query("")]), SCOPE)
    assert (made.queries[0].expr, problems) == (expr, [])


@pytest.mark.parametrize("typed, faults", [("24h", 0), ("", 0), ("soon", 1), ("$q", 1)])
def test_a_time_of_its_own_must_be_one(typed: str, faults: int) -> None:
    made, problems = forms.panel({"expr_0": "up", "o_range": typed}, Panel(1, "table"), SCOPE)
    assert (made.options.get("range", ""), len(problems)) == (typed, faults)


GROUPED = {
    "version": {"operation": "groupby", "aggregations": []}, "Value": {"operation": "aggregate", "aggregations": ["mean", "max"]},
}  # fmt: skip
FILTERED = [
    {"fieldName": "Value", "config": {"id": "greaterOrEqual", "options": {"value": 5.0}}},
    {"fieldName": "Value", "config": {"id": "between", "options": {"from": 1.0, "to": 9.0}}},
    {"fieldName": "version", "config": {"id": "regex", "options": {"value": "v2.*"}}},
    {"fieldName": "Value #B", "config": {"id": "isNotNull", "options": {}}},
]


@pytest.mark.parametrize(
    "step, field, lines",
    [
        ({"kind": "groupBy", "options": {"fields": GROUPED}}, "options.fields", ["version", "Value => mean, max"]),
        (
            {"kind": "filterByValue", "options": {"filters": FILTERED}}, "options.filters",
            ["Value >= 5.0", "Value between 1.0 and 9.0", "version =~ v2.*", "Value #B is known"],
        ),
    ],
)  # fmt: skip
def test_groups_and_conditions_are_lines_that_say_the_same(
    step: rows.Thing, field: str, lines: list[str]
) -> None:
    form = sent(rows.shown("tr", [step], specs.step, {}))
    assert form[f"tr_0_{field}"].splitlines() == lines
    # typed into an empty one
    form["tr_0_was"] = f'{{"kind":"{step["kind"]}"}}'
    found = rows.read(form, "tr", specs.step, needed="kind")[0]["options"]
    assert found[field.removeprefix("options.")] == step["options"][field.removeprefix("options.")]


def test_a_condition_that_says_nothing_is_refused() -> None:
    step = {"kind": "filterByValue", "options": {}}
    form = sent(rows.shown("tr", [step], specs.step, {})) | {"tr_0_options.filters": "Value is big"}
    with pytest.raises(ValueError, match="Value is big"):
        rows.read(form, "tr", specs.step, needed="kind")


def test_what_no_field_shows_is_kept() -> None:
    form = sent(rows.shown("tr", [STEP], specs.step, {}))
    form["tr_0_options.sort.0.field"] = "Time"
    assert rows.read(form, "tr", specs.step, needed="kind") == [
        {"kind": "sortBy", "options": {"sort": [{"field": "Time", "desc": True}], "other": 1}}
    ]


def test_a_new_row_is_a_new_thing() -> None:
    form = sent(rows.shown("ov", [], specs.override, {"by": "name"}))
    form |= {"ov_0_match": "p99", "ov_0_unit": "seconds", "ov_0_right": "on"}
    problems: list[str] = []
    made = forms.listed(form, "ov", [], specs.override, Override, problems)
    assert (made, problems) == ([Override("name", "p99", unit="seconds", right=True)], [])


def test_rows_are_removed_and_put_in_order() -> None:
    things: list[Any] = msgspec.to_builtins([Variable("a"), Variable("b"), Variable("c")])
    form = sent(rows.shown("va", things, specs.variable, {})) | {"va_0_place": "9", "va_1_drop": "on"}
    made = forms.listed(form, "va", [], specs.variable, Variable, [])
    assert [one.name for one in made] == ["c", "a"]


def test_a_transformation_of_another_kind_starts_anew() -> None:
    form = sent(rows.shown("tr", [STEP], specs.step, {})) | {"tr_0_kind": "limit"}
    assert forms.listed(form, "tr", [], specs.step, Transformation, []) == [Transformation("limit")]


def test_a_mistake_is_told_and_the_list_stays() -> None:
    form = sent(rows.shown("ov", [], specs.override, {})) | {"ov_0_match": "x", "ov_0_decimals": "many"}
    problems: list[str] = []
    old = [Override("name", "y")]
    assert forms.listed(form, "ov", old, specs.override, Override, problems) == old
    assert "Decimals" in problems[0]


def test_values_of_a_custom_variable_are_typed_with_commas() -> None:
    board = Board("x", variables=[])
    form = sent(editing.list_rows(board)["variable_rows"])
    form |= {"va_0_name": "env", "va_0_kind": "custom", "va_0_query": "a, b, Live : prod"}
    (made,) = editing.lists(board, form)["variables"]
    assert (made.kind, made.query, made.choices) == ("custom", "a, b, Live : prod", [])
