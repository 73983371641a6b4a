"""Kolmogorov-Smirnov distance: the widest gap between the two distribution functions, 0 to 1."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import Sketch
from monitor.drift.detectors.base import Kind, Score, need_numbers


class KolmogorovSmirnov:
    """The distance, not its p-value: with enough calls a p-value finds every benign hour significant."""

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("numbers",)
    unit = "share of calls"
    signed = False
    floor = 0.1
    least = 30
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need_numbers(self.least, reference, current)
        grid = np.union1d(before.index, after.index)
        gaps = before.cumulative(grid) - after.cumulative(grid)
        widest = int(np.argmax(np.abs(gaps)))
        where = before.at(grid[widest : widest + 1]).values[0]
        return Score(float(abs(gaps[widest])), {"widest_at": float(where)})
