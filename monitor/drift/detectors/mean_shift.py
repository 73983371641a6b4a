"""Shift of the mean, signed: "prompts are 31 % longer". The most readable of the effects."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import RealSketch, Sketch
from monitor.drift.detectors.base import Kind, Score, need_numbers


class MeanShift:
    """Of lengths and times the ratio of the geometric means less one; of scores the shift in standard deviations.

    Blind to a change of shape that leaves the mean where it was; steady on small windows.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("numbers",)
    unit = "ratio of change, of scores standard deviations"
    signed = True
    floor = 0.1
    least = 30
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need_numbers(self.least, reference, current)
        moved = after.mean - before.mean
        if isinstance(before, RealSketch):
            return Score(moved / before.deviation, {"mean_before": before.mean, "mean_now": after.mean})
        return Score(float(np.expm1(moved)), {"mean_log_shift": moved})
