"""Explore: any PromQL, as a chart and a table, and what the question cost."""

from dataclasses import dataclass

import numpy as np
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import ask, numbers
from dashboards.boards import words
from dashboards.charts import Chart, draw
from dashboards.lines import pinned
from dashboards.pages.base import Context, Page
from dashboards.panels.base import Frame
from dashboards.panels.stat import last_known
from dashboards.visit import Visit
from monitor import query
from monitor.core import clock

MOST_LINES = 40
MOST_ROWS = 200
POINTS = 240
EXAMPLES = (
    (lazy("Calls per second by version"), "sum by (model, version) (rate(llm_requests_total[5m]))"),
    (
        lazy("Latency p99 by version"),
        "histogram_quantile(0.99, sum by (model, version) (rate(llm_request_duration_seconds[5m])))",
    ),
    (
        lazy("Share of failed calls"),
        "sum by (version) (rate(llm_errors_total[5m])) / sum by (version) (rate(llm_requests_total[5m]))",
    ),
    (lazy("Output tokens per second, all together"), "histogram_sum(sum(rate(llm_output_tokens[5m])))"),
    (
        lazy("Answers that ignore what was retrieved"),
        (
            'sum by (version) (rate(llm_rag_requests_total{grounding!="used"}[15m]))'
            " / sum by (version) (rate(llm_rag_requests_total[15m]))"
        ),
    ),
    (lazy("GPU memory in use"), "gpu_memory_used_bytes / gpu_memory_total_bytes"),
)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an expression, cut at the place where it is wrong."""

    message: str
    before: str
    after: str
    placed: bool


NOTHING = lazy("The expression is fine, but no series matches it in this time range.")
HISTOGRAMS = lazy("Histograms have no one line; a function makes one of them.")


class Explore(Page):
    name = "explore"
    title = lazy("Explore")
    question = lazy("Any question in PromQL")
    key = "e"

    def show(self, visit: Visit) -> Context:
        expr = visit.params.get("expr", "").strip()
        base: Context = {
            "expr": expr,
            "examples": EXAMPLES,
            "functions": [(one.signature, words.said(one)) for one in query.functions()],
        }
        if not expr:
            return base
        began = clock.monotonic()
        try:
            found = ask.over(visit.project_id, expr, visit.span, POINTS)
        except ask.AskError as error:
            return base | {"fault": fault(expr, error)}
        seconds = clock.monotonic() - began
        frames = lines(found)
        return base | {
            "asked": True,
            "chart": chart(visit, frames, HISTOGRAMS if found.histograms else NOTHING),
            "rows": [(frame.name, numbers.show(last_known(frame))) for frame in frames[:MOST_ROWS]],
            "n": len(found.labels),
            "hidden": max(0, len(found.labels) - MOST_LINES),
            "cost": {
                "samples": numbers.show(found.samples, "count"),
                "seconds": numbers.show(seconds, "seconds"),
            },
            "notes": [*found.warnings, *found.infos],
            "histograms": bool(found.histograms),
        }


def fault(expr: str, error: ask.AskError) -> Fault:
    """The error with its place in the expression."""
    place = error.position
    if place is None or not 0 <= place <= len(expr):
        return Fault(str(error), expr, "", placed=False)
    return Fault(str(error), expr[:place], expr[place:] or "␣", placed=True)


def lines(found: query.Result) -> list[Frame]:
    """One frame a series, with NaN where nothing is known."""
    frames = []
    for row, labels in enumerate(found.labels):
        known = found.floats[row]
        if known.any():
            values = np.where(known, found.values[row], np.nan)
            frames.append(
                Frame(ask.described(labels) or _("value"), {"time": found.times, "value": values}, labels)
            )
    return frames


def chart(visit: Visit, frames: list[Frame], empty: Promise) -> Chart:
    coloured = [
        Frame(one.name, one.columns, one.labels, visit.colours.get(ask.version_of(one.labels), ""))
        for one in frames[:MOST_LINES]
    ]
    distinct = len({one.colour for one in coloured}) == len(coloured)
    return draw(
        "explore", "timeseries", _("Result"), coloured if distinct else frames[:MOST_LINES], height=360,
        from_zero=False, show_legend=len(frames) <= 12, **pinned(visit),
        empty=str(empty),
    )  # fmt: skip


PAGE = Explore()
