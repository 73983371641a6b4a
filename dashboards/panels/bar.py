"""Bars from zero: one group per frame over shared categories."""

from collections.abc import Sequence
from typing import Any

from dashboards import shapes
from dashboards.panels.base import EXPR, LEGEND, TITLE, UNIT, Figure, Frame, Options
from monitor.core.fields import Field


class Bar:
    """Frames need ``category`` (text) and ``value``; ``low`` and ``high`` add an interval."""

    fields = (
        TITLE, UNIT, EXPR, LEGEND,
        Field("stack", "Stacked", "flag", "Pile the frames up instead of standing side by side.", default=False),
        Field("lying", "Lying", "flag", "Bars from left to right, for long names.", default=False),
    )  # fmt: skip

    def queries(self, options: Options) -> list[str]:
        return shapes.asked(options)

    def figure(self, frames: Sequence[Frame], options: Options) -> Figure:
        full = shapes.anything(frames)
        lying = bool(options.get("lying"))
        data = [self._bars(frame, index, lying=lying) for index, frame in enumerate(full)]
        value = shapes.axis(str(options.get("unit", "number")), rangemode="tozero")
        category: dict[str, Any] = {"type": "category", "automargin": True}
        around = shapes.layout(
            options,
            barmode="stack" if options.get("stack") else "group",
            bargap=0.3,
            xaxis=value if lying else category,
            yaxis=category | {"autorange": "reversed"} if lying else value,
            hovermode="closest",
            showlegend=len(full) > 1,
        )
        return shapes.finished(data, around)

    def _bars(self, frame: Frame, index: int, *, lying: bool) -> dict[str, Any]:
        category = [str(name) for name in frame.columns["category"]]
        value = shapes.numbers(frame.columns["value"])
        bars: dict[str, Any] = {
            "type": "bar",
            "name": frame.name,
            "orientation": "h" if lying else "v",
            "x": value if lying else category,
            "y": category if lying else value,
            "marker": {"color": shapes.colour_of(frame, index)},
        }
        if "low" in frame.columns and "high" in frame.columns:
            above = shapes.numbers(frame.columns["high"] - frame.columns["value"])
            below = shapes.numbers(frame.columns["value"] - frame.columns["low"])
            bars["error_x" if lying else "error_y"] = {
                "type": "data", "array": above, "arrayminus": below, "thickness": 1.2, "width": 3,
            }  # fmt: skip
        return bars


PANEL = Bar()
