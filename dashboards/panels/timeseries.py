"""Lines over time: one per frame, gaps left open, marks for alerts and releases."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboards import shapes
from dashboards.panels.base import EXPR, LEGEND, TITLE, UNIT, Figure, Frame, Options
from monitor.core.fields import Field

# up to this many points a line also gets dots: a single point would otherwise be invisible
DOTS = 12


class TimeSeries:
    """Frames need ``time`` (Unix ms) and ``value``; ``low`` and ``high`` add a band."""

    fields = (
        TITLE, UNIT, EXPR, LEGEND,
        Field("log", "Logarithmic", "flag", "Spread small and large values evenly.", default=False),
        Field("from_zero", "From zero", "flag", "Start the axis at zero.", default=True),
        Field("stack", "Stacked", "flag", "Pile the series up.", default=False),
        Field("limit", "Limit", "number", "A level to draw across the chart."),
    )  # fmt: skip

    def queries(self, options: Options) -> list[str]:
        return shapes.asked(options)

    def figure(self, frames: Sequence[Frame], options: Options) -> Figure:
        full = shapes.anything(frames)
        data: list[dict[str, Any]] = []
        for index, frame in enumerate(full):
            data += [*self._band(frame, index), self._line(frame, index, options)]
        around = shapes.layout(
            options,
            xaxis=shapes.time_axis(options),
            yaxis=self._vertical(full, options),
            shapes=self._marks(options),
        )
        if any(frame.labels.get("right") for frame in full):
            unit = str(options.get("right_unit", options.get("unit", "number")))
            around["yaxis2"] = shapes.axis(
                unit,
                suffix=str(options.get("right_suffix", "")),
                overlaying="y",
                side="right",
                showgrid=False,
                # round numbers of its own, rather than those beside the lines of the other axis
                tickmode="auto",
            )
        if options.get("style") == "bars":
            around |= {"barmode": "stack" if options.get("stack") else "group", "bargap": 0.1}
        around["showlegend"] = bool(options.get("show_legend", len(full) > 1))
        return shapes.finished(data, around)

    def _vertical(self, full: Sequence[Frame], options: Options) -> dict[str, Any]:
        log = bool(options.get("log"))
        vertical = shapes.axis(
            str(options.get("unit", "number")),
            suffix=str(options.get("suffix", "")),
            drawn=[frame.columns["value"] for frame in full] if log else (),
            **({"type": "log"} if log else {}),
        )
        if not log and options.get("from_zero", True):
            vertical["rangemode"] = "tozero"
        low, high = options.get("low"), options.get("high")
        if not log and (low is not None or high is not None):
            vertical.pop("rangemode", None)
            # null leaves that end to the data
            vertical |= {"range": [low, high], "autorange": "max" if high is None else "min"} if None in {low, high} else {"range": [low, high]}  # fmt: skip
        return vertical

    def _line(self, frame: Frame, index: int, options: Options) -> dict[str, Any]:
        right = bool(frame.labels.get("right"))
        unit = str(options.get("right_unit" if right and "right_unit" in options else "unit", "number"))
        form, suffix = shapes.AXES.get(unit, ("~g", ""))
        suffix += str(options.get("suffix", ""))
        precise = shapes.precise(unit, form)
        line: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines+markers" if len(frame) <= DOTS or lonely(frame) else "lines",
            "marker": {"size": 4},
            "name": frame.name,
            **even_times(frame),
            "y": shapes.numbers(frame.columns["value"]),
            "line": {"color": shapes.colour_of(frame, index), "width": 1.6},
            "connectgaps": bool(options.get("connect", False)),
            "hovertemplate": f"%{{y:{precise}}}{suffix}",
        }
        if right:
            line["yaxis"] = "y2"
        return self._styled(line, shapes.colour_of(frame, index), options)

    def _styled(self, line: dict[str, Any], colour: str, options: Options) -> dict[str, Any]:
        style = options.get("style", "line")
        if style == "bars":
            kept = {
                name: line[name]
                for name in ("name", "x", "x0", "dx", "y", "hovertemplate", "yaxis")
                if name in line
            }
            return kept | {"type": "bar", "marker": {"color": colour}}
        if style == "points":
            return line | {"mode": "markers"}
        if options.get("steps"):
            line["line"]["shape"] = "hv"
        if options.get("stack"):
            line |= {"stackgroup": "all", "line": {**line["line"], "width": 0.5}}
            if options.get("percent"):
                line["groupnorm"] = "fraction"
        elif options.get("fill"):
            # the browser mixes the colour of the line with this much of nothing
            line |= {
                "fill": "tozeroy",
                "fillcolor": colour,
                "meta": {"fill": min(float(options["fill"]), 100) / 100},
            }
        return line

    def _band(self, frame: Frame, index: int) -> list[dict[str, Any]]:
        if "low" not in frame.columns or "high" not in frame.columns:
            return []
        shared: dict[str, Any] = {
            "type": "scatter", "mode": "lines", **even_times(frame), "hoverinfo": "skip", "showlegend": False,
            "line": {"width": 0, "color": shapes.colour_of(frame, index)},
        }  # fmt: skip
        return [
            shared | {"name": f"{frame.name} low", "y": shapes.numbers(frame.columns["low"])},
            shared
            | {
                "name": f"{frame.name} high",
                "y": shapes.numbers(frame.columns["high"]),
                "fill": "tonexty",
                "fillcolor": "rgba(128,128,128,0.18)",
            },
        ]

    def _marks(self, options: Options) -> list[dict[str, Any]]:
        marks = [
            {
                "type": "line", "xref": "x", "yref": "paper", "x0": int(mark["time"]), "x1": int(mark["time"]),
                "y0": 0, "y1": 1, "line": {"color": mark.get("colour", "var(--bad)"), "width": 1, "dash": "dot"},
            }
            for mark in options.get("marks", ())
        ]  # fmt: skip
        limits = list(options.get("limits", ()))
        if options.get("limit") is not None:
            limits.append({"value": float(options["limit"])})
        marks += [
            {
                "type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": one["value"], "y1": one["value"],
                "line": {"color": one.get("colour", "var(--bad)"), "width": 1, "dash": "dash"},
            }
            for one in limits
        ]  # fmt: skip
        return marks


def lonely(frame: Frame) -> bool:
    """Whether a value stands between two gaps: a line alone would not show it."""
    known = np.concatenate(
        [[False], np.isfinite(np.asarray(frame.columns["value"], dtype=np.float64)), [False]]
    )
    return bool((known[1:-1] & ~known[:-2] & ~known[2:]).any())


def even_times(frame: Frame) -> dict[str, Any]:
    """Start and distance when the times are evenly spaced (a tenth of the bytes), else every time."""
    times = np.asarray(frame.columns["time"], dtype=np.int64)
    gaps = np.diff(times)
    if len(times) > 1 and (gaps == gaps[0]).all():
        return {"x0": int(times[0]), "dx": int(gaps[0])}
    return {"x": [int(time) for time in times]}


PANEL = TimeSeries()
