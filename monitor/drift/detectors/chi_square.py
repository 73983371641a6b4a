"""Chi-square over categories as an effect: Cramér's V that two windows of equal size would have, 0 to 1."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import CategorySketch, Sketch
from monitor.drift.detectors.base import Kind, Score, binned, need


class ChiSquare:
    """The effect and not the p-value, which with enough calls finds every benign hour significant.

    The part that few calls cause by chance is taken off, so that windows of any size compare.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("categories",)
    unit = "Cramér's V, 0 to 1"
    signed = False
    floor = 0.05
    least = 50
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need(CategorySketch, self.least, reference, current)
        old, new = binned(before, after)
        some = old + new > 0
        n_old, n_new = old.sum(), new.sum()
        p, q = old[some] / n_old, new[some] / n_new
        squared = float(np.sum((p - q) ** 2 / (p + q))) / 2.0
        by_chance = (p.size - 1) * (1.0 / n_old + 1.0 / n_new) / 4.0
        pooled = (old[some] + new[some]) / (n_old + n_new)
        statistic = float(np.sum((p - q) ** 2 / pooled)) / (1.0 / n_old + 1.0 / n_new)
        facts = {"chi_square": statistic, "categories": float(p.size)}
        return Score(float(np.sqrt(max(0.0, squared - by_chance))), facts)
