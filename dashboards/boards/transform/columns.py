"""Transformations of columns: which there are, in which order, under which names."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as lazy

from dashboards.boards import patterns
from dashboards.boards.reduced import reduce
from dashboards.boards.tables import Column, Table, numbers, plain, texts, times
from dashboards.boards.transform import Options, transformation


@transformation("organize", lazy("Hide, rename and order columns"))
def organize(tables: list[Table], options: Options) -> list[Table]:
    hidden = {name for name, yes in (options.get("excludeByName") or {}).items() if yes}
    kept_only = {name for name, yes in (options.get("includeByName") or {}).items() if yes}
    order = options.get("indexByName") or {}
    titles = options.get("renameByName") or {}
    found = []
    for table in tables:
        kept = [
            one
            for one in table.columns
            if not hidden & {one.name, one.shown} and (not kept_only or kept_only & {one.name, one.shown})
        ]
        kept.sort(key=lambda one: order.get(one.shown, order.get(one.name, len(order) + 1)))
        found.append(replace(table, columns=tuple(_renamed(one, titles) for one in kept)))
    return found


def _renamed(column: Column, titles: dict[str, str]) -> Column:
    title = titles.get(column.shown) or titles.get(column.name)
    return replace(column, title=title) if title else column


@transformation("filterFieldsByName", lazy("Keep the columns with these names, or whose names match"))
def filter_by_name(tables: list[Table], options: Options) -> list[Table]:
    wanted, unwanted = _matcher(options.get("include")), _matcher(options.get("exclude"))
    if not options.get("include") and not options.get("exclude"):
        return tables
    found = []
    for table in tables:
        kept = tuple(
            one
            for one in table.columns
            if (not options.get("include") or wanted(one)) and not (options.get("exclude") and unwanted(one))
        )
        if kept:
            found.append(replace(table, columns=kept))
    return found


def _matcher(rule: Any) -> Any:
    rule = rule or {}
    names = set(rule.get("names") or [])
    pattern = rule.get("pattern") or ""
    body = re.match(r"^/(.*)/\w*$", pattern)
    sought = patterns.compiled(body[1] if body else pattern) if pattern else None
    return lambda column: bool(
        names & {column.name, column.shown}
        or (sought and (sought.search(column.shown) or sought.search(column.name)))
    )


@transformation("renameByRegex", lazy("Rename columns by a regular expression"))
def rename_by_regex(tables: list[Table], options: Options) -> list[Table]:
    body = re.match(r"^/(.*)/\w*$", options.get("regex") or "")
    sought = patterns.compiled(body[1] if body else options.get("regex") or "(.*)")
    new = re.sub(r"\$(\d+)", r"\\g<\1>", options.get("renamePattern") or "")
    return [
        replace(
            table,
            columns=tuple(
                one if one.kind == "time" else replace(one, title=sought.replaced(new, one.shown))
                for one in table.columns
            ),
        )
        for table in tables
    ]


@transformation("convertFieldType", lazy("Read a column as numbers, times or texts"))
def convert(tables: list[Table], options: Options) -> list[Table]:
    wanted = {
        one["targetField"]: one.get("destinationType", "")
        for one in options.get("conversions") or []
        if one.get("targetField")
    }
    return [
        replace(table, columns=tuple(_converted(one, wanted.get(one.shown, "")) for one in table.columns))
        for table in tables
    ]


def _converted(column: Column, kind: str) -> Column:
    if kind == "number" and column.kind != "number":
        return replace(numbers(column.name, [_number(one) for one in plain(column)]), title=column.title)
    if kind == "string" and column.kind != "text":
        return texts(column.name, [_text(one) for one in plain(column)], title=column.title)
    if kind == "time" and column.kind == "number":
        return replace(times([int(one or 0) for one in plain(column)], column.name), title=column.title)
    return column


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)


@transformation("calculateField", lazy("A new column out of others: of two, of a row, or of one"))
def calculate(tables: list[Table], options: Options) -> list[Table]:
    mode = options.get("mode") or "reduceRow"
    if mode == "binary" and len(tables) > 1:
        from dashboards.boards.transform.joining import outer

        tables = [outer(tables)]
    return [_with_new(table, options, mode) for table in tables]


def _with_new(table: Table, options: Options, mode: str) -> Table:
    made = _new_column(table, options, mode)
    if made is None:
        return table
    made = replace(made, title=options.get("alias") or made.shown)
    if options.get("replaceFields"):
        kept = tuple(one for one in table.columns if one.kind == "time")
        return replace(table, columns=(*kept, made))
    return replace(table, columns=(*table.columns, made))


def _new_column(table: Table, options: Options, mode: str) -> Column | None:
    if mode == "index":
        return numbers("Row", range(len(table)))
    if mode == "unary":
        rule = options.get("unary") or {}
        column = table.find(str(rule.get("fieldName", "")))
        work: dict[str, Any] = {
            "abs": np.abs,
            "exp": np.exp,
            "ln": np.log,
            "floor": np.floor,
            "ceil": np.ceil,
            "round": np.round,
        }
        if column is None or rule.get("operator") not in work:
            return None
        return numbers(f"{rule['operator']}({column.shown})", work[rule["operator"]](column.values))
    if mode == "binary":
        rule = options.get("binary") or {}
        left, right = (_side(table, rule.get(side)) for side in ("left", "right"))
        if left is None or right is None:
            return None
        with np.errstate(all="ignore"):
            found = _OPERATORS[rule.get("operator") or "+"](left, right)
        name = f"{_said(rule.get('left'))} {rule.get('operator') or '+'} {_said(rule.get('right'))}"
        return numbers(name, np.broadcast_to(np.where(np.isfinite(found), found, np.nan), (len(table),)))
    if mode in {"cumulativeFunctions", "windowFunctions"}:
        rule = options.get("cumulative" if mode == "cumulativeFunctions" else "window") or {}
        column = table.find(str(rule.get("field") or "")) or next(iter(table.of("number")), None)
        if column is None or column.kind != "number":
            return None
        return _running(column, rule) if mode == "cumulativeFunctions" else _moving(column, rule)
    return _of_row(table, options.get("reduce") or {})


def _of_row(table: Table, rule: Any) -> Column | None:
    names = set(rule.get("include") or [])
    chosen = [one for one in table.of("number") if not names or names & {one.name, one.shown}]
    if not chosen:
        return None
    grid = np.stack([one.values for one in chosen])
    calc = str(rule.get("reducer") or "sum")
    return numbers(calc.capitalize(), [reduce(calc, grid[:, row]) for row in range(grid.shape[1])])


def _running(column: Column, rule: Any) -> Column:
    """The sum or the mean of everything up to each row."""
    total = np.nancumsum(column.values)
    if rule.get("reducer") == "mean":
        total = total / np.maximum(np.cumsum(~np.isnan(column.values)), 1)
    return numbers(f"cumulative {rule.get('reducer') or 'sum'}({column.shown})", total)


def _moving(column: Column, rule: Any) -> Column:
    """A calculation over the rows around each row: before it, or on both sides."""
    count, size = len(column.values), float(rule.get("windowSize") or 0.1)
    width = max(1, int(size if rule.get("windowSizeMode") == "fixed" else size * count))
    after = width // 2 if rule.get("windowAlignment") == "centered" else 0
    calc = str(rule.get("reducer") or "mean")
    found = [
        reduce(calc, column.values[max(0, row + after + 1 - width) : row + after + 1]) for row in range(count)
    ]
    return numbers(f"{rule.get('windowAlignment') or 'trailing'} moving {calc}({column.shown})", found)


_OPERATORS: dict[str, Any] = {
    "+": np.add, "-": np.subtract, "*": np.multiply, "/": np.divide, "%": np.mod, "**": np.power,
}  # fmt: skip


def _side(table: Table, side: Any) -> Any:
    if isinstance(side, dict):
        side = side.get("fixed") or (side.get("matcher") or {}).get("options") or ""
    column = table.find(str(side))
    return column.values if column is not None and column.kind != "text" else _number(side)


def _said(side: Any) -> str:
    if isinstance(side, dict):
        return str(side.get("fixed") or (side.get("matcher") or {}).get("options") or "")
    return str(side)
