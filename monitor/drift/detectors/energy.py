"""Energy distance: the area between the distribution functions, squared; on logarithms of lengths, 0 to 1."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import Sketch
from monitor.drift.detectors.base import Kind, Score, need_numbers


class Energy:
    """As a share of what two samples of that spread could be apart at most (Székely and Rizzo, 2013).

    Between Wasserstein, which far values lead, and Kolmogorov-Smirnov, which sees one place only.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("numbers",)
    unit = "coefficient, 0 to 1"
    signed = False
    floor = 0.1
    least = 30
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need_numbers(self.least, reference, current)
        grid = np.union1d(before.index, after.index)
        old, new = before.cumulative(grid), after.cumulative(grid)
        steps = np.diff(before.at(grid).positions)
        squared = 2.0 * float((steps * ((old - new) ** 2)[:-1]).sum())
        # twice the mean distance between a value of one side and one of the other
        apart = 2.0 * float((steps * (old * (1.0 - new) + new * (1.0 - old))[:-1]).sum())
        share = squared / apart if apart > 0.0 else 0.0
        return Score(float(np.sqrt(max(0.0, share))), {"energy": squared})
