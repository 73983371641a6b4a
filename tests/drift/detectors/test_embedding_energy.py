import numpy as np

from monitor.core.sketches import VectorSample
from tests.kits.detector import made


def cloud(seed: int, spread: float = 1.0) -> VectorSample:
    return VectorSample(400, np.random.default_rng(seed).normal(0, spread, (400, 16)))


def test_another_spread_around_the_same_middle_is_seen() -> None:
    detector = made("embedding_energy")
    assert detector.distance(cloud(1), cloud(2, 1.6)).effect > 2 * detector.floor
    assert detector.distance(cloud(1), cloud(2)).effect < detector.floor


def test_a_long_reference_is_looked_at_by_a_part_that_is_always_the_same() -> None:
    reference = VectorSample(4000, np.random.default_rng(3).normal(0, 1, (4000, 16)))
    detector = made("embedding_energy")
    assert detector.distance(reference, cloud(2)) == detector.distance(reference, cloud(2))
