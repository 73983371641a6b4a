"""How each kind of panel is drawn: HTML that can be read at once, and a figure for Plotly where it has one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.template.loader import render_to_string
from django.utils.functional import Promise

from dashboards.boards import manners
from dashboards.boards.document import Panel
from dashboards.boards.fill import Scope
from dashboards.boards.tables import Column, Table
from dashboards.colours import slot


@dataclass(frozen=True, slots=True)
class Drawing:
    """What there is to draw. ``versions`` are the colours of model versions, the same on every page."""

    key: str
    panel: Panel
    tables: Sequence[Table]
    scope: Scope
    versions: Mapping[str, str] = field(default_factory=dict)
    marks: Sequence[Mapping[str, Any]] = ()
    exprs: Sequence[str] = ()

    @property
    def options(self) -> Mapping[str, Any]:
        return self.panel.options

    def manners(self, column: Column, ref: str = "") -> manners.Manners:
        return manners.of(self.panel, column, ref)

    def colour(self, column: Column, place: int, own: str = "") -> str:
        """The colour of a series: its override, its version's, or the next of the palette."""
        if own:
            return manners.token(own)
        version = f"{column.labels.get('model', '')} {column.labels.get('version', '')}".strip()
        return self.versions.get(version) or slot(place)


@dataclass(frozen=True, slots=True)
class Drawn:
    """``empty`` says why there is nothing."""

    html: str = ""
    figure: dict[str, Any] | None = None
    empty: str | Promise = ""


Draw = Callable[[Drawing], Drawn]


def of(kind: str) -> Draw:
    """The function that draws a kind of panel."""
    from dashboards.boards.kinds import compare, figures, lists, parts, texts, timeseries

    known: dict[str, Draw] = {
        "timeseries": timeseries.draw, "stat": parts.stat, "gauge": parts.gauge, "bargauge": parts.bars, "pie": parts.pie,
        "bar": figures.bar, "histogram": figures.histogram, "heatmap": figures.heatmap, "states": figures.states,
        "table": lists.draw, "text": texts.draw, "compare": compare.draw,
    }  # fmt: skip
    return known[kind]


def html(name: str, **context: Any) -> str:
    # a plain str: what is kept and sent is no longer marked as safe
    return str.__str__(render_to_string(f"boards/{name}.html", context))
