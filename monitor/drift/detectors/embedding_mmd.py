"""Maximum mean discrepancy of vectors by random Fourier features: any change of the cloud, not of its middle alone."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import Sketch, VectorSample
from monitor.core.stats import Floats
from monitor.drift.detectors.base import Kind, Score, need, same_length

FEATURES = 64
SEED = 20_261_121
# of the usual distance between two vectors of the reference: one width alone is blind to some changes
WIDTHS = np.array([0.5, 1.0, 2.0])
PAIRS = 500


class EmbeddingDiscrepancy:
    """With a Gaussian kernel of three widths (Gretton 2012; Rahimi and Recht 2007), on a sample of each hour.

    Sees a topic that splits in two or spreads while the mean stays; what few vectors cause by chance is taken off.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("samples",)
    unit = "distance in feature space, 0 to 1.4"
    signed = False
    floor = 0.05
    least = 50
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need(VectorSample, self.least, reference, current)
        old, new = before.vectors, after.vectors
        same_length(old.shape[1], new.shape[1])
        frequency = _frequencies(old)
        left, right = (_mean_features(one, frequency) for one in (old, new))
        gap = left - right
        by_chance = (1.0 - float(left @ left)) / len(old) + (1.0 - float(right @ right)) / len(new)
        squared = float(gap @ gap)
        return Score(float(np.sqrt(max(0.0, squared - by_chance))), {"mmd_squared": squared})

    def newness(self, reference: VectorSample, current: VectorSample, vectors: Floats) -> Floats:
        """The witness of the discrepancy: how much nearer a vector lies to those of now."""
        frequency = _frequencies(reference.vectors)
        old, new = (_mean_features(one.vectors, frequency) for one in (reference, current))
        found: Floats = _features(vectors, frequency) @ (new - old)
        return found


def _frequencies(reference: Floats) -> Floats:
    """Random directions (d, FEATURES), as wide as the reference asks for."""
    chance = np.random.default_rng(SEED)
    one, other = chance.integers(len(reference), size=(2, PAIRS))
    apart = np.linalg.norm(reference[one] - reference[other], axis=1)
    usual = float(np.median(apart[apart > 0])) if (apart > 0).any() else 1.0
    found: Floats = chance.normal(size=(reference.shape[1], FEATURES)) / (usual * np.resize(WIDTHS, FEATURES))
    return found


def _mean_features(vectors: Floats, frequency: Floats) -> Floats:
    found: Floats = _features(vectors, frequency).mean(axis=0)
    return found


def _features(vectors: Floats, frequency: Floats) -> Floats:
    angle = vectors @ frequency
    found: Floats = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) / np.sqrt(FEATURES)
    return found
