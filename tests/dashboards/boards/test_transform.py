import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest

from dashboards.boards.document import Transformation
from dashboards.boards.tables import Table, numbers, texts, times
from dashboards.boards.transform import BadTransformationError, apply, every


def done(tables: list[Table], kind: str, **options: Any) -> list[Table]:
    return apply(tables, [Transformation(kind, options)])


def said(table: Table) -> tuple[list[str], list[tuple[Any, ...]]]:
    return [one.shown for one in table.columns], table.rows()


def rows(ref: str, values: dict[str, float]) -> Table:
    return Table(ref, (texts("name", values), numbers("Value", values.values())))


def series(name: str, labels: dict[str, str], values: list[float]) -> Table:
    return Table(
        "A", (times([0, 1000, 2000][: len(values)]), numbers("Value", values, labels, title=name)), name
    )


A, B = rows("A", {"x": 1.0, "y": 2.0}), rows("B", {"y": 20.0, "z": 30.0})
S1, S2 = series("one", {"pod": "p1"}, [1, 2, 3]), series("two", {"pod": "p2"}, [10, 20, 30])


def test_all_are_known_although_tables_brought_some_of_them_along_before() -> None:
    asked = "from dashboards.boards.transform import joining, every; print('limit' in every())"
    assert subprocess.check_output([sys.executable, "-c", asked], text=True) == "True\n"


def test_merge_makes_one_row_of_rows_that_agree() -> None:
    assert said(done([A, B], "merge")[0]) == (
        ["name", "Value #A", "Value #B"],
        [("x", 1.0, None), ("y", 2.0, 20.0), ("z", None, 30.0)],
    )


def test_organize_hides_renames_and_orders() -> None:
    found = done(
        [A], "organize", excludeByName={}, indexByName={"Value": 0, "name": 1}, renameByName={"Value": "n"}
    )
    assert said(found[0]) == (["n", "name"], [(1.0, "x"), (2.0, "y")])


def test_join_by_field_puts_columns_side_by_side() -> None:
    assert said(done([A, B], "joinByField", byField="name", mode="inner")[0])[1] == [("y", 2.0, 20.0)]


def test_series_are_joined_by_time() -> None:
    assert said(done([S1, S2], "joinByField")[0]) == (
        ["Time", "one", "two"],
        [(0, 1.0, 10.0), (1000, 2.0, 20.0), (2000, 3.0, 30.0)],
    )


def test_reduce_makes_a_row_of_each_series() -> None:
    assert said(done([S1, S2], "reduce", reducers=["max", "mean"])[0]) == (
        ["Field", "Max", "Mean"],
        [("one", 3.0, 2.0), ("two", 30.0, 20.0)],
    )


def test_reduce_can_spread_the_labels() -> None:
    assert said(done([S1, S2], "reduce", reducers=["last"], labelsToFields=True)[0]) == (
        ["pod", "Last"],
        [("p1", 3.0), ("p2", 30.0)],
    )


def test_filter_by_name_takes_names_and_patterns() -> None:
    assert [one.shown for one in done([A], "filterFieldsByName", include={"names": ["name"]})[0].columns] == [
        "name"
    ]
    assert [one.shown for one in done([A], "filterFieldsByName", exclude={"pattern": "/^V/"})[0].columns] == [
        "name"
    ]


@pytest.mark.parametrize("operator, found", [("+", 11.0), ("-", -9.0), ("*", 10.0), ("/", 0.1)])
def test_calculate_joins_two_series(operator: str, found: float) -> None:
    rule = {"left": "one", "operator": operator, "right": "two"}
    made = done([S1, S2], "calculateField", mode="binary", binary=rule, alias="c")[0]
    assert made.find("c") is not None
    assert said(made)[1][0][-1] == found


def test_calculate_adds_up_a_row() -> None:
    joined = done([S1, S2], "joinByField")
    assert [
        row[-1]
        for row in done(joined, "calculateField", mode="reduceRow", reduce={"reducer": "sum"})[0].rows()
    ] == [11, 22, 33]


def test_division_by_zero_is_unknown() -> None:
    zero = series("two", {}, [0, 0, 0])
    made = done(
        [S1, zero], "calculateField", mode="binary", binary={"left": "one", "operator": "/", "right": "two"}
    )
    assert said(made[0])[1][0][-1] is None


