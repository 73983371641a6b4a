"""Transformations of rows: which there are, and in which order."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards.boards import patterns
from dashboards.boards.tables import Table, plain
from dashboards.boards.transform import Options, transformation


@transformation("sortBy", lazy("Order rows by a column"))
def sort_by(tables: list[Table], options: Options) -> list[Table]:
    wanted = next(iter(options.get("sort") or options.get("fields") or []), None)
    if not wanted:
        return tables
    name, down = str(wanted.get("field") or wanted.get("displayName") or ""), bool(wanted.get("desc"))
    return [_sorted(table, name, down=down) for table in tables]


def _sorted(table: Table, name: str, *, down: bool) -> Table:
    column = table.find(name)
    if column is None:
        return table
    values = plain(column)
    known = [place for place, value in enumerate(values) if value is not None]
    known.sort(key=lambda place: values[place], reverse=down)
    # what is unknown stands last in either order
    return table.take(
        np.array(known + [place for place, value in enumerate(values) if value is None], dtype=int)
    )


@transformation("limit", lazy("Only the first rows"))
def limit(tables: list[Table], options: Options) -> list[Table]:
    count = int(options.get("limitField") or 10)
    return [table.take(slice(0, count)) for table in tables]


@transformation("filterByRefId", lazy("Keep the tables of some queries"))
def filter_by_ref(tables: list[Table], options: Options) -> list[Table]:
    text = options.get("include") or options.get("exclude") or ""
    names = patterns.compiled(text if isinstance(text, str) else "|".join(text))
    keep = bool(options.get("include"))
    return [table for table in tables if bool(names.fullmatch(table.ref)) is keep] if text else tables


@transformation("filterByValue", lazy("Keep or leave out rows by their values"))
def filter_by_value(tables: list[Table], options: Options) -> list[Table]:
    rules = options.get("filters") or []
    together = any if options.get("match", "any") == "any" else all
    include = options.get("type", "include") == "include"
    found = []
    for table in tables:
        tests = [
            (table.find(str(rule.get("fieldName", ""))), _test(rule.get("config") or {})) for rule in rules
        ]
        usable = [(plain(column), test) for column, test in tests if column is not None]
        if not usable:
            found.append(table)
            continue
        rows = [
            row
            for row in range(len(table))
            if together(test(values[row]) for values, test in usable) is include
        ]
        found.append(table.take(np.array(rows, dtype=int)))
    return found


COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "greater": operator.gt, "greaterOrEqual": operator.ge, "lower": operator.lt, "lowerOrEqual": operator.le,
}  # fmt: skip


def _test(config: dict[str, Any]) -> Callable[[Any], bool]:
    kind, options = config.get("id"), config.get("options") or {}
    value = options.get("value")
    if kind in COMPARISONS:
        compare, limit = COMPARISONS[kind], float(value or 0)
        return lambda one: one is not None and compare(float(one), limit)
    match kind:
        case "isNull" | "isNotNull":
            return lambda one: (one in (None, "")) is (kind == "isNull")
        case "equal" | "notEqual":
            return lambda one: _same(one, value) is (kind == "equal")
        case "regex":
            sought = patterns.compiled(str(value))
            return lambda one: bool(sought.search("" if one is None else str(one)))
        case "range" | "between":
            low, high = float(options.get("from") or 0), float(options.get("to") or 0)
            return lambda one: one is not None and low < float(one) < high
        case "substring" | "notSubstring":
            return lambda one: (str(value) in ("" if one is None else str(one))) is (kind == "substring")
        case None:
            return lambda _one: True
        case _:
            message = _("there is no condition “%(kind)s”") % {"kind": kind}
            raise ValueError(message)


def _same(one: Any, value: Any) -> bool:
    return str(one) == str(value) or (isinstance(one, float) and str(value) == f"{one:g}")
