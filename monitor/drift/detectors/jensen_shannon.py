"""Jensen-Shannon distance (base 2, 0 to 1) over logarithmic bins: how well one call tells the windows apart."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import LogSketch, Sketch
from monitor.drift.detectors.base import Score, need

# 4 buckets of the sketch together: a fifth of a doubling, so that small windows are not all noise
COARSER = 4


class JensenShannon:
    """Symmetric and bounded, unlike PSI; sees a new peak that leaves mean and spread as they were."""

    fields: tuple[Field, ...] = ()
    kind: Literal["numbers"] = "numbers"
    unit = "JS distance"
    signed = False
    floor = 0.1
    least = 100
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need(LogSketch, self.least, reference, current)
        grid = np.union1d(before.index // COARSER, after.index // COARSER)
        p, q = (_shares(sketch, grid) for sketch in (before, after))
        middle = 0.5 * (p + q)
        divergence = 0.5 * (_relative_entropy(p, middle) + _relative_entropy(q, middle))
        return Score(float(np.sqrt(max(0.0, divergence))), {"divergence_bits": divergence})


def _shares(sketch: LogSketch, grid: np.ndarray) -> np.ndarray:
    found = np.bincount(np.searchsorted(grid, sketch.index // COARSER), sketch.counts, grid.size)
    shares: np.ndarray = found / found.sum()
    return shares


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    some = p > 0
    return float(np.sum(p[some] * np.log2(p[some] / q[some])))
