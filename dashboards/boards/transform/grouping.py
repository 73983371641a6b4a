"""Transformations that make one row of many."""

from dataclasses import replace
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as lazy

from dashboards.boards.reduced import reduce
from dashboards.boards.tables import Column, Table, guessed, like, numbers, plain, texts
from dashboards.boards.transform import Options, transformation

TITLES = {
    "lastNotNull": "Last *", "last": "Last", "firstNotNull": "First *", "first": "First", "mean": "Mean", "sum": "Total",
    "max": "Max", "min": "Min", "count": "Count", "range": "Range", "delta": "Delta", "stdDev": "StdDev",
}  # fmt: skip


@transformation("reduce", lazy("Each series or column becomes one row of calculated numbers"))
def reduce_all(tables: list[Table], options: Options) -> list[Table]:
    calcs = options.get("reducers") or ["max"]
    if options.get("mode") == "reduceFields":
        return [
            replace(
                table,
                columns=tuple(_one_value(one, calcs[0]) for one in table.columns if one.kind == "number"),
            )
            for table in tables
        ]
    chosen = [
        (table, one)
        for table in tables
        for one in table.columns
        if one.kind == "number" or (options.get("includeTimeField") and one.kind == "time")
    ]
    if options.get("labelsToFields"):
        names = sorted({name for _table, one in chosen for name in one.labels if name != "__name__"})
        heads = [texts(name, [one.labels.get(name, "") for _table, one in chosen]) for name in names]
    else:
        heads = [texts("Field", [one.shown for _table, one in chosen])]
    cells = [
        numbers(
            TITLES.get(calc, calc),
            [reduce(calc, np.asarray(one.values, dtype=float)) for _table, one in chosen],
        )
        for calc in calcs
    ]
    return [Table("reduced", (*heads, *cells))]


def _one_value(column: Column, calc: str) -> Column:
    return replace(column, values=np.array([reduce(calc, column.values)]))


@transformation("groupBy", lazy("One row for each value of the grouped columns, the others calculated"))
def group_by(tables: list[Table], options: Options) -> list[Table]:
    fields: dict[str, Any] = options.get("fields") or {}
    keys = [name for name, rule in fields.items() if rule.get("operation") == "groupby"]
    found = []
    for table in tables:
        heads = [column for name in keys if (column := table.find(name)) is not None]
        if heads:
            found.append(_grouped(table, heads, fields))
    return found


def _grouped(table: Table, heads: list[Column], fields: dict[str, Any]) -> Table:
    groups: dict[tuple[Any, ...], list[int]] = {}
    for row, key in enumerate(zip(*(plain(head) for head in heads), strict=True)):
        groups.setdefault(key, []).append(row)
    columns = [like(head, [key[place] for key in groups]) for place, head in enumerate(heads)]
    for name, rule in fields.items():
        column = table.find(name)
        if column is None or rule.get("operation") != "aggregate":
            continue
        for calc in rule.get("aggregations") or []:
            cells = [_calculated(calc, column, rows) for rows in groups.values()]
            columns.append(guessed(f"{column.shown} ({calc})", cells))
    return Table(table.ref, tuple(columns))


def _calculated(calc: str, column: Column, rows: list[int]) -> Any:
    if calc == "count":
        return len(rows)
    values = [plain(column)[row] for row in rows]
    if column.kind == "text":
        return (
            len(set(values))
            if calc == "distinctCount"
            else values[0]
            if calc.startswith("first")
            else values[-1]
        )
    value = reduce(calc, np.array([np.nan if one is None else one for one in values], dtype=float))
    return None if value != value else value  # noqa: PLR0124 - NaN
