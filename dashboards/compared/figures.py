"""The charts of a comparison: every side in each, in its colour."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from django.utils.translation import gettext as _

from dashboards import ask, numbers
from dashboards.charts import Chart, draw
from dashboards.compared import arms
from dashboards.compared.arms import Loaded
from dashboards.compared.sides import Side
from dashboards.lines import pinned
from dashboards.panels.base import Frame
from dashboards.visit import Visit
from monitor import query
from monitor.drift import read as drift

POINTS_DRAWN = 300
POINTS = 120
# of the time range, for latency against calls in flight
MOMENTS = 200
Answer = list[Frame] | ask.AskError

P50 = "histogram_quantile(0.5, sum(rate(llm_request_duration_seconds{PICK}[W])))"
P99 = "histogram_quantile(0.99, sum(rate(llm_request_duration_seconds{PICK}[W])))"
# Little's law: arrivals times the time each stays
IN_FLIGHT = "histogram_sum(sum(rate(llm_request_duration_seconds{PICK}[W])))"
MARKS = 'histogram_avg(sum(rate(llm_score{PICK,source="judge"}[W])))'
COST = "1000 * sum(rate(llm_cost_usd_total{PICK}[W])) / sum(rate(llm_requests_total{PICK}[W]))"
ERRORS = (
    "sum by (error) (increase(llm_errors_total{PICK}[W]))"
    " / scalar(sum(increase(llm_requests_total{PICK}[W])))"
)
DRIFT = "max by (feature) (last_over_time(llm_drift_effect{PICK}[1h]))"
SPREAD = "sum(increase(METRIC{PICK}[W]))"
DURATION, TTFT = "llm_request_duration_seconds", "llm_ttft_seconds"
SPEED, LENGTH = "llm_output_tokens_per_second", "llm_output_tokens"
P99_OF_ALL = P99.replace("rate(", "increase(")
# what is asked of each side: about all of its window, and in so many steps of it
OF_ALL = (
    *(SPREAD.replace("METRIC", metric) for metric in (DURATION, TTFT, SPEED, LENGTH)), P99_OF_ALL, ERRORS, DRIFT,
)  # fmt: skip
IN_STEPS = ((P99, POINTS), (MARKS, POINTS), (COST, POINTS), (IN_FLIGHT, MOMENTS), (P50, MOMENTS))


def questions(sides: Sequence[Side]) -> list[query.Asking]:
    """What ``charts`` is going to ask."""
    return [
        *(ask.soon(_of_all(side, expr), side.span.end) for side in sides for expr in OF_ALL),
        *(
            ask.soon_over(_in_steps(side, expr, points), side.span, points)
            for side in sides
            for expr, points in IN_STEPS
        ),
    ]


def _of_all(side: Side, expr: str) -> str:
    """The expression about all of a side's window; drift is watched by version, not by environment."""
    pick = side.pick if expr != DRIFT else side.pick.split(",environment=")[0]
    return ask.windowed(expr.replace("PICK", pick), side.span.width)


def _in_steps(side: Side, expr: str, points: int) -> str:
    return ask.windowed(expr.replace("PICK", side.pick), side.span.window(points))


def charts(visit: Visit, loaded: Sequence[Loaded], *, cumulative: bool) -> dict[str, Chart]:
    """All charts by name; one that fails says why in its place."""
    sides = [one.side for one in loaded]
    return {
        **_distributions(visit, sides, cumulative=cumulative),
        **_shapes(visit, loaded),
        **_times(visit, sides),
        "errors": draw(
            "errors", "bar", _("Failed calls by kind"), _bars(visit, sides, ERRORS, "error"), unit="ratio",
            empty=_("No side failed in this time range."),
        ),
        "drift": draw(
            "drift", "bar", _("Drift by feature"), _bars(visit, sides, DRIFT, "feature"), unit="effect", lying=True, height=300,
            empty=_("No drift watch has compared these versions yet."),
        ),
    }  # fmt: skip


def _distributions(visit: Visit, sides: Sequence[Side], *, cumulative: bool) -> dict[str, Chart]:
    def one(name: str, title: str, metric: str, unit: str, **more: Any) -> Chart:
        frames = spreads(visit, sides, metric, fine=cumulative)
        return draw(name, "histogram", title, frames, unit=unit, cumulative=cumulative, **more)

    note = (
        _("the share of calls that took at most so long")
        if cumulative
        else _("share of calls; the dashed line is p99")
    )
    return {
        "latency": one(
            "latency", _("Latency"), DURATION, "seconds", height=300, note=note,
            marks=_p99s(visit, sides),
        ),
        "ttft": one("ttft", _("Time to first token"), TTFT, "seconds"),
        "speed": one("speed", _("Tokens per second"), SPEED, "tokens_per_second", log=False),
        "answers": one("answers", _("Length of answers"), LENGTH, "tokens"),
    }  # fmt: skip


