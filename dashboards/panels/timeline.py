"""Stretches of time on lanes: when an alert was pending or firing, when a release stood where."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboards import shapes
from dashboards.panels.base import TITLE, Figure, Frame, Options
from monitor.core.fields import Field


class Timeline:
    """Frames need ``lane`` (text), ``start`` and ``end`` (Unix ms); one frame per state."""

    fields = (TITLE, Field("states", "States", "list", "States in the order of their colours.", default=()))

    def queries(self, options: Options) -> list[str]:
        return shapes.asked(options)

    def figure(self, frames: Sequence[Frame], options: Options) -> Figure:
        full = shapes.anything(frames)
        data = [self._stretches(frame, index) for index, frame in enumerate(full)]
        named = len(full) > 1 or bool(options.get("legend"))
        around = shapes.layout(
            options,
            barmode="overlay",
            bargap=0.4,
            xaxis=shapes.time_axis(options),
            yaxis={"type": "category", "automargin": True, "autorange": "reversed"},
            hovermode="closest",
            showlegend=named,
            # above: below, it would lie on the times, and how high that is depends on the lanes
            legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
            margin={"l": 8, "r": 12, "t": 32 if named else 8, "b": 8},
        )
        return shapes.finished(data, around)

    def _stretches(self, frame: Frame, index: int) -> dict[str, Any]:
        start = np.asarray(frame.columns["start"], dtype=np.int64)
        end = np.asarray(frame.columns["end"], dtype=np.int64)
        return {
            "type": "bar",
            "orientation": "h",
            "name": frame.name,
            "y": [str(lane) for lane in frame.columns["lane"]],
            "base": [int(moment) for moment in start],
            "x": [int(length) for length in np.maximum(end - start, 1)],
            "marker": {"color": shapes.colour_of(frame, index)},
            "hovertemplate": "%{y}<extra>" + frame.name + "</extra>",
        }


PANEL = Timeline()
