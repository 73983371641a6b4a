"""One effect against the reference's own wander: is it normal? Pure and deterministic.

Every block (hour) of the reference is compared with the other blocks, never with itself and at no more calls
than the current window has. What they show is normal, whatever the detector and its unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from monitor.core.sketches import CategorySketch, LogSketch, RealSketch, Sketch, VectorMean, VectorSample
from monitor.drift.detectors.base import Detector, Score, TooFewError

LEAST_BLOCKS = 3
MAD_TO_DEVIATION = 1.4826


@dataclass(frozen=True, slots=True)
class Assessment:
    """``excess``: how far beyond the normal band, in units of the noise (negative inside it)."""

    score: Score
    normal_low: float
    normal_high: float
    noise: float
    n_reference: int
    n_current: int

    @property
    def excess(self) -> float:
        return (abs(self.score.effect) - self.normal_high) / self.noise

    @property
    def outside(self) -> bool:
        return not self.normal_low <= self.score.effect <= self.normal_high


def merged(parts: Sequence[Sketch]) -> Sketch:
    """All parts as one sketch; they are of one kind."""
    match parts[0] if parts else None:
        case RealSketch():
            return RealSketch.merge([part for part in parts if isinstance(part, RealSketch)])
        case CategorySketch():
            return CategorySketch.merge([part for part in parts if isinstance(part, CategorySketch)])
        case VectorSample():
            return VectorSample.merge([part for part in parts if isinstance(part, VectorSample)])
        case VectorMean():
            return VectorMean.merge([part for part in parts if isinstance(part, VectorMean)])
        case _:
            return LogSketch.merge([part for part in parts if isinstance(part, LogSketch)])


def assess(
    detector: Detector, blocks: Sequence[Sketch], current: Sketch, *, seed: int = 0, doubled: bool = False
) -> Assessment:
    """The effect and its normal band; raises TooFewError when either cannot be known.

    ``doubled`` widens the floor for a reference shorter than a day.
    """
    usable = _large_enough(blocks, detector.least)
    if len(usable) < LEAST_BLOCKS:
        message = (
            f"the reference has {sum(block.n for block in blocks)} calls in {len(blocks)} blocks; "
            f"{LEAST_BLOCKS} blocks of {detector.least} calls are needed"
        )
        raise TooFewError(message)
    whole = merged(usable)
    score = detector.distance(whole, current)
    effects = _wander(detector, usable, current.n, np.random.default_rng(seed))
    floor = detector.floor * (2.0 if doubled else 1.0)
    centre = 0.0 if detector.signed else float(np.median(effects))
    spread = MAD_TO_DEVIATION * float(np.median(np.abs(effects - np.median(effects))))
    high = max(floor, centre + 3.0 * spread, float(np.max(np.abs(effects))))
    low = -high if detector.signed else 0.0
    return Assessment(score, low, high, max(spread, floor / 5.0), whole.n, current.n)


def _wander(detector: Detector, blocks: Sequence[Sketch], n: int, chance: np.random.Generator) -> np.ndarray:
    effects = []
    for place, block in enumerate(blocks):
        others = merged([other for i, other in enumerate(blocks) if i != place])
        size = max(detector.least, min(block.n, n))
        effects.append(detector.distance(others, block.thin(size, chance)).effect)
    return np.array(effects)


def _large_enough(blocks: Sequence[Sketch], least: int) -> list[Sketch]:
    """Neighbouring blocks joined until each has ``least`` items; a poor last one joins its neighbour."""
    joined: list[Sketch] = []
    waiting: list[Sketch] = []
    for block in blocks:
        waiting.append(block)
        if sum(part.n for part in waiting) >= least:
            joined.append(merged(waiting))
            waiting = []
    if waiting and joined:
        joined[-1] = merged([joined[-1], *waiting])
    return joined
