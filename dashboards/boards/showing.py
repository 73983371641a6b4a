"""A board for a visit: its variables resolved, its sections laid out, its marks gathered."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dashboards import ask, firing, span
from dashboards.boards import layout, variables
from dashboards.boards.answering import Asker
from dashboards.boards.document import Annotation, Board
from dashboards.boards.fill import Scope, put
from dashboards.boards.layout import Cell, Section
from dashboards.boards.variables import Offer
from dashboards.visit import REFRESH, Visit

MOST_MARKS = 100


@dataclass(frozen=True, slots=True)
class View:
    """Everything that the page and its refreshes need to know."""

    board: Board
    offers: Sequence[Offer]
    scope: Scope
    sections: Sequence[Section]
    asker: Asker

    @property
    def cells(self) -> list[Cell]:
        return [cell for section in self.sections for cell in section.cells]


def settle(visit: Visit, board: Board) -> None:
    """Time and refresh as the board wants them, where the address does not say otherwise."""
    wanted = dict(visit.params)
    if not wanted.keys() & {"range", "from"}:
        wanted["range"] = board.range
        visit.span = span.quick(board.range, visit.now)
    wanted.setdefault("refresh", str(board.refresh) if str(board.refresh) in REFRESH else "30")
    visit.params = wanted


def view(visit: Visit, board: Board) -> View:
    scope = Scope(visit.span)
    offers = variables.resolve(visit.project_id, board.variables, visit.params, scope)
    scope = replace(scope, values=variables.values_of(offers))
    off = set(visit.params.get("off", "").split(","))
    marks = [
        mark
        for one in board.annotations
        if one.on is not (one.name in off)
        for mark in marked(visit, one, scope)
    ]
    asker = Asker(visit.project_id, scope, visit.colours, marks[:MOST_MARKS], visit.span.quick)
    # arranged and saved, copies would move what stands below them further with every time
    once = visit.params.get("edit") == "1"
    return View(board, offers, scope, layout.sections(board, scope.values, once=once), asker)


def marked(visit: Visit, one: Annotation, scope: Scope) -> list[dict[str, Any]]:
    """The marks of one annotation; a failing query marks nothing."""
    if one.kind == "alerts":
        return firing.marks(visit)
    if one.kind == "releases":
        return [
            {"time": int(version.first_seen.timestamp() * 1000), "colour": visit.colour(version.model, version.version), "name": version.name}
            for version in visit.versions
            if visit.span.start <= version.first_seen <= visit.span.end
        ]  # fmt: skip
    try:
        found = ask.over(visit.project_id, put(one.expr, scope), visit.span, 120)
    except ask.AskError:
        return []
    marks = []
    for row in range(min(len(found.labels), 20)):
        known = found.floats[row] & (found.values[row] != 0)
        # where it begins to be true
        begins = known & ~np.concatenate([[False], known[:-1]])
        marks += [
            {"time": int(time), "colour": f"var(--{one.colour})", "name": one.name}
            for time in found.times[begins]
        ]
    return marks


def toggled(visit: Visit, one: Annotation) -> str:
    """The parameter that switches the annotation over."""
    names = [name for name in visit.params.get("off", "").split(",") if name]
    return ",".join([name for name in names if name != one.name] if one.name in names else [*names, one.name])


def only(view_: View, keys: Sequence[str]) -> list[Cell]:
    """The cells of those keys, in the order of the page."""
    wanted = set(keys)
    return [cell for cell in view_.cells if cell.key in wanted]
