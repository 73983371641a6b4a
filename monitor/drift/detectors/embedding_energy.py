"""Energy distance of vectors: how much farther vectors of the two windows lie apart than those of one; 0 to 1."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import Sketch, VectorSample
from monitor.core.stats import Floats
from monitor.drift.detectors.base import Kind, Score, need, same_length
from monitor.drift.engine.vectors import squares_apart

SEED = 20_261_122
# every pair is looked at: of a long reference so many vectors are enough
MOST = 800


class EmbeddingEnergy:
    """As a share of what lies between the two (Székely and Rizzo, 2013); no width to choose, unlike with a kernel.

    Sees a shift of the middle as well as another spread; pairs of a vector with itself are left out, so that
    windows of any size compare.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("samples",)
    unit = "coefficient, 0 to 1"
    signed = False
    floor = 0.05
    least = 50
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need(VectorSample, self.least, reference, current)
        same_length(before.vectors.shape[1], after.vectors.shape[1])
        old, new = _some(before.vectors), _some(after.vectors)
        between = float(_apart(old, new).mean())
        within = [float(_apart(one, one).sum()) / (len(one) * (len(one) - 1)) for one in (old, new)]
        energy = 2.0 * between - sum(within)
        share = max(0.0, energy) / (2.0 * between) if between > 0.0 else 0.0
        return Score(float(np.sqrt(share)), {"energy": energy})

    def newness(self, reference: VectorSample, current: VectorSample, vectors: Floats) -> Floats:
        """How much nearer a vector lies to those of now."""
        old, new = (_apart(vectors, _some(one.vectors)).mean(axis=1) for one in (reference, current))
        found: Floats = old - new
        return found


def _some(vectors: Floats) -> Floats:
    if len(vectors) <= MOST:
        return vectors
    chosen: Floats = vectors[np.sort(np.random.default_rng(SEED).choice(len(vectors), MOST, replace=False))]
    return chosen


def _apart(one: Floats, other: Floats) -> Floats:
    found: Floats = np.sqrt(np.maximum(squares_apart(one, other), 0.0))
    return found