def _shapes(visit: Visit, loaded: Sequence[Loaded]) -> dict[str, Chart]:
    by_length = arms.by_length(visit, loaded, POINTS_DRAWN)
    crowded = by_crowd(visit, [one.side for one in loaded])
    return {
        "length": draw(
            "length", "scatter", _("Latency against prompt length"), by_length, height=300,
            unit="seconds", x_unit="tokens", x_title=_("input tokens"), x_log=True, log=True,
            note=doubled(by_length) or _("dots: calls, click to open; lines: median of equal bins"),
        ),
        "crowd": draw(
            "crowd", "scatter", _("Latency against calls in flight"), crowded, height=300,
            unit="seconds", x_title=_("calls in flight"), log=True,
            note=_("dots: p50 of one moment; lines: median of equal bins"),
        ),
    }  # fmt: skip


def doubled(frames: Answer) -> str:
    """What twice the prompt costs each side, in words; empty where that can't be said."""
    if isinstance(frames, ask.AskError):
        return ""
    found = [(frame.name, arms.doubling(frame)) for frame in frames if frame.labels.get("shape") == "line"]
    said = [f"{name} ×{numbers.digits(factor)}" for name, factor in found if factor]
    return _("twice the prompt takes: %(factors)s") % {"factors": ", ".join(said)} if said else ""


def _times(visit: Visit, sides: Sequence[Side]) -> dict[str, Chart]:
    timed = pinned(visit)
    return {
        "p99": draw(
            "p99", "timeseries", _("Latency p99 over time"), unit="seconds", log=True, **timed,
            frames=over(visit, sides, P99),
        ),
        "quality": draw(
            "quality", "timeseries", _("Quality"), unit="score", **timed, frames=over(visit, sides, MARKS),
            empty=_("No judge has marked calls of these versions in this time range."), from_zero=False,
        ),
        "cost": draw(
            "cost", "timeseries", _("Cost of 1000 calls"), unit="usd", **timed, frames=over(visit, sides, COST),
            empty=_("No cost_usd was sent with the calls."),
        ),
    }  # fmt: skip


def each(sides: Sequence[Side], answer: Callable[[Side], list[Frame]]) -> Answer:
    """The frames of all sides in their order; the first failed question instead of them."""
    try:
        return [frame for side in sides for frame in answer(side)]
    except ask.AskError as error:
        return error


def over(visit: Visit, sides: Sequence[Side], expr: str, points: int = POINTS) -> Answer:
    """A line of each side, moved over the time of the page."""

    def lines(side: Side) -> list[Frame]:
        asked = _in_steps(side, expr, points)
        return [
            Frame(
                side.label,
                {"time": frame.columns["time"] + side.shift_ms, "value": frame.columns["value"]},
                {},
                side.colour,
            )
            for frame in ask.frames(visit.project_id, asked, side.span, points)
        ]

    return each(sides, lines)


def by_crowd(visit: Visit, sides: Sequence[Side]) -> Answer:
    """Median latency of each moment over the calls in flight then, and the median of equal bins."""
    crowds, latencies = (over(visit, sides, expr, MOMENTS) for expr in (IN_FLIGHT, P50))
    if isinstance(crowds, ask.AskError) or isinstance(latencies, ask.AskError):
        return crowds if isinstance(crowds, ask.AskError) else latencies
    frames = []
    for side in sides:
        found = [
            next((one.columns["value"] for one in listed if one.name == side.label), None)
            for listed in (crowds, latencies)
        ]
        x, y = found
        if x is None or y is None or len(x) != len(y):
            continue
        known = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
        x, y = x[known], y[known]
        frames += [Frame(side.label, {"x": x, "y": y}, {}, side.colour), arms.medians(side, x, y)]
    return [frame for frame in frames if len(frame)]


def spreads(visit: Visit, sides: Sequence[Side], metric: str, *, fine: bool = False) -> Answer:
    """The distribution of each side."""

    def outline(side: Side) -> list[Frame]:
        expr = _of_all(side, SPREAD.replace("METRIC", metric))
        return [
            Frame(side.label, {"low": one.low, "high": one.high, "count": one.count}, {}, side.colour)
            for one in ask.spreads(visit.project_id, expr, side.span.end, fine=fine)
            if len(one.count)
        ]

    return each(sides, outline)


def _p99s(visit: Visit, sides: Sequence[Side]) -> list[dict[str, Any]]:
    found = []
    for side in sides:
        try:
            value = ask.one(visit.project_id, _of_all(side, P99_OF_ALL), side.span.end)
        except ask.AskError:
            continue
        if value is not None:
            found.append({"value": value, "colour": side.colour})
    return found


def _bars(visit: Visit, sides: Sequence[Side], expr: str, label: str) -> Answer:
    """The value of each kind for each side; kinds that no side has are left out."""
    try:
        found = {side.letter: _values(visit, side, expr, label) for side in sides}
    except ask.AskError as error:
        return error
    kinds = sorted({kind for values in found.values() for kind, value in values.items() if value > 0})
    # senders call errors as they like; what drift looks at has a name in every language
    names = [drift.called(kind) if label == "feature" else kind.replace("_", " ") for kind in kinds]
    shown = np.array(names)
    frames = [
        Frame(
            side.label,
            {"category": shown, "value": np.array([found[side.letter].get(kind, 0.0) for kind in kinds])},
            {},
            side.colour,
        )
        for side in sides
    ]
    return frames if kinds else []


def _values(visit: Visit, side: Side, expr: str, label: str) -> dict[str, float]:
    found = ask.readings(visit.project_id, _of_all(side, expr), side.span.end)
    return {one.labels.get(label, ""): one.value for one in found}
