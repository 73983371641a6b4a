"""How far the mean vector has moved, in units of the reference's own spread around its mean."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import Sketch, VectorMean
from monitor.drift.detectors.base import Kind, Score, need, same_length


class EmbeddingDistance:
    """The part of the distance that few calls cause by chance is taken off, so that windows of any size compare.

    Sees what the embedder sees: the offline one counts letters and pairs of letters, so it notices another
    vocabulary or language, but not another meaning in the same words.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("vectors",)
    unit = "radius of the reference"
    signed = False
    floor = 0.05
    least = 50
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need(VectorMean, self.least, reference, current)
        same_length(before.mean.size, after.mean.size)
        gap = before.mean - after.mean
        by_chance = before.spread / before.n + after.spread / after.n
        moved = np.sqrt(max(0.0, float(gap @ gap) - by_chance) / before.spread)
        lengths = float(np.linalg.norm(before.mean) * np.linalg.norm(after.mean))
        cosine = 1.0 - float(before.mean @ after.mean) / max(lengths, 1e-12)
        return Score(float(moved), {"cosine_distance": cosine, "distance": float(np.linalg.norm(gap))})
