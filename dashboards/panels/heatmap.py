"""Distributions over time: time across, value up, darker where more calls fell."""

from collections.abc import Sequence

import numpy as np

from dashboards import shapes
from dashboards.panels.base import EXPR, TITLE, UNIT, Figure, Frame, NoDataError, Options
from monitor.core.fields import Field


class Heatmap:
    """One frame per value band: ``time`` and ``value`` (a count), with its lower and upper edge as labels."""

    fields = (
        TITLE, UNIT, EXPR,
        Field("log", "Logarithmic", "flag", "A logarithmic value axis.", default=True),
    )  # fmt: skip

    def queries(self, options: Options) -> list[str]:
        return shapes.asked(options)

    def figure(self, frames: Sequence[Frame], options: Options) -> Figure:
        bands = sorted(shapes.anything(frames), key=lambda frame: float(frame.labels["low"]))
        times = np.unique(
            np.concatenate([np.asarray(band.columns["time"], dtype=np.int64) for band in bands])
        )
        counts = np.full((len(bands), len(times)), np.nan)
        for row, band in enumerate(bands):
            counts[row, np.searchsorted(times, band.columns["time"])] = band.columns["value"]
        if not np.isfinite(counts).any():
            message = "no data in this time range"
            raise NoDataError(message)
        edges = [float(band.labels["low"]) for band in bands] + [float(bands[-1].labels["high"])]
        trace = {
            "type": "heatmap",
            "name": str(options.get("title", "")),
            "x": [int(time) for time in times],
            "y": edges,
            "z": [shapes.numbers(row, 3) for row in counts],
            "colorscale": "Cividis",
            "hoverongaps": False,
            "colorbar": {"thickness": 8, "outlinewidth": 0},
            "hovertemplate": "%{z}<extra></extra>",
        }
        kind = {"type": "log"} if options.get("log", True) and edges[0] > 0 else {}
        vertical = shapes.axis(str(options.get("unit", "number")), drawn=[np.array(edges)], **kind)
        around = shapes.layout(options, xaxis=shapes.time_axis(options), yaxis=vertical, hovermode="closest")
        return shapes.finished([trace], around)


PANEL = Heatmap()
