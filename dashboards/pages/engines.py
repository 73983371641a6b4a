"""Engines: what limits an inference engine, and are its cards the reason? One opens with its charts and its GPUs."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, hinting
from dashboards.boards import known
from dashboards.charts import Chart, draw
from dashboards.colours import slot
from dashboards.lines import POINTS, pinned
from dashboards.numbers import show
from dashboards.pages.base import Context, MissingError, Page
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor import query
from monitor.engines import hints, hosts, read, signals
from monitor.engines.read import CARD_SIGNALS, Engine
from monitor.gpu import read as polled

SPARK_POINTS = 48
KEY = re.compile("[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    title: str | Promise
    unit: str
    hint: str | Promise


COLUMNS = (
    Column("running", lazy("Running"), "count", lazy("Requests in the batch")),
    Column("waiting", lazy("Waiting"), "count", lazy("Requests that have not begun")),
    Column("kv", lazy("KV cache"), "ratio", lazy("Share of the KV cache in use")),
    Column("hits", lazy("Cache hits"), "ratio", lazy("Share of prompt tokens found in the prefix cache")),
    Column(
        "preemptions", lazy("Preemptions"), "per_second", lazy("Running requests thrown out for lack of room")
    ),
    Column("queue_time", lazy("Queue p95"), "seconds", lazy("Time before a request begins")),
    Column("ttft", lazy("TTFT p95"), "seconds", lazy("Time to first token")),
    Column("itl", lazy("ITL p50"), "seconds", lazy("Time between two tokens")),
)
CHARTS: tuple[tuple[str, str | Promise, str, tuple[tuple[str, str | Promise], ...]], ...] = (
    ("requests", lazy("Requests"), "count", (("running", lazy("running")), ("waiting", lazy("waiting")))),
    ("cache", lazy("KV cache and hits"), "ratio", (("kv", lazy("in use")), ("hits", lazy("prefix hits")))),
    ("first", lazy("Time to first token, p95"), "seconds", (("ttft", lazy("TTFT")), ("queue_time", lazy("of it in the queue")))),
    ("token", lazy("Time per token, p50"), "seconds", (("itl", lazy("ITL")), ("tpot", lazy("TPOT")))),
    ("whole", lazy("Whole requests, p95"), "seconds", (("e2e", lazy("end to end")),)),
    ("preempted", lazy("Preemptions per second"), "per_second", (("preemptions", lazy("preempted")),)),
    ("retracted", lazy("Retracted requests"), "count", (("retracted", lazy("retracted")),)),
    ("tokens", lazy("Tokens per second"), "tokens_per_second", (("prompt_tokens", lazy("prompt")), ("output_tokens", lazy("output")))),
    ("length", lazy("Prompt length"), "tokens", (("prompt_length", lazy("mean")),)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as it is shown; ``text`` empty: unknown."""

    text: str
    line: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Row:
    """An instance, its state, and the reason for it."""

    engine: Engine
    cells: list[Cell]
    state: str
    reason: str | Promise
    said: list[str]
    link: str


class Engines(Page):
    name = "engines"
    title = lazy("Engines")
    question = lazy("What limits an engine, and are its cards the reason?")
    key = "m"
    routes: ClassVar = (
        ("", "show", "pages/engines.html"),
        ("<slug:key>/", "detail", "pages/engine.html"),
    )

    def show(self, visit: Visit) -> Context:
        try:
            found, problem = engines(visit), ""
        except (query.Failed, ask.AskError) as error:
            found, problem = [], str(error)
        rows = sorted(
            (row_of(visit, one) for one in found),
            key=lambda row: ("bad", "warn", "unknown", "good").index(row.state),
        )
        return {
            "rows": rows, "columns": COLUMNS, "problem": problem, "override": hosts.OVERRIDE,
            "placed": any(row.engine.cards for row in rows),
        }  # fmt: skip

    def detail(self, visit: Visit, key: str) -> Context:
        found = engines(visit) if KEY.fullmatch(key) else []
        mine = next((one for one in found if one.key == key), None)
        if mine is None:
            raise MissingError(
                _("No such engine told anything in the hour before the end of this time range.")
            )
        row = row_of(visit, mine)
        return {
            "row": row, "engine": mine, "figures": list(zip(COLUMNS, row.cells, strict=True)),
            "charts": charts(visit, mine), "cards": card_charts(visit, mine), "override": hosts.OVERRIDE,
        }  # fmt: skip


