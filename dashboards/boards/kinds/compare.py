"""Two versions side by side: each query's number for A and for B, and how far they are apart."""

import math
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as lazy

from dashboards import numbers
from dashboards.boards import units
from dashboards.boards.fill import put
from dashboards.boards.kinds import Drawing, Drawn, html
from dashboards.boards.reduced import reduce

NEED_TWO = lazy(
    "Two versions are needed: the queries must keep the label that tells them apart, such as version."
)
# differences smaller than this are called the same
SAME = 0.02


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    a: str
    b: str
    change: str
    tone: str


def draw(drawing: Drawing) -> Drawn:
    label = str(drawing.options.get("label") or "version")
    rows: dict[str, dict[str, float]] = {}
    for table in drawing.tables:
        for column in table.of("number"):
            if label in column.labels:
                value = reduce(str(drawing.options.get("calc") or "lastNotNull"), column.values)
                rows.setdefault(table.ref, {})[column.labels[label]] = value
    names = list(dict.fromkeys(name for values in rows.values() for name in values))
    a = put(str(drawing.options.get("a") or ""), drawing.scope, "text") or (names[0] if names else "")
    b = put(str(drawing.options.get("b") or ""), drawing.scope, "text") or next(
        (one for one in names if one != a), ""
    )
    if not a or not b:
        return Drawn(empty=NEED_TWO)
    lines = [_row(drawing, ref, values.get(a), values.get(b)) for ref, values in rows.items()]
    return Drawn(html("compare", rows=lines, a=a, b=b))


def _row(drawing: Drawing, ref: str, a: float | None, b: float | None) -> Row:
    asked = next((one for one in drawing.panel.queries if one.ref == ref), None)
    title = asked.legend if asked and asked.legend and "{{" not in asked.legend else ref
    found = next((one for one in drawing.panel.overrides if one.by == "query" and one.match == ref), None)
    unit = (found.unit if found else "") or drawing.panel.unit
    base = units.of(unit)
    worse = int(drawing.options.get("worse") or 1)
    known = a is not None and b is not None and math.isfinite(a) and math.isfinite(b)
    tone = ""
    if known and a is not None and b is not None:
        moved = (b - a) / abs(a) if a else math.copysign(1.0, b) if b else 0.0
        tone = "" if abs(moved) < SAME else "bad" if moved * worse > 0 else "good"
    change = (
        numbers.change(b * base.factor, a * base.factor, base.name)
        if known and a is not None and b is not None
        else numbers.UNKNOWN
    )
    return Row(title, units.show(a, unit), units.show(b, unit), change, tone)
