"""Changes to a board: panels moved, added, copied, taken away; and what differs between two versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import msgspec
from django.utils.translation import gettext as _

from dashboards.boards import document, forms, naming, rows, specs
from dashboards.boards.answering import Answer
from dashboards.boards.document import (
    Annotation,
    BadBoardError,
    Board,
    Link,
    Panel,
    Query,
    Threshold,
    Variable,
)
from dashboards.boards.fill import Scope, put
from dashboards.boards.layout import Cell
from dashboards.charts import Chart


@dataclass(frozen=True, slots=True)
class Face:
    """A panel as the template shows it; ``answer`` is None while it is still to come."""

    cell: Cell
    title: str
    answer: Answer | None
    alone: str
    links: Sequence[tuple[str, str]] = field(default=())

    @property
    def figure(self) -> str:
        """The figure as JSON that may stand inside a script element; empty without one."""
        figure = self.answer.figure if self.answer else None
        return Chart(self.cell.key, self.title, figure).json if figure else ""

    @property
    def drawn(self) -> bool:
        return self.cell.panel.kind in {"timeseries", "bar", "histogram", "heatmap", "states"}

    @property
    def place(self) -> str:
        """Its place as CSS."""
        cell = self.cell
        return f"--x:{cell.x + 1};--y:{cell.y + 1};--w:{cell.w};--h:{cell.h}"


class Place(msgspec.Struct):
    id: int
    x: int
    y: int
    w: int
    h: int
    # the row it stands below; 0: before the first
    row: int = 0


def move(board: Board, text: str) -> None:
    """Panels to the places that the browser says, each below its row; raises BadBoardError."""
    try:
        places = {one.id: one for one in msgspec.json.decode(text, type=list[Place])}
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadBoardError(str(error)) from error
    for panel in board.panels:
        if panel.kind != "row" and panel.id in places:
            one = places[panel.id]
            panel.x, panel.y, panel.w, panel.h = one.x, one.y, one.w, one.h
    _ordered(board, {number: one.row for number, one in places.items()})


def _ordered(board: Board, rows: Mapping[int, int]) -> None:
    """Rows keep their order; each panel follows its row, from the top left."""
    heads = {one.id: one for one in board.panels if one.kind == "row"}
    groups: dict[int, list[Panel]] = {number: [] for number in (0, *heads)}
    current = 0
    for panel in board.panels:
        if panel.kind == "row":
            current = panel.id
            continue
        wanted = rows.get(panel.id, current)
        groups[wanted if wanted in groups else current].append(panel)
    found: list[Panel] = []
    for number, panels in groups.items():
        if number in heads:
            found.append(heads[number])
        found += sorted(panels, key=lambda one: (one.y, one.x))
    board.panels = found
    document.checked(board)


def row_of(board: Board, number: int) -> int:
    """The row that a panel stands below; 0: before the first."""
    row = 0
    for panel in board.panels:
        if panel.id == number:
            break
        row = panel.id if panel.kind == "row" else row
    return row


def under(board: Board, number: int, row: int) -> None:
    """Puts a panel below everything else of another row."""
    panel, heads = board.panel(number), {one.id for one in board.panels if one.kind == "row"}
    if panel is None or panel.kind == "row" or row not in {0, *heads} or row_of(board, number) == row:
        return
    mates = [one for one in board.panels if one.kind != "row" and row_of(board, one.id) == row]
    panel.x, panel.y = 0, max((one.y + one.h for one in mates), default=panel.y)
    _ordered(board, {number: row})


def add(board: Board, kind: str) -> int:
    """A new panel below everything else; its id."""
    bottom = max((panel.y + panel.h for panel in board.panels), default=0)
    number = board.free_id()
    panel = Panel(number, kind if kind in document.KINDS else "timeseries", y=bottom)
    if kind == "text":
        panel.options = {"content": "## …"}
    elif kind != "row":
        panel.queries = [Query("")]
        panel.thresholds = [Threshold("good"), Threshold("bad", 80)] if kind in {"gauge", "bargauge"} else []
    if kind in {"stat", "gauge"}:
        panel.w, panel.h = 6, 5
    board.panels.append(panel)
    return number


def duplicate(board: Board, number: int) -> None:
    """A copy right below the panel; what stood there moves down."""
    panel = board.panel(number)
    if panel is None:
        return
    place = board.panels.index(panel)
    twin = document.copied(panel, id=board.free_id(), y=panel.y + panel.h)
    for other in board.panels[place + 1 :]:
        if other.kind == "row":
            break
        if other.y >= twin.y:
            other.y += twin.h
    board.panels.insert(place + 1, twin)


def remove(board: Board, number: int) -> None:
    board.panels = [panel for panel in board.panels if panel.id != number]


def replace(board: Board, panel: Panel) -> None:
    board.panels = [panel if one.id == panel.id else one for one in board.panels]


def settings(board: Board, form: Mapping[str, str], before: Board) -> Board:
    """The board after its settings form; a typed document wins over the single fields; raises BadBoardError.

    ``before``: the board as the form showed it. What somebody else changed since is neither undone nor mixed in.
    """
    # browsers end lines their own way
    typed = form.get("document", "").replace("\r\n", "\n").strip()
    written = bool(typed) and typed != document.text(before).strip()
    if before != board and (written or _bare(before) != _bare(board)):
        raise BadBoardError(_("Somebody else changed this board meanwhile. Open its settings again."))
    if written:
        return document.read(document.parse(typed))
    refresh = form.get("refresh", "")
    changes = {
        "title": form.get("title", "").strip() or board.title, "about": form.get("about", "").strip(),
        "tags": [tag.strip() for tag in form.get("tags", "").split(",") if tag.strip()],
        "range": form.get("range", "").strip() or board.range, "refresh": int(refresh) if refresh.isdigit() else board.refresh,
        **lists(board, form),
    }  # fmt: skip
    return document.checked(msgspec.structs.replace(board, **changes))


def _bare(board: Board) -> Board:
    """All that the fields of the form are about."""
    return msgspec.structs.replace(board, panels=[])


def lists(board: Board, form: Mapping[str, str]) -> dict[str, list[Any]]:
    """Variables, marks and links as typed; raises BadBoardError."""
    problems: list[str] = []
    found = {
        "variables": forms.listed(form, "va", board.variables, specs.variable, Variable, problems),
        "annotations": forms.listed(form, "an", board.annotations, specs.annotation, Annotation, problems),
        "links": forms.listed(form, "li", board.links, specs.link, Link, problems),
    }
    if problems:
        raise BadBoardError("; ".join(problems))
    for one in found["variables"]:
        # values that were written out are those of the query field again
        if one.kind in {"custom", "interval"} and one.query:
            one.choices = []
    return found


def list_rows(board: Board) -> dict[str, list[rows.Row]]:
    """The same as rows of a form."""
    variables = forms.plain(board.variables)
    for one in variables:
        if one.get("choices") and not one.get("query"):
            one["query"] = ", ".join(_choice(choice) for choice in one["choices"])
    return {
        "variable_rows": rows.shown("va", variables, specs.variable, {"kind": "query"}),
        "annotation_rows": rows.shown(
            "an", forms.plain(board.annotations), specs.annotation, {"kind": "alerts"}
        ),
        "link_rows": rows.shown("li", forms.plain(board.links), specs.link, {}),
    }


def _choice(one: Mapping[str, str]) -> str:
    value = str(one.get("value", "")).replace(",", "\\,")
    return f"{one['text']} : {value}" if one.get("text") else value


def address(link: Link, scope: Scope, time: Mapping[str, str]) -> str:
    """Where a link leads; only pages here and on the web."""
    url = put(link.url, scope, "url")
    if not url.startswith(("/", "https://", "http://")):
        return ""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(time)}" if link.keep_time else url


def changes(old: Board, new: Board) -> list[tuple[str, str, str]]:
    """(what, before, after) of everything that differs between two versions."""
    found = _differing("", _bare(old), _bare(new))
    mine, theirs = ({panel.id: panel for panel in board.panels} for board in (old, new))
    for number in dict.fromkeys([*mine, *theirs]):
        before, after = mine.get(number), theirs.get(number)
        if before is not None and after is not None:
            found += _differing(f"{after.title or naming.called(after.kind)} · ", before, after)
            continue
        name = next(one.title or naming.called(one.kind) for one in (before, after) if one is not None)
        found.append((f"{name} ({number})", "✓" if before else "", "✓" if after else ""))
    return found


def _differing(lead: str, old: msgspec.Struct, new: msgspec.Struct) -> list[tuple[str, str, str]]:
    before, after = msgspec.to_builtins(old), msgspec.to_builtins(new)
    return [
        (lead + naming.part(name), _said(before.get(name)), _said(after.get(name)))
        for name in dict.fromkeys([*before, *after])
        if before.get(name) != after.get(name)
    ]


def _said(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else msgspec.json.encode(value).decode()
