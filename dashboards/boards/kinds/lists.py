"""Tables of values: rows as they came, each cell in the manners of its column."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dashboards.boards.fill import Value, put
from dashboards.boards.kinds import Drawing, Drawn, html
from dashboards.boards.kinds.parts import NOTHING
from dashboards.boards.manners import Manners, token
from dashboards.boards.tables import Column, Table, plain
from dashboards.boards.transform.joining import merge, outer

MOST_ROWS = 300
# what the link of a cell may say of its row and of itself
OF_ROW = re.compile(
    r"""\$\{__data\.fields(?:\.(?P<name>\w+)|\[["'](?P<quoted>[^"'\]]+)["']\]|\[(?P<place>\d+)\])(?:\.\w+)?(?::\w+)?\}"""
    r"""|\$\{?__cell(?:_(?P<cell>\d+))?(?::\w+)?\}?|\$\{__value\.(?P<part>raw|text|numeric)(?::\w+)?\}"""
)
Row = Sequence[tuple[Column, Any]]


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
    columns = [(place, one, drawing.manners(one, table.ref)) for place, one in enumerate(table.columns)]
    shown = [each for each in columns if not each[2].hidden and not _dull(each[1], table)]
    whole_rows = list(zip(*(plain(one) for one in table.columns), strict=True))[:MOST_ROWS]
    rows = [
        [
            _cell(drawing, one, manners, row[place], list(zip(table.columns, row, strict=True)))
            for place, one, manners in shown
        ]
        for row in whole_rows
    ]
    heads = [(manners.title or one.shown, one.kind == "number") for _place, one, manners in shown]
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


def _cell(drawing: Drawing, column: Column, manners: Manners, value: Any, row: Row) -> Cell:
    if column.kind == "time":
        at = dt.datetime.fromtimestamp(int(value) / 1000, dt.UTC)
        return Cell(
            at.strftime("%Y-%m-%d %H:%M:%S"),
            moment=at.isoformat().replace("+00:00", "Z"),
            sort=str(int(value)),
        )
    shown = manners.show(value)
    link = _link(drawing, manners.link, value, shown.text, row) if manners.link else ""
    sort = "" if value is None else f"{value!r}" if isinstance(value, float) else str(value)
    return Cell(
        shown.text,
        token(shown.colour) if shown.colour and column.kind == "number" else "",
        link,
        "",
        sort,
        column.kind == "number",
    )


def _link(drawing: Drawing, link: str, value: Any, text: str, row: Row) -> str:
    """Where a cell leads, with what its row says put in; only pages here and on the web."""

    def said(match: re.Match[str]) -> str:
        part, name, place = match["part"], match["name"] or match["quoted"], match["place"] or match["cell"]
        if part is not None:
            found = text if part == "text" else _written(value)
        elif name is not None:
            found = next((_written(each) for column, each in row if name in {column.shown, column.name}), "")
        elif place is not None:
            found = _written(row[int(place)][1]) if int(place) < len(row) else ""
        else:
            found = _written(value)
        return quote(found, safe="")

    scope = drawing.scope
    values = {**scope.values, "__value": Value((_written(value),))}
    filled = put(OF_ROW.sub(said, link), scope.__class__(scope.span, values), "url")
    return filled if filled.startswith(("/", "https://", "http://")) else ""


def _written(value: Any) -> str:
    return "" if value is None else f"{value:.15g}" if isinstance(value, float) else str(value)
