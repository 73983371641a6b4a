"""One value against another: faint points, and the median line through equal bins where it is given."""

from collections.abc import Sequence
from typing import Any

from dashboards import shapes
from dashboards.panels.base import TITLE, UNIT, Figure, Frame, Options
from monitor.core.fields import Field


class Scatter:
    """Frames need ``x`` and ``y``; label ``shape`` = ``line`` draws a frame as its median line.

    A frame may carry ``link``: the address that a click on the point opens.
    """

    fields = (
        TITLE, UNIT,
        Field("x_unit", "Unit across", help="Unit of the horizontal axis.", default="number"),
        Field("x_title", "Title across", help="What the horizontal axis shows.", default=""),
        Field("log", "Logarithmic", "flag", "A logarithmic vertical axis.", default=False),
        Field("x_log", "Logarithmic across", "flag", "A logarithmic horizontal axis.", default=False),
    )  # fmt: skip

    def queries(self, options: Options) -> list[str]:
        return shapes.asked(options)

    def figure(self, frames: Sequence[Frame], options: Options) -> Figure:
        full = shapes.anything(frames)
        data = [self._trace(frame, index) for index, frame in enumerate(full)]
        across = shapes.axis(
            str(options.get("x_unit", "number")), str(options.get("x_title", "")),
            drawn=[frame.columns["x"] for frame in full], type="log" if options.get("x_log") else "linear",
        )  # fmt: skip
        vertical = shapes.axis(
            str(options.get("unit", "number")), drawn=[frame.columns["y"] for frame in full],
            type="log" if options.get("log") else "linear",
        )  # fmt: skip
        if not options.get("log"):
            vertical["rangemode"] = "tozero"
        around = shapes.layout(
            options, xaxis=across, yaxis=vertical, hovermode="closest", showlegend=len(full) > 1
        )
        return shapes.finished(data, around)

    def _trace(self, frame: Frame, index: int) -> dict[str, Any]:
        colour = shapes.colour_of(frame, index)
        trace: dict[str, Any] = {
            "type": "scatter",
            "name": frame.name,
            "x": shapes.numbers(frame.columns["x"], 3),
            "y": shapes.numbers(frame.columns["y"], 3),
        }
        if frame.labels.get("shape") == "line":
            return trace | {
                "mode": "lines+markers",
                "line": {"color": colour, "width": 2.4},
                "marker": {"size": 6},
            }
        trace |= {
            "mode": "markers",
            "marker": {"color": colour, "size": 4, "opacity": 0.35},
            "showlegend": False,
        }
        if "link" in frame.columns:
            trace["customdata"] = [str(link) for link in frame.columns["link"]]
        return trace


PANEL = Scatter()
