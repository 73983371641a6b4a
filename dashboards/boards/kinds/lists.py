"""Tables of values: rows as they came, each cell in the manners of its column."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from dashboards.boards.fill import Value, put
from dashboards.boards.kinds import Drawing, Drawn, html
from dashboards.boards.kinds.parts import NOTHING
from dashboards.boards.manners import Manners, token
from dashboards.boards.tables import Column, Table, plain
from dashboards.boards.transform.joining import merge, outer

MOST_ROWS = 300


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    colour: str = ""
    link: str = ""
    moment: str = ""
    sort: str = ""
    right: bool = False


def draw(drawing: Drawing) -> Drawn:
    table = whole(list(drawing.tables))
    if table is None or not len(table):
        return Drawn(empty=NOTHING)
    columns = [(one, drawing.manners(one, table.ref)) for one in table.columns]
    shown = [(one, manners) for one, manners in columns if not manners.hidden and not _dull(one, table)]
    rows = [
        [_cell(drawing, one, manners, value) for (one, manners), value in zip(shown, row, strict=True)]
        for row in list(zip(*(plain(one) for one, _manners in shown), strict=True))[:MOST_ROWS]
    ]
    heads = [(manners.title or one.shown, one.kind == "number") for one, manners in shown]
    return Drawn(html("table", heads=heads, rows=rows, more=max(0, len(table) - MOST_ROWS)))


def whole(tables: list[Table]) -> Table | None:
    """One table of all: series beside each other by time, rows of several queries as one."""
    full = [one for one in tables if len(one)]
    if len(full) < 2:
        return full[0] if full else None
    if all(one.time is not None and len(one.columns) == 2 for one in full):
        joined = outer(full)
        return joined.take(slice(None, None, -1))
    return merge(full, {})[0]


def _dull(column: Column, table: Table) -> bool:
    """A name of a series that is the same in each row says nothing."""
    return column.name == "__name__" and len(set(plain(column))) == 1 and len(table.columns) > 2


def _cell(drawing: Drawing, column: Column, manners: Manners, value: Any) -> Cell:
    if column.kind == "time":
        at = dt.datetime.fromtimestamp(int(value) / 1000, dt.UTC)
        return Cell(
            at.strftime("%Y-%m-%d %H:%M:%S"),
            moment=at.isoformat().replace("+00:00", "Z"),
            sort=str(int(value)),
        )
    shown = manners.show(value)
    link = ""
    if manners.link:
        scope = drawing.scope
        values = {**scope.values, "__value": Value((str(value),))}
        filled = put(
            manners.link.replace("${__value.raw}", str(value)).replace("${__value.text}", shown.text),
            scope.__class__(scope.span, values),
            "url",
        )
        link = filled if filled.startswith(("/", "https://", "http://")) else ""
    sort = "" if value is None else f"{value!r}" if isinstance(value, float) else str(value)
    return Cell(
        shown.text,
        token(shown.colour) if shown.colour and column.kind == "number" else "",
        link,
        "",
        sort,
        column.kind == "number",
    )
