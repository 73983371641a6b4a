"""Classifier two-sample test on vectors: how well a text of the reference can be told from one of now."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import Sketch, VectorSample
from monitor.core.stats import Floats
from monitor.drift.detectors.base import Kind, Score, need, same_length

SEED = 7
# how far the spread of the vectors is drawn towards a round one
RIDGE = 0.1


class EmbeddingClassifier:
    """A linear discriminant is taught by one half of the vectors and judged by the other (Lopez-Paz 2017).

    The effect is twice the area under the curve minus one: 0 nobody can tell them apart, 1 everybody can.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("samples",)
    unit = "2 AUC - 1"
    signed = False
    floor = 0.1
    least = 60
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need(VectorSample, self.least, reference, current)
        same_length(before.vectors.shape[1], after.vectors.shape[1])
        old, new = (_halves(one.vectors) for one in (before, after))
        areas = [_area(old[place], new[place], old[1 - place], new[1 - place]) for place in (0, 1)]
        area = float(np.mean(areas))
        return Score(max(0.0, 2.0 * area - 1.0), {"auc": area})

    def newness(self, reference: VectorSample, current: VectorSample, vectors: Floats) -> Floats:
        """The score that the discriminant of all vectors gives."""
        found: Floats = vectors @ _towards(reference.vectors, current.vectors)
        return found


def _halves(vectors: Floats) -> tuple[Floats, Floats]:
    order = np.random.default_rng(SEED).permutation(len(vectors))
    middle = len(vectors) // 2
    return vectors[order[:middle]], vectors[order[middle:]]


def _area(taught_old: Floats, taught_new: Floats, old: Floats, new: Floats) -> float:
    """The area under the curve of the second halves, by the direction that parts the first."""
    towards = _towards(taught_old, taught_new)
    here, score = np.sort(old @ towards), new @ towards
    left, right = np.searchsorted(here, score, "left"), np.searchsorted(here, score, "right")
    return float((left + right).mean() / (2.0 * len(here)))


def _towards(old: Floats, new: Floats) -> Floats:
    """The direction that parts the two best."""
    gap = new.mean(axis=0) - old.mean(axis=0)
    spread = np.atleast_2d(np.cov(np.concatenate([old - old.mean(axis=0), new - new.mean(axis=0)]).T))
    round_ = float(np.trace(spread)) / len(spread) + 1e-12
    found: Floats = np.linalg.solve((1.0 - RIDGE) * spread + RIDGE * round_ * np.eye(len(spread)), gap)
    return found
