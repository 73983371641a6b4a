"""Shift of the geometric mean, signed: "prompts are 31 % longer". The most readable of the effects."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import LogSketch, Sketch
from monitor.drift.detectors.base import Score, need


class MeanShift:
    """Blind to a change of shape that leaves the mean where it was; steady on small windows."""

    fields: tuple[Field, ...] = ()
    kind: Literal["numbers"] = "numbers"
    unit = "ratio of change"
    signed = True
    floor = 0.1
    least = 30
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need(LogSketch, self.least, reference, current)
        means = [float(np.average(np.log(s.values), weights=s.counts)) for s in (before, after)]
        return Score(float(np.expm1(means[1] - means[0])), {"mean_log_shift": means[1] - means[0]})
