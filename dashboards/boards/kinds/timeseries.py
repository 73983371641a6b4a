"""Lines over time: the figure, and a legend with the last values that can be read before it is drawn."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils.translation import gettext_lazy as lazy

from dashboards.boards import units
from dashboards.boards.kinds import Drawing, Drawn, html
from dashboards.boards.manners import Manners, token
from dashboards.boards.reduced import reduce
from dashboards.boards.tables import Column
from dashboards.panels import PANELS
from dashboards.panels.base import Frame, NoDataError

NOTHING = lazy("No data in this time range.")
NOT_OVER_TIME = lazy("These are not values over time; show them as a table or as a number.")
MOST_LEGEND = 40


@dataclass(frozen=True, slots=True)
class Line:
    """A series with its manners and its colour."""

    name: str
    column: Column
    time: Column
    manners: Manners
    colour: str


def lines(drawing: Drawing) -> list[Line]:
    found: list[Line] = []
    for table in drawing.tables:
        if table.time is None or not len(table):
            continue
        for column in table.of("number"):
            manners = drawing.manners(column, table.ref)
            if manners.hidden:
                continue
            name = manners.title or (column.shown if column.title or table.name == "" else table.name)
            found.append(
                Line(name, column, table.time, manners, drawing.colour(column, len(found), manners.colour))
            )
    if len({line.colour for line in found}) < min(len(found), 7):
        # versions of one model behind one colour would be one line to the eye
        found = [
            Line(
                one.name,
                one.column,
                one.time,
                one.manners,
                drawing.colour(Column("", "number", one.column.values), place, one.manners.colour),
            )
            for place, one in enumerate(found)
        ]
    return found


def draw(drawing: Drawing) -> Drawn:
    found = lines(drawing)
    if not found:
        untimed = any(len(table) and table.time is None for table in drawing.tables)
        return Drawn(empty=NOT_OVER_TIME if untimed else NOTHING)
    options = _options(drawing, found)
    frames = [
        Frame(one.name, _columns(one), {"right": "1"} if one.manners.right else {}, one.colour)
        for one in found
    ]
    try:
        figure = PANELS["timeseries"].figure(frames, options)
    except NoDataError:
        return Drawn(empty=NOTHING)
    figure["layout"]["showlegend"] = False
    calc = str(drawing.options.get("calc") or "lastNotNull")
    legend = [] if drawing.options.get("legend") == "hidden" else [
        {"name": one.name, "colour": one.colour, "text": units.show(reduce(calc, one.column.values), one.manners.unit, one.manners.decimals)}
        for one in found[:MOST_LEGEND]
    ]  # fmt: skip
    more = len(found) - len(legend) if legend else 0
    return Drawn(
        html("legend", legend=legend, more=more, beside=drawing.options.get("legend") == "table"), figure
    )


def _columns(line: Line) -> Mapping[str, Any]:
    factor = units.of(line.manners.unit).factor * (-1 if line.manners.below else 1)
    return {"time": line.time.values, "value": line.column.values * factor}


def _options(drawing: Drawing, found: list[Line]) -> dict[str, Any]:
    panel, given = drawing.panel, drawing.options
    first = found[0].manners
    unit = units.of(first.unit)
    limits = []
    if given.get("limits"):
        limits = [
            {"value": first.limit(step) * unit.factor, "colour": token(step.colour)}
            for step in panel.thresholds
            if step.value is not None and math.isfinite(step.value)
        ]
    options: dict[str, Any] = {
        "title": panel.title, "unit": unit.name, "suffix": unit.after, "prefix": unit.before, "stack": bool(given.get("stack")),
        "percent": given.get("stack") == "percent", "style": str(given.get("style") or "line"), "fill": float(given.get("fill") or 0),
        "steps": bool(given.get("steps")), "connect": bool(given.get("connect")), "log": bool(given.get("log")),
        "from_zero": bool(given.get("from_zero", panel.low is None and _near_zero(found))), "limits": limits, "marks": drawing.marks,
        "low": None if panel.low is None else panel.low * unit.factor, "high": None if panel.high is None else panel.high * unit.factor,
        "uirevision": drawing.key, "start_ms": _round(drawing, 0), "end_ms": _round(drawing, 1),
    }  # fmt: skip
    right = next((one.manners for one in found if one.manners.right), None)
    if right is not None and right.unit != first.unit:
        options |= {"right_unit": units.of(right.unit).name, "right_suffix": units.of(right.unit).after}
    return options


def _near_zero(found: list[Line]) -> bool:
    """Whether zero belongs on the axis: the values reach at least over half of the way from it."""
    if any(one.manners.below for one in found):
        return True
    values = np.concatenate([one.column.values for one in found])
    known = values[np.isfinite(values)]
    return bool(known.size and known.min() >= 0 and known.min() <= 0.5 * max(known.max(), 1e-300))


def _round(drawing: Drawing, side: int) -> int:
    """The ends of the axis on the grid of the step, so that a figure only changes when its data do."""
    span, step = drawing.scope.span, drawing.scope.step_seconds * 1000
    moment = span.end if side else span.start
    return int(moment.timestamp() * 1000) // step * step
