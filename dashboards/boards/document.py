"""What a board is: the JSON document that is stored, shipped, imported and edited, with its checks.

Positions count in a grid of 24 columns. Colours are names of tokens: good, warn, bad, neutral, v0 … v6.
"""

from collections.abc import Mapping
from typing import Any

import msgspec
from django.utils.translation import gettext as _

COLUMNS = 24
KINDS = (
    "timeseries", "stat", "gauge", "bargauge", "bar", "pie", "histogram", "heatmap", "table", "states", "compare",
    "text", "row",
)  # fmt: skip
VARIABLE_KINDS = ("query", "custom", "interval", "text", "constant", "datasource")
MOST_PANELS = 500


class BadBoardError(ValueError):
    """A document that is no board; says where and why."""


class Query(msgspec.Struct, omit_defaults=True):
    """One question of a panel. ``shape``: series, table (a row per series) or heatmap (a band per bucket)."""

    expr: str
    ref: str = "A"
    legend: str = ""
    shape: str = "series"
    instant: bool = False
    hidden: bool = False
    least_step: str = ""


class Threshold(msgspec.Struct, omit_defaults=True):
    """From ``value`` on (None: from the beginning) the colour holds."""

    colour: str
    value: float | None = None


class Wording(msgspec.Struct, omit_defaults=True):
    """A value that is shown as a text. ``kind``: value, range, regex or special (null, nan, empty)."""

    kind: str = "value"
    match: str = ""
    low: float | None = None
    high: float | None = None
    text: str = ""
    colour: str = ""


class Override(msgspec.Struct, omit_defaults=True):
    """Other manners for the fields that match. ``by``: name, regex, names, kind or query."""

    by: str = "name"
    match: str = ""
    unit: str = ""
    colour: str = ""
    title: str = ""
    decimals: int | None = None
    hidden: bool = False
    right: bool = False
    # drawn downwards from zero, as what is sent below what is received
    below: bool = False
    others: bool = False
    link: str = ""


class Transformation(msgspec.Struct, omit_defaults=True):
    kind: str
    options: dict[str, Any] = msgspec.field(default_factory=dict)


class Link(msgspec.Struct, omit_defaults=True):
    title: str
    url: str
    keep_time: bool = False


class Panel(msgspec.Struct, omit_defaults=True):
    """One panel; kind ``row`` opens a section that reaches to the next row. ``options`` belong to the kind."""

    id: int
    kind: str
    title: str = ""
    about: str = ""
    x: int = 0
    y: int = 0
    w: int = 12
    h: int = 8
    queries: list[Query] = msgspec.field(default_factory=list)
    unit: str = ""
    decimals: int | None = None
    low: float | None = None
    high: float | None = None
    thresholds: list[Threshold] = msgspec.field(default_factory=list)
    in_percent: bool = False
    wordings: list[Wording] = msgspec.field(default_factory=list)
    overrides: list[Override] = msgspec.field(default_factory=list)
    transformations: list[Transformation] = msgspec.field(default_factory=list)
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    links: list[Link] = msgspec.field(default_factory=list)
    repeat: str = ""
    downwards: bool = False
    collapsed: bool = False


class Choice(msgspec.Struct, omit_defaults=True):
    value: str
    text: str = ""


class Variable(msgspec.Struct, omit_defaults=True):
    """What the reader may choose. ``chosen`` holds ``$__all`` for everything."""

    name: str
    kind: str = "query"
    label: str = ""
    query: str = ""
    choices: list[Choice] = msgspec.field(default_factory=list)
    chosen: list[str] = msgspec.field(default_factory=list)
    many: bool = False
    all: bool = False
    all_value: str = ""
    regex: str = ""
    order: str = ""
    hidden: bool = False


class Annotation(msgspec.Struct, omit_defaults=True):
    """Marks on every chart over time. ``kind``: alerts, releases, or query (where its value begins to be true)."""

    name: str
    kind: str = "alerts"
    expr: str = ""
    on: bool = True
    colour: str = "neutral"


