"""What every drift detector must pass; a new entry gains these tests by being in the list."""

from typing import Any

import numpy as np

from monitor.core import fields
from monitor.core.sketches import LogSketch, Sketch, VectorMean, VectorSample
from monitor.drift.detectors import DETECTORS
from monitor.drift.detectors.base import Detector

DIMENSIONS = 64
SAMPLED = 120


def made(name: str, **settings: Any) -> Detector:
    kind = DETECTORS[name]
    detector: Detector = kind(fields.clean(kind.fields, settings))
    return detector


def window(detector: Detector, n: int, seed: int, shift: float = 0.0) -> Sketch:
    """N calls of a service; ``shift`` is the size of a change (0: none)."""
    chance = np.random.default_rng(seed)
    if detector.kind == "numbers":
        return LogSketch.of(np.round(chance.lognormal(6.0 + shift, 0.9, n)))
    vectors = chance.normal(0.1, 1.0, (n, DIMENSIONS))
    vectors[:, 0] += 4.0 * shift
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    if detector.kind == "samples":
        return VectorSample(n, vectors[:SAMPLED])
    return VectorMean(n, vectors.mean(axis=0))


def other_kind(detector: Detector) -> Sketch:
    if detector.kind == "numbers":
        return VectorMean(500, np.full(8, 0.1))
    return LogSketch.of(np.full(500, 3.0))
