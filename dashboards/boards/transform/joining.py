"""Transformations that make one table of several."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as lazy

from dashboards.boards.tables import Column, Table, like, plain
from dashboards.boards.transform import Options, transformation


@transformation("merge", lazy("One table of all: rows that agree where they share columns become one"))
def merge(tables: list[Table], _options: Options) -> list[Table]:
    full = [_with_own_value(table, tables) for table in tables if len(table)]
    if len(full) < 2:
        return full or tables
    heads: dict[str, Column] = {}
    for table in full:
        heads |= {one.shown: one for one in table.columns if one.shown not in heads}
    shared = [
        name for name in heads if all(any(one.shown == name for one in table.columns) for table in full)
    ]
    rows: dict[Any, dict[str, Any]] = {}
    for place, table in enumerate(full):
        names = [one.shown for one in table.columns]
        for number, values in enumerate(table.rows()):
            row = dict(zip(names, values, strict=True))
            key = tuple(row[name] for name in shared) if shared else (place, number)
            mine = rows.setdefault(key, {})
            if any(name in mine and mine[name] != value for name, value in row.items()):
                mine = rows.setdefault((key, place, number), {})
            mine |= row
    return [
        Table(
            "merge",
            tuple(like(head, [row.get(name) for row in rows.values()]) for name, head in heads.items()),
        )
    ]


def _with_own_value(table: Table, tables: Sequence[Table]) -> Table:
    """``Value`` becomes ``Value #A`` where several queries bring one."""
    if len({one.ref for one in tables}) < 2:
        return table
    return replace(
        table,
        columns=tuple(
            replace(one, name=f"Value #{table.ref}", title=one.title if one.labels else "")
            if one.name == "Value" and not one.title
            else one
            for one in table.columns
        ),
    )


def _join(tables: list[Table], options: Options) -> list[Table]:
    name = options.get("byField") or ""
    return [outer(tables, name, inner=options.get("mode") == "inner")] if tables else tables


@transformation("joinByField", lazy("Side by side, rows with the same value of one column become one"))
def join_by_field(tables: list[Table], options: Options) -> list[Table]:
    return _join(tables, options)


@transformation("seriesToColumns", lazy("The older name of joinByField"))
def series_to_columns(tables: list[Table], options: Options) -> list[Table]:
    return _join(tables, options)


def outer(tables: Sequence[Table], name: str = "", *, inner: bool = False) -> Table:
    """All columns beside each other, by ``name`` or else by the time."""
    tables = [_with_own_value(table, tables) for table in tables]
    usable = [(table, _key(table, name)) for table in tables]
    kept = [(table, key) for table, key in usable if key is not None]
    if not kept:
        return tables[0]
    keys: dict[Any, None] = {}
    for _table, key in kept:
        keys |= dict.fromkeys(plain(key))
    maps = [dict(zip(plain(key), range(len(table)), strict=True)) for table, key in kept]
    wanted = [one for one in keys if not inner or all(one in each for each in maps)]
    if kept[0][1].kind == "time":
        wanted.sort()
    columns = [like(kept[0][1], wanted)]
    for (table, key), places in zip(kept, maps, strict=True):
        for column in table.columns:
            if column is key:
                continue
            values = plain(column)
            columns.append(like(column, [values[places[one]] if one in places else None for one in wanted]))
    return Table("joined", tuple(columns))


def _key(table: Table, name: str) -> Column | None:
    if name:
        return table.find(name)
    return table.time or next(iter(table.of("text")), None)


@transformation("concatenate", lazy("All columns of all tables side by side, row by row"))
def concatenate(tables: list[Table], _options: Options) -> list[Table]:
    longest = max((len(table) for table in tables), default=0)
    columns = [
        like(column, [*plain(column), *[None] * (longest - len(table))])
        for table in tables
        for column in table.columns
    ]
    return [Table("concatenated", tuple(columns))] if columns else tables