class Board(msgspec.Struct, omit_defaults=True):
    title: str
    about: str = ""
    tags: list[str] = msgspec.field(default_factory=list)
    range: str = "1h"
    refresh: int = 30
    variables: list[Variable] = msgspec.field(default_factory=list)
    annotations: list[Annotation] = msgspec.field(default_factory=list)
    links: list[Link] = msgspec.field(default_factory=list)
    panels: list[Panel] = msgspec.field(default_factory=list)
    # the shipped board that it is a copy of: what was left as shipped follows the reader's language
    shipped: str = ""

    def panel(self, number: int) -> Panel | None:
        return next((panel for panel in self.panels if panel.id == number), None)

    def free_id(self) -> int:
        return max((panel.id for panel in self.panels), default=0) + 1


def read(document: Any) -> Board:
    """The board of a JSON value; raises BadBoardError with the place."""
    try:
        board = msgspec.convert(document, Board)
    except msgspec.ValidationError as error:
        raise BadBoardError(str(error)) from error
    return checked(board)


def parse(text: str | bytes) -> Any:
    """JSON as it was typed or sent; raises BadBoardError."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        message = _("this is not JSON: %(why)s") % {"why": error}
        raise BadBoardError(message) from error


def plain(board: Board) -> dict[str, Any]:
    """The board as JSON values, without what is as usual."""
    found: dict[str, Any] = msgspec.to_builtins(board)
    return found


def text(board: Board) -> str:
    """The board as a JSON text that people can read and compare."""
    return msgspec.json.format(msgspec.json.encode(board), indent=2).decode()


def copied(panel: Panel, **changes: Any) -> Panel:
    """A panel of its own, with some fields changed."""
    return msgspec.structs.replace(msgspec.convert(msgspec.to_builtins(panel), Panel), **changes)


def checked(board: Board) -> Board:
    """Raises BadBoardError where ids clash or a kind is unknown; moves what lies outside of the grid back in."""
    if len(board.panels) > MOST_PANELS:
        message = f"$.panels: {len(board.panels)} panels, more than {MOST_PANELS}"
        raise BadBoardError(message)
    seen: set[int] = set()
    for place, panel in enumerate(board.panels):
        if panel.kind not in KINDS:
            message = f"$.panels[{place}].kind: {panel.kind!r} is not one of {', '.join(KINDS)}"
            raise BadBoardError(message)
        if panel.id in seen:
            message = f"$.panels[{place}].id: {panel.id} is taken by another panel"
            raise BadBoardError(message)
        seen.add(panel.id)
        panel.w = min(max(panel.w, 1), COLUMNS)
        panel.h = min(max(panel.h, 1), 60)
        panel.x, panel.y = min(max(panel.x, 0), COLUMNS - panel.w), max(panel.y, 0)
    for place, variable in enumerate(board.variables):
        if variable.kind not in VARIABLE_KINDS:
            message = (
                f"$.variables[{place}].kind: {variable.kind!r} is not one of {', '.join(VARIABLE_KINDS)}"
            )
            raise BadBoardError(message)
    return board


def is_grafana(document: Any) -> bool:
    """Whether a JSON value is a Grafana board rather than one of ours."""
    inside = document.get("dashboard", document) if isinstance(document, Mapping) else {}
    if isinstance(inside, Mapping) and str(inside.get("apiVersion", "")).startswith("dashboard.grafana.app"):
        return True
    marks = {"schemaVersion", "__inputs", "__requires", "rows", "templating", "timepicker", "elements"}
    panels = inside.get("panels") if isinstance(inside, Mapping) else None
    typed = isinstance(panels, list) and any(isinstance(one, Mapping) and "type" in one for one in panels)
    return typed or bool(isinstance(inside, Mapping) and marks & inside.keys())
