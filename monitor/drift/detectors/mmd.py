"""Maximum mean discrepancy by random Fourier features: how far the mean features of two windows lie apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from monitor.core.fields import Field
from monitor.core.sketches import Numbers, Sketch
from monitor.drift.detectors.base import Kind, Score, need_numbers

FEATURES = 128
SEED = 20_251_121
# half, one and two standard deviations of the reference: one width alone is blind to some changes
WIDTHS = np.array([0.5, 1.0, 2.0])


class Discrepancy:
    """On standardised logarithms (scores: as they are), with a Gaussian kernel of three widths (Gretton 2012; Rahimi and Recht 2007).

    The part that few calls cause by chance is taken off, so that windows of any size compare.
    """

    fields: tuple[Field, ...] = ()
    kinds: tuple[Kind, ...] = ("numbers",)
    unit = "distance in feature space, 0 to 1.4"
    signed = False
    floor = 0.1
    least = 30
    false_alarms = 0.05

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = dict(settings)

    def distance(self, reference: Sketch, current: Sketch) -> Score:
        before, after = need_numbers(self.least, reference, current)
        old, new = (_mean_features(one, before.mean, before.deviation) for one in (before, after))
        gap = old - new
        # a feature vector has length one, so a mean of n of them lies about (1 - |mean|^2) / n from the truth
        by_chance = (1.0 - float(old @ old)) / before.n + (1.0 - float(new @ new)) / after.n
        squared = float(gap @ gap)
        return Score(float(np.sqrt(max(0.0, squared - by_chance))), {"mmd_squared": squared})


def _mean_features(sketch: Numbers, centre: float, spread: float) -> np.ndarray:
    chance = np.random.default_rng(SEED)
    frequency = chance.normal(size=FEATURES) / np.resize(WIDTHS, FEATURES)
    angle = ((sketch.positions - centre) / spread)[:, None] * frequency[None, :]
    features = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) / np.sqrt(FEATURES)
    found: np.ndarray = np.average(features, axis=0, weights=sketch.counts)
    return found