def test_sort_by_puts_the_unknown_last() -> None:
    table = Table("A", (numbers("v", [2, None, 3]),))
    assert said(done([table], "sortBy", sort=[{"field": "v", "desc": True}])[0])[1] == [
        (3.0,),
        (2.0,),
        (None,),
    ]


def test_labels_become_columns() -> None:
    assert said(done([S1], "labelsToFields")[0])[0] == ["Time", "pod", "Value"]


def test_group_by_calculates_the_others() -> None:
    table = Table("A", (texts("k", ["a", "b", "a"]), numbers("v", [1, 5, 3])))
    found = done(
        [table],
        "groupBy",
        fields={
            "k": {"operation": "groupby"},
            "v": {"operation": "aggregate", "aggregations": ["sum", "count"]},
        },
    )
    assert said(found[0]) == (["k", "v (sum)", "v (count)"], [("a", 4.0, 2.0), ("b", 5.0, 1.0)])


def test_series_become_rows_the_newest_first() -> None:
    assert said(done([S1, S2], "seriesToRows")[0])[1][:2] == [(2000, "two", 30.0), (2000, "one", 3.0)]


@pytest.mark.parametrize(
    "test, kept",
    [
        ({"id": "greater", "options": {"value": 1}}, ["y"]),
        ({"id": "equal", "options": {"value": 1}}, ["x"]),
        ({"id": "isNull"}, []),
        ({"id": "between", "options": {"from": 1.5, "to": 9}}, ["y"]),
        ({"id": "notSubstring", "options": {"value": "1"}}, ["y"]),
        ({}, ["x", "y"]),
    ],
)
def test_rows_are_filtered_by_value(test: dict[str, Any], kept: list[str]) -> None:
    found = done([A], "filterByValue", filters=[{"fieldName": "Value", "config": test}])
    assert [row[0] for row in found[0].rows()] == kept


def test_a_condition_that_nobody_knows_is_told() -> None:
    test = {"fieldName": "Value", "config": {"id": "isPretty"}}
    with pytest.raises(BadTransformationError, match="isPretty"):
        done([A], "filterByValue", filters=[test])


def test_one_fitting_condition_is_enough_unless_all_are_asked_for() -> None:
    tests = [{"fieldName": "Value", "config": {"id": "equal", "options": {"value": one}}} for one in (1, 2)]
    assert [len(done([A], "filterByValue", filters=tests, match=match)[0]) for match in ("any", "all")] == [
        2,
        0,
    ]


@pytest.mark.parametrize(
    "options, values",
    [
        ({"mode": "cumulativeFunctions", "cumulative": {"field": "one", "reducer": "sum"}}, [1.0, 3.0, 6.0]),
        ({"mode": "cumulativeFunctions", "cumulative": {"field": "one", "reducer": "mean"}}, [1.0, 1.5, 2.0]),
        ({"mode": "windowFunctions", "window": {"field": "one", "reducer": "mean", "windowSizeMode": "fixed", "windowSize": 2}}, [1.0, 1.5, 2.5]),
        ({"mode": "windowFunctions", "window": {"field": "one", "reducer": "max", "windowSizeMode": "fixed", "windowSize": 3, "windowAlignment": "centered"}}, [2.0, 3.0, 3.0]),
    ],
)  # fmt: skip
def test_a_column_is_summed_up_or_smoothed(options: dict[str, Any], values: list[float]) -> None:
    assert done([S1], "calculateField", **options)[0].columns[-1].values.tolist() == values


def test_rename_by_regex_moves_groups() -> None:
    assert done([S1], "renameByRegex", regex="(o)(ne)", renamePattern="$2$1")[0].columns[1].shown == "neo"


def test_limit_keeps_the_first_rows() -> None:
    assert len(done([A], "limit", limitField=1)[0]) == 1


def test_rows_become_fields() -> None:
    assert said(done([A], "rowsToFields")[0]) == (["x", "y"], [(1.0, 2.0)])


@pytest.mark.parametrize("kind", sorted(every()))
def test_no_transformation_falls_over_nothing_or_strange_options(kind: str) -> None:
    for tables in ([], [Table("A", ())], [A, S1]):
        with suppress(BadTransformationError):
            done(tables, kind, fields="x", options=3)


def test_an_unknown_step_changes_nothing() -> None:
    assert done([A], "of the future") == [A]