def engines(visit: Visit) -> list[Engine]:
    """Every instance at the end of the span."""
    names = known.names(visit.project_id, visit.span.end)
    own = [one.host for one in polled.pollers(visit.project_id) if one.enabled]
    return read.engines(visit.project_id, names, visit.span.end, own_hosts=own)


def row_of(visit: Visit, engine: Engine) -> Row:
    """State and reason: a silent one is unknown; hints; nothing found."""
    cells = [_cell(engine, column) for column in COLUMNS]
    said = [hinting.sentence(one) for one in engine.hints]
    state, reason = verdict(engine)
    return Row(engine, cells, state, reason, said if engine.alive else [], visit.to(f"engines/{engine.key}"))


def verdict(engine: Engine) -> tuple[str, str | Promise]:
    """Unknown while silent or heard too little of; then what its hints say, else whether requests wait."""
    if not engine.alive:
        return "unknown", _("silent")
    waits = hints.waits(engine.seen)
    if engine.hints:
        first = engine.hints[0]
        return "warn" if first.level == "warn" or waits else "good", hinting.title(first)
    if not hints.heard(engine.seen):
        return "unknown", _("too little heard yet")
    if waits:
        return "warn", _("requests wait")
    return "good", _("nothing found")


def _cell(engine: Engine, column: Column) -> Cell:
    name = column.name
    value = engine.now(name)
    if name == "preemptions" and value is None and (retracted := engine.now("retracted")) is not None:
        return Cell(
            _("%(n)s retracted") % {"n": show(retracted, "count")}, _thin(engine.seen.lines["retracted"])
        )
    line = engine.seen.lines.get(name)
    return Cell("" if value is None else show(value, column.unit), [] if line is None else _thin(line))


def _thin(line: Any) -> list[float | None]:
    """Fewer points, each the last known of its stretch."""
    found: list[float | None] = []
    for part in np.array_split(line, SPARK_POINTS):
        told = part[np.isfinite(part)]
        found.append(float(told[-1]) if told.size else None)
    return found


def charts(visit: Visit, engine: Engine) -> list[Chart]:
    """Its signals over the span; what it does not tell has no chart."""
    names = known.names(visit.project_id, visit.span.end)
    window = visit.span.window(POINTS)
    found = []
    for name, title, unit, lines in CHARTS:
        asked = [
            (said, expr) for signal, said in lines
            if (expr := signals.expression(signal, names, window, engine.where)) is not None
        ]  # fmt: skip
        if asked and (frames := _frames(visit, asked)):
            found.append(draw(f"engine-{name}", "timeseries", title, frames, unit=unit, **pinned(visit)))
    return found


def _frames(visit: Visit, asked: Sequence[tuple[str | Promise, str]]) -> list[Frame] | ask.AskError:
    found: list[Frame] = []
    for index, (said, expr) in enumerate(asked):
        try:
            frames = ask.frames(visit.project_id, expr, visit.span, POINTS)
        except ask.AskError as error:
            return error
        found += [Frame(str(said), one.columns, one.labels, slot(index)) for one in frames[:1]]
    return found


CARD_CHARTS: Mapping[str, tuple[str | Promise, str]] = {
    "utilisation": (lazy("Utilisation of its cards"), "ratio"),
    "memory": (lazy("Memory of its cards"), "ratio"),
    "throttled": (lazy("Slowed down by heat or a fault (1 = yes)"), "number"),
}


def card_charts(visit: Visit, engine: Engine) -> list[Chart]:
    """The cards of its host over the same time, one line a card."""
    if not engine.cards:
        return []
    found = []
    for name, (title, unit) in CARD_CHARTS.items():
        try:
            lines = ask.frames(
                visit.project_id, _narrowed(CARD_SIGNALS[name], engine), visit.span, POINTS,
                name=lambda labels: f"{labels.get('host', '')} / {labels.get('gpu', '')}",
            )  # fmt: skip
        except ask.AskError as error:
            found.append(draw(f"cards-{name}", "timeseries", title, error, unit=unit, **pinned(visit)))
            continue
        frames = [Frame(one.name, one.columns, one.labels, slot(index)) for index, one in enumerate(lines)]
        if frames:
            found.append(draw(f"cards-{name}", "timeseries", title, frames, unit=unit, **pinned(visit)))
    return found


def _narrowed(expr: str, engine: Engine) -> str:
    """The question about all cards, about those of this engine."""
    inside = engine.cards_where.strip("{}")
    return re.sub(
        r"\b(gpu_\w+)(?:\{([^}]*)\})?",
        lambda found: f"{found[1]}{{{inside}{',' + found[2] if found[2] else ''}}}",
        expr,
    )


PAGE = Engines()
