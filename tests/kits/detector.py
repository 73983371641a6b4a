"""What every drift detector must pass; a new entry gains these tests by being in the list."""

from typing import Any

import numpy as np

from monitor.core import fields
from monitor.core.sketches import CategorySketch, LogSketch, RealSketch, Sketch, VectorMean, VectorSample
from monitor.drift.detectors import DETECTORS
from monitor.drift.detectors.base import Detector

DIMENSIONS = 64
SAMPLED = 120


def made(name: str, **settings: Any) -> Detector:
    kind = DETECTORS[name]
    detector: Detector = kind(fields.clean(kind.fields, settings))
    return detector


# what a detector may be given: of numbers there are lengths, and scores that may lie under nothing
DATA = {
    "numbers": ("lengths", "scores"),
    "categories": ("words",),
    "vectors": ("mean",),
    "samples": ("sample",),
}
CASES = [(name, data) for name in DETECTORS for kind in DETECTORS[name].kinds for data in DATA[kind]]


def window(data: str, n: int, seed: int, shift: float = 0.0) -> Sketch:
    """N calls of a service; ``shift`` is the size of a change (0: none)."""
    chance = np.random.default_rng(seed)
    match data:
        case "lengths":
            return LogSketch.of(np.round(chance.lognormal(6.0 + shift, 0.9, n)))
        case "scores":
            return RealSketch.of(chance.normal(-0.5 + 1.4 * shift, 1.2, n))
        case "words":
            shares = np.exp(-0.5 * np.arange(6)) * np.exp(1.1 * shift * np.array([-1, 1, -1, 1, -1, 1]))
            counts = chance.multinomial(n, shares / shares.sum())
            return CategorySketch({f"word {place}": int(many) for place, many in enumerate(counts) if many})
    vectors = chance.normal(0.1, 1.0, (n, DIMENSIONS))
    vectors[:, 0] += 4.0 * shift
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    if data == "sample":
        return VectorSample(n, vectors[:SAMPLED])
    return VectorMean(n, vectors.mean(axis=0))


def other_data(data: str) -> Sketch:
    if data in {"lengths", "scores", "words"}:
        return VectorMean(500, np.full(8, 0.1))
    return LogSketch.of(np.full(500, 3.0))
