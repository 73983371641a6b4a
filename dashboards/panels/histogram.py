"""Distributions on one axis: the share of calls per bucket, one outline per frame."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dashboards import shapes
from dashboards.panels.base import EXPR, LEGEND, TITLE, UNIT, Column, Figure, Frame, Options
from monitor.core.fields import Field

# of a cumulative curve: so many steps from 0 to 1, and finer ones in the tail
STEPS, TAIL, TAIL_STEPS = 200, 0.99, 5_000


class Histogram:
    """Frames need ``low``, ``high`` (bucket edges, ascending) and ``count``.

    On a logarithmic axis heights are shares per equal step of the logarithm, so that areas stay honest.
    """

    fields = (
        TITLE, UNIT, EXPR, LEGEND,
        Field("log", "Logarithmic", "flag", "A logarithmic value axis, usual for latency.", default=True),
        Field("cumulative", "Cumulative", "flag", "The share of calls up to each value.", default=False),
    )  # fmt: skip

    def queries(self, options: Options) -> list[str]:
        return shapes.asked(options)

    def figure(self, frames: Sequence[Frame], options: Options) -> Figure:
        full = shapes.anything(frames)
        log, cumulative = bool(options.get("log", True)), bool(options.get("cumulative"))
        outline = self._summed if cumulative else self._outline
        data = [outline(frame, index, log=log) for index, frame in enumerate(full)]
        unit = str(options.get("unit", "number"))
        edges = [frame.columns[name] for frame in full for name in ("low", "high")]
        across = shapes.axis(unit, drawn=edges, type="log" if log else "linear")
        share = (
            shapes.axis("ratio", range=[0, 1.02])
            if cumulative
            else {"rangemode": "tozero", "showticklabels": False}
        )
        around = shapes.layout(options, xaxis=across, yaxis=share, hovermode="x")
        around["showlegend"] = bool(options.get("show_legend", len(full) > 1))
        around["shapes"] = [
            {
                "type": "line", "xref": "x", "yref": "paper", "y0": 0, "y1": 1,
                "x0": float(mark["value"]), "x1": float(mark["value"]),
                "line": {"color": mark.get("colour", "var(--neutral)"), "width": 1, "dash": "dash"},
            }
            for mark in options.get("marks", ())
        ]  # fmt: skip
        return shapes.finished(data, around)

    def _outline(self, frame: Frame, index: int, *, log: bool) -> dict[str, Any]:
        low, high, density = densities(
            frame.columns["low"], frame.columns["high"], frame.columns["count"], log=log
        )
        colour = shapes.colour_of(frame, index)
        return {
            "type": "scatter",
            "mode": "lines",
            "name": frame.name,
            "x": shapes.numbers(np.append(low, high[-1:])),
            "y": shapes.numbers(np.append(density, 0.0), 3),
            "line": {"shape": "hv", "color": colour, "width": 1.6},
            "fill": "tozeroy",
            "opacity": 0.75,
            "hovertemplate": "%{x}",
        }

    def _summed(self, frame: Frame, index: int, *, log: bool) -> dict[str, Any]:
        low, high, count = (frame.columns[name] for name in ("low", "high", "count"))
        usable = high > 0 if log else np.ones(len(high), dtype=bool)
        count = np.nan_to_num(np.asarray(count, dtype=np.float64))
        share = np.cumsum(count) / (count.sum() or 1.0)
        # nothing lies below the first bucket, where that has an end
        first = low[usable][:1] if not log or (low[usable][:1] > 0).all() else high[:0]
        usable &= telling(share)
        return {
            "type": "scatter",
            "mode": "lines",
            "name": frame.name,
            "x": shapes.numbers(np.append(first, high[usable])),
            "y": shapes.numbers(np.append(np.zeros(len(first)), share[usable]), 4),
            "line": {"color": shapes.colour_of(frame, index), "width": 1.8},
            "hovertemplate": "%{x}: %{y:.1%}",
        }


def telling(share: Column) -> npt.NDArray[np.bool_]:
    """The points without which the curve would look another: where it gains a step, finer in the tail, and both ends."""
    steps = np.floor(share * np.where(share < TAIL, STEPS, TAIL_STEPS))
    kept: npt.NDArray[np.bool_] = np.append(True, np.diff(steps) > 0)
    kept[:-1] |= kept[1:]
    kept[-1:] = True
    return kept


def densities(low: Column, high: Column, count: Column, *, log: bool) -> tuple[Column, Column, Column]:
    """Edges and the share of the whole per unit of the axis; empty buckets inside are kept as zero."""
    low, high, count = (np.asarray(column, dtype=np.float64) for column in (low, high, count))
    if log:
        usable = low > 0
        low, high, count = low[usable], high[usable], count[usable]
    whole = count.sum() or 1.0
    width = np.log10(high / low) if log else high - low
    return low, high, count / whole / np.where(width > 0, width, 1.0)


PANEL = Histogram()
