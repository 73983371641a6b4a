"""Single numbers: stat, gauge, bars beside each other, shares of a whole. All as HTML, readable without Plotly."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy as lazy

from dashboards import colours, numbers
from dashboards.boards import patterns
from dashboards.boards.kinds import Drawing, Drawn, html
from dashboards.boards.manners import Manners, Shown, token
from dashboards.boards.reduced import reduce
from dashboards.boards.tables import Column, Table, plain
from dashboards.sparks import spark

MOST = 60
SPARK_POINTS = 48
NOTHING = lazy("No data in this time range.")


@dataclass(frozen=True, slots=True)
class Part:
    """One number: its name, how it is shown, and the values it came from."""

    name: str
    value: float | None
    shown: Shown
    colour: str
    manners: Manners
    line: str = ""
    share: float = 0.0


def found(drawing: Drawing) -> list[Part]:
    """Every number of the panel: a calculation over each series, or each row."""
    parts = list(_parts(drawing))
    return parts[: int(drawing.options.get("most") or MOST)]


def _parts(drawing: Drawing) -> Iterator[Part]:
    calc = str(drawing.options.get("calc") or "lastNotNull")
    place = 0
    for table in drawing.tables:
        for column in _chosen(drawing, table):
            manners = drawing.manners(column, table.ref)
            if manners.hidden:
                continue
            if drawing.options.get("rows"):
                for name, value in _by_row(table, column):
                    yield _part(drawing, name, value, column, manners, place)
                    place += 1
                continue
            value = plain(column)[-1] if column.kind == "text" and len(table) else None
            if column.kind == "number":
                value = reduce(calc, column.values)
            yield _part(drawing, manners.title or column.shown, value, column, manners, place)
            place += 1


def _chosen(drawing: Drawing, table: Table) -> list[Column]:
    wanted = str(drawing.options.get("fields") or "")
    if not wanted:
        return table.of("number")
    body = re.match(r"^/(.*)/\w*$", wanted)
    sought = patterns.compiled(body[1] if body else re.escape(wanted))
    return [
        one
        for one in table.columns
        if one.kind != "time" and (sought.search(one.shown) or sought.search(one.name))
    ]


def _by_row(table: Table, column: Column) -> Iterator[tuple[str, float | str | None]]:
    names = [plain(one) for one in table.of("text") if one is not column]
    for row, value in enumerate(plain(column)):
        yield " ".join(str(each[row]) for each in names) or column.shown, value


def _part(
    drawing: Drawing, name: str, value: float | str | None, column: Column, manners: Manners, place: int
) -> Part:
    number = value if isinstance(value, float) and math.isfinite(value) else None
    shown = manners.show(value if isinstance(value, str) else number)
    alone = len(drawing.tables) < 2 and not column.labels.get("version")
    palette = (
        "var(--text)"
        if alone and drawing.panel.kind == "stat" and not manners.colour
        else drawing.colour(column, place, manners.colour)
    )
    return Part(
        name, number, shown, token(shown.colour) if shown.colour else palette, manners, _line(drawing, column)
    )


def _line(drawing: Drawing, column: Column) -> str:
    if not drawing.options.get("graph") or len(column.values) < 3 or column.kind != "number":
        return ""
    parts = np.array_split(column.values, min(SPARK_POINTS, len(column.values)))
    values = [float(np.nanmean(part)) if np.isfinite(part).any() else None for part in parts]
    # numbers only, formatted by sparks.py
    return mark_safe(spark(values))  # noqa: S308


def _of_nothing(drawing: Drawing) -> list[Part]:
    """What a board says itself where nothing answers: often 0, for a count of what never happened."""
    column = Column("Value", "number", np.array([np.nan]))
    manners = drawing.manners(column)
    shown = manners.show(None)
    if shown.text == numbers.UNKNOWN:
        return []
    return [Part("", None, shown, token(shown.colour), manners)]


def stat(drawing: Drawing) -> Drawn:
    parts = found(drawing) or _of_nothing(drawing)
    if not parts:
        return Drawn(empty=NOTHING)
    back = drawing.options.get("colour") == "background"
    single = len(parts) == 1
    named = not single or bool(drawing.options.get("named")) or (parts[0].manners.title != "")
    return Drawn(html("stat", parts=parts, back=back, named=named, single=single))


@dataclass(frozen=True, slots=True)
class Arc:
    """A stretch of a half circle, as an SVG path."""

    path: str
    colour: str


def gauge(drawing: Drawing) -> Drawn:
    parts = found(drawing)
    if not parts:
        return Drawn(empty=NOTHING)
    dials = []
    for part in parts:
        low, high = part.manners.scale
        share = 0.0 if part.value is None else min(max((part.value - low) / (high - low), 0.0), 1.0)
        limits = _limits(part.manners, low, high)
        dials.append({
            "part": part, "value": _arc(0.0, share, 40) if share > 0 else "",
            "limits": [Arc(_arc(begin, end, 47), token(colour)) for begin, end, colour in limits],
        })  # fmt: skip
    return Drawn(html("gauge", dials=dials, track=_arc(0.0, 1.0, 40), named=len(dials) > 1))


def _limits(manners: Manners, low: float, high: float) -> Iterator[tuple[float, float, str]]:
    steps = list(manners.thresholds)
    for place, step in enumerate(steps):
        begin = 0.0 if step.value is None else (manners.limit(step) - low) / (high - low)
        end = (manners.limit(steps[place + 1]) - low) / (high - low) if place + 1 < len(steps) else 1.0
        begin, end = min(max(begin, 0.0), 1.0), min(max(end, 0.0), 1.0)
        if end > begin:
            yield begin, end, step.colour


def _arc(begin: float, end: float, radius: float) -> str:
    """A half circle around (60, 56) from left to right, as shares of it."""
    a, b = math.pi * (1 - begin), math.pi * (1 - end)
    x0, y0 = 60 + radius * math.cos(a), 56 - radius * math.sin(a)
    x1, y1 = 60 + radius * math.cos(b), 56 - radius * math.sin(b)
    return f"M{x0:.1f} {y0:.1f}A{radius} {radius} 0 0 1 {x1:.1f} {y1:.1f}"


def bars(drawing: Drawing) -> Drawn:
    """A bar for each number, on one scale."""
    parts = found(drawing)
    known = [part.value for part in parts if part.value is not None]
    if not known:
        return Drawn(empty=NOTHING)
    fixed = drawing.panel.high is not None or drawing.panel.in_percent
    low, high = parts[0].manners.scale if fixed else (min(0.0, *known), max(0.0, *known) or 1.0)
    shares = [
        0.0 if part.value is None else min(max((part.value - low) / ((high - low) or 1), 0.0), 1.0)
        for part in parts
    ]
    return Drawn(
        html("bars", rows=[(part, f"{100 * share:.1f}") for part, share in zip(parts, shares, strict=True)])
    )


def pie(drawing: Drawing) -> Drawn:
    """Shares of a whole, as a ring with its numbers beside it."""
    parts = [part for part in found(drawing) if part.value is not None and part.value > 0]
    whole = sum(part.value or 0.0 for part in parts)
    if not whole:
        return Drawn(empty=NOTHING)
    slices, begin = [], 0.0
    for place, part in enumerate(sorted(parts, key=lambda one: -(one.value or 0.0))):
        share = (part.value or 0.0) / whole
        colour = colours.slot(place) if not part.manners.colour else part.colour
        slices.append({"part": part, "share": share, "colour": colour, "dash": f"{100 * share:.2f} {100 - 100 * share:.2f}", "turn": f"{25 - 100 * begin:.2f}"})  # fmt: skip
        begin += share
    return Drawn(html("pie", slices=slices))
