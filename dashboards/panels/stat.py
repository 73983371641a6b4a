"""One big number per frame: its last known value."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from dashboards import shapes
from dashboards.panels.base import EXPR, LEGEND, TITLE, UNIT, Figure, Frame, Options


class Stat:
    """Frames need ``value``; the last finite one is shown."""

    fields = (TITLE, UNIT, EXPR, LEGEND)

    def queries(self, options: Options) -> list[str]:
        return shapes.asked(options)

    def figure(self, frames: Sequence[Frame], options: Options) -> Figure:
        full = shapes.anything(frames)
        unit = str(options.get("unit", "number"))
        form, suffix = shapes.AXES.get(unit, ("~s", ""))
        precise = shapes.precise(unit, form)
        data: list[dict[str, Any]] = []
        for index, frame in enumerate(full):
            known = [value for value in shapes.numbers(frame.columns["value"]) if value is not None]
            data.append({
                "type": "indicator",
                "mode": "number",
                "value": known[-1] if known else None,
                "title": {"text": frame.name if known else f"{frame.name}: unknown"},
                "number": {"valueformat": precise, "suffix": suffix, "font": {"color": shapes.colour_of(frame, index)}},
                "domain": {"column": index, "row": 0},
            })  # fmt: skip
        grid = {"rows": 1, "columns": max(len(data), 1), "pattern": "independent"}
        return shapes.finished(data, shapes.layout(options, grid=grid))


def last_known(frame: Frame) -> float | None:
    """The last finite value of the frame."""
    values = np.asarray(frame.columns["value"], dtype=np.float64)
    finite = values[np.isfinite(values)]
    return float(finite[-1]) if finite.size else None


PANEL = Stat()
