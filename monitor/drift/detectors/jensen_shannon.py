"""Jensen-Shannon distance (base 2, 0 to 1) over bins or categories: how well one call tells the windows apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import Sketch
from monitor.core.stats import Floats
from monitor.drift.detectors.base import Kind, Score, binned, need_counts


class JensenShannon:
    """Symmetric and bounded, unlike PSI; sees a new peak that leaves mean and spread as they were.

    Of categories it sees every change of shares, and a category that is new.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("numbers", "categories")
    unit = "JS distance"
    signed = False
    floor = 0.1
    least = 100
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need_counts(self.least, reference, current)
        p, q = (counts / counts.sum() for counts in binned(before, after))
        middle = 0.5 * (p + q)
        divergence = 0.5 * (_relative_entropy(p, middle) + _relative_entropy(q, middle))
        return Score(float(np.sqrt(max(0.0, divergence))), {"divergence_bits": divergence})


def _relative_entropy(p: Floats, q: Floats) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log2(p[some] / q[some])))
