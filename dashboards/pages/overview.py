"""Overview: is anything wrong now, and in which model and version? The worst stands first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, numbers
from dashboards.charts import Chart, draw
from dashboards.firing import Firing, firing_now, marks
from dashboards.lines import by_version, pinned
from dashboards.pages.base import Context, Page
from dashboards.visit import Visit
from monitor import query

SPARK_POINTS = 32
CHART_POINTS = 120
BY = "by (model, version)"
RATE = f"sum {BY} (rate(llm_requests_total[W]))"
ERRORS = f"((sum {BY} (rate(llm_errors_total[W])) or 0 * {RATE}) / {RATE})"
# a version this much slower at p99 than the one with the most traffic is worth a look
WORTH_A_LOOK = 1.5
LEAST_ERRORS = 0.01
DRIFT_PAGE, DRIFT_WARN = 1.0, 0.7


@dataclass(frozen=True, slots=True)
class Column:
    """One figure per version: PromQL with [W] for the window, grouped by model and version.

    ``worse``: +1 when more is worse, -1 when less is. ``leap``: a change since yesterday that is worth a look,
    as a share (shares and marks: in their own unit).
    """

    name: str
    title: str | Promise
    unit: str
    expr: str
    worse: int = 0
    leap: float = 0.5
    hint: str | Promise = ""


COLUMNS = (
    Column("traffic", lazy("Traffic"), "per_second", RATE, hint=lazy("Calls per second, and the share of all calls")),
    Column(
        "p99", lazy("p99"), "seconds",
        f"histogram_quantile(0.99, sum {BY} (rate(llm_request_duration_seconds[W])))", 1, hint=lazy("99 % of calls end sooner"),
    ),
    Column(
        "ttft", lazy("TTFT p95"), "seconds",
        f"histogram_quantile(0.95, sum {BY} (rate(llm_ttft_seconds[W])))", 1, hint=lazy("Time to first token"),
    ),
    Column(
        "tpot", lazy("TPOT p50"), "seconds",
        f"histogram_quantile(0.5, sum {BY} (rate(llm_tpot_seconds[W])))", 1, hint=lazy("Time per output token"),
    ),
    Column(
        "speed", lazy("Tokens/s"), "tokens_per_second",
        f"histogram_quantile(0.5, sum {BY} (rate(llm_output_tokens_per_second[W])))", -1, hint=lazy("Median speed of one answer"),
    ),
    Column("errors", lazy("Errors"), "ratio", ERRORS, 1, leap=0.01, hint=lazy("Share of calls that failed")),
    Column(
        "quality", lazy("Quality"), "score",
        f'avg {BY} (histogram_avg(sum by (model, version, score) (rate(llm_score{{source="judge"}}[W]))))', -1, hint=lazy("Mean mark of the judges, 0 to 5"), leap=0.3,
    ),
    Column(
        "drift", lazy("Drift"), "effect",
        f"max {BY} (last_over_time(llm_drift_evidence[1h]))", 1, leap=0.3, hint=lazy("Evidence of all signals: 0.7 warns, 1 is drift"),
    ),
    Column(
        "grounding", lazy("Grounded"), "ratio",
        f'sum {BY} (rate(llm_rag_requests_total{{grounding="used"}}[W])) / sum {BY} (rate(llm_rag_requests_total[W]))',
        -1, hint=lazy("Share of retrieval answers that use what was retrieved"), leap=0.1,
    ),
    Column("gpu", lazy("GPU"), "ratio", f'avg {BY} (gpu_utilization_ratio{{model!=""}})', 0, hint=lazy("Utilisation of the cards that serve it")),
)  # fmt: skip
# title, unit, question
TILES: tuple[tuple[str | Promise, str, str], ...] = (
    (lazy("calls"), "count", "sum(increase(llm_requests_total[W]))"),
    (lazy("fail"), "ratio", "(sum(rate(llm_errors_total[W])) or vector(0)) / sum(rate(llm_requests_total[W]))"),
    (lazy("output tokens"), "tokens", "histogram_sum(sum(increase(llm_output_tokens[W])))"),
    (lazy("cost"), "usd", "sum(increase(llm_cost_usd_total[W]))"),
    (lazy("GPU use"), "ratio", "avg(gpu_utilization_ratio)"),
    (lazy("hottest GPU"), "celsius", "max(gpu_temperature_celsius)"),
)  # fmt: skip
# name, title, unit, question, how it is drawn
CHARTS: tuple[tuple[str, str | Promise, str, str, dict[str, Any]], ...] = (
    ("traffic", lazy("Calls per second"), "per_second", RATE, {"stack": True}),
    ("p99", lazy("Latency p99"), "seconds", COLUMNS[1].expr, {"log": True}),
    ("errors", lazy("Share of failed calls"), "ratio", ERRORS, {}),
)
WHY_UNKNOWN: Mapping[str, str | Promise] = {
    "quality": lazy("no judge has marked its calls in this time"),
    "drift": lazy("nothing to compare this version with yet"),
    "grounding": lazy("no retrieval calls"),
    "gpu": lazy("cards carry no model label; see the GPU page"),
    "ttft": lazy("ttft_seconds was not sent"),
    "tpot": lazy("needs ttft_seconds and output_tokens"),
    "speed": lazy("needs duration_seconds and output_tokens"),
}


@dataclass(slots=True)
class Cell:
    """A number as it is shown; ``tone`` is good, bad or empty."""

    column: Column
    value: float | None
    delta: str = ""
    tone: str = ""
    leapt: float = 0.0
    line: list[float | None] = field(default_factory=list)
    note: str = ""

    @property
    def text(self) -> str:
        return numbers.show(self.value, self.column.unit)

    @property
    def why(self) -> str | Promise:
        return WHY_UNKNOWN.get(self.column.name, lazy("no data in this time"))


@dataclass(slots=True)
class Row:
    """One version: its cells, its state, and the reason for it."""

    model: str
    version: str
    cells: list[Cell]
    state: str = "good"
    reason: str = ""
    badness: float = 0.0

    def value(self, name: str) -> float | None:
        return next((cell.value for cell in self.cells if cell.column.name == name), None)


class Overview(Page):
    name = "overview"
    title = lazy("Overview")
    question = lazy("Is anything wrong now, and in which model and version?")
    key = "o"

    def show(self, visit: Visit) -> Context:
        # a watchdog always fires; it is told by its silence
        alarms = [one for one in firing_now(visit) if one.severity != "none"]
        with ask.together(visit.project_id, questions(visit)):
            try:
                table = rows(visit, alarms)
                problem = ""
            except ask.AskError as error:
                table, problem = [], str(error)
            return {
                "columns": [cell.column for cell in table[0].cells] if table else COLUMNS,
                "rows": table,
                "problem": problem,
                "alarms": alarms,
                "yesterday": visit.span.before == "1d",
                "tiles": tiles(visit),
                "charts": [*charts(visit)],
            }


def questions(visit: Visit) -> list[query.Asking]:
    """What the page is going to ask."""
    span, whole = visit.span, visit.span.width
    at_end = [one.expr for one in COLUMNS] + [earlier(one.expr, span.before) for one in COLUMNS]
    sparks, lines = span.window(SPARK_POINTS), span.window(CHART_POINTS)
    return [
        *(ask.soon(ask.windowed(expr, whole), span.end) for expr in at_end),
        *(ask.soon(ask.windowed(expr, whole), span.end) for _title, _unit, expr in TILES),
        *(ask.soon_over(ask.windowed(one.expr, sparks), span, SPARK_POINTS) for one in COLUMNS),
        *(ask.soon_over(ask.windowed(expr, lines), span, CHART_POINTS) for _, _, _, expr, _ in CHARTS),
    ]


def rows(visit: Visit, alarms: Sequence[Firing]) -> list[Row]:
    """One row per version with calls in the span, the worst first. Three questions per column, whatever the rows."""
    window = visit.span.width
    now = {column.name: _values(visit, column.expr, window) for column in COLUMNS}
    before = {
        column.name: _values(visit, earlier(column.expr, visit.span.before), window) for column in COLUMNS
    }
    lines = {column.name: _lines(visit, column) for column in COLUMNS}
    whole = sum(now["traffic"].values()) or 1.0
    found = []
    for model, version in now["traffic"]:
        key = (model, version)
        cells = [
            _cell(
                column,
                now[column.name].get(key),
                before[column.name].get(key),
                lines[column.name].get(key, []),
            )
            for column in COLUMNS
        ]
        cells[0].note = numbers.show(now["traffic"][key] / whole, "ratio")
        found.append(Row(model, version, cells))
    if not now["gpu"]:
        # cards rarely say whom they serve; their own page and the tiles below speak of them then
        for row in found:
            row.cells = [cell for cell in row.cells if cell.column.name != "gpu"]
    for row in found:
        _assess(row, found, alarms, now["drift"].get((row.model, row.version)))
    return sorted(found, key=lambda row: (-row.badness, row.model, -(row.value("traffic") or 0)))


def earlier(expr: str, shift: str) -> str:
    """The same question about the time ``shift`` before."""
    for end in ("[W]", "[1h]", '!=""}'):
        expr = expr.replace(end, f"{end} offset {shift}")
    return expr


def _values(visit: Visit, expr: str, window: str) -> dict[tuple[str, str], float]:
    found = ask.readings(visit.project_id, ask.windowed(expr, window), visit.span.end)
    return {(one.labels.get("model", ""), one.labels.get("version", "")): one.value for one in found}


def _lines(visit: Visit, column: Column) -> dict[tuple[str, str], list[float | None]]:
    expr = ask.windowed(column.expr, visit.span.window(SPARK_POINTS))
    frames = ask.frames(visit.project_id, expr, visit.span, SPARK_POINTS)
    return {
        (frame.labels.get("model", ""), frame.labels.get("version", "")): [
            float(value) if np.isfinite(value) else None for value in frame.columns["value"]
        ]
        for frame in frames
    }


def _cell(column: Column, value: float | None, before: float | None, line: list[float | None]) -> Cell:
    cell = Cell(column, value, line=line)
    if value is None or before is None:
        return cell
    cell.delta = numbers.change(value, before, column.unit)
    moved = value - before
    small = abs(moved) < 0.1 * abs(before) if before else moved == 0
    if column.worse and not small:
        cell.tone = "bad" if moved * column.worse > 0 else "good"
    if cell.tone == "bad":
        usual = column.leap * (1.0 if column.unit in {"ratio", "score"} else abs(before))
        cell.leapt = abs(moved) / usual if usual else 0.0
    return cell


def _assess(row: Row, all_rows: Sequence[Row], alarms: Sequence[Firing], evidence: float | None) -> None:
    """State and reason: alerts, failures, slowness against the main version, drift, a leap."""
    mine = [alarm for alarm in alarms if alarm.concerns(row.model, row.version)]
    errors, p99 = row.value("errors") or 0.0, row.value("p99")
    main = max(
        (other for other in all_rows if other.model == row.model),
        key=lambda other: other.value("traffic") or 0.0,
    )
    usual = main.value("p99")
    slower = p99 / usual if p99 and usual and main is not row else 1.0
    row.badness = (
        4.0 * sum(alarm.critical for alarm in mine) + 2.0 * len(mine) + 2.0 * ((evidence or 0) >= DRIFT_PAGE)
        + min(errors / LEAST_ERRORS, 4.0) * 0.5 + min(max(slower - 1, 0.0), 3.0) + sum(c.leapt >= 1 for c in row.cells)
    )  # fmt: skip
    if not row.value("traffic"):
        row.state, row.reason = "unknown", _("no calls now")
    elif mine:
        worst = max(mine, key=lambda alarm: alarm.critical)
        row.state, row.reason = "bad" if worst.critical else "warn", worst.name
    elif errors >= LEAST_ERRORS:
        row.state, row.reason = "warn", _("%(share)s fail") % {"share": numbers.show(errors, "ratio")}
    elif slower >= WORTH_A_LOOK:
        row.state = "warn"
        row.reason = _("p99 %(times)s× of %(version)s") % {
            "times": f"{slower:.1f}",
            "version": main.version or "—",
        }
    elif (evidence or 0) >= DRIFT_WARN:
        row.state, row.reason = "warn", _("drifting")
    elif (leap := max(row.cells, key=lambda cell: cell.leapt)).leapt >= 1:
        what = {"what": leap.column.title, "delta": leap.delta}
        row.state, row.reason = "warn", _("%(what)s %(delta)s since before") % what
    else:
        row.state, row.reason = "good", _("nothing found")


def tiles(visit: Visit) -> list[dict[str, Any]]:
    """The project in a few numbers."""
    found = []
    for title, unit, expr in TILES:
        try:
            value = ask.one(visit.project_id, ask.windowed(expr, visit.span.width), visit.span.end)
        except ask.AskError:
            value = None
        rounded = round(value) if value is not None and unit in {"count", "tokens"} else value
        found.append({"title": title, "text": numbers.show(rounded, unit), "known": value is not None})
    return found


def charts(visit: Visit) -> list[Chart]:
    """Traffic, latency and errors over time, one line a version."""
    window = visit.span.window(CHART_POINTS)
    alerts = marks(visit)
    return [
        draw(
            f"overview-{name}", "timeseries", title, by_version(visit, ask.windowed(expr, window)),
            unit=unit, marks=alerts, **pinned(visit), **more,
            empty=_("No calls in this time range, or too few for a line."),
        )
        for name, title, unit, expr, more in CHARTS
    ]  # fmt: skip


PAGE = Overview()
