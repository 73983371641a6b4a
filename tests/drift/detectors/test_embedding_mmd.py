import numpy as np
import pytest

from monitor.core.sketches import VectorSample
from monitor.drift.detectors.base import WrongDataError
from tests.kits.detector import made


def cloud(seed: int, apart: float = 0.0, width: int = 32) -> VectorSample:
    """Vectors around one middle, or in two clusters ``apart`` on either side of it."""
    chance = np.random.default_rng(seed)
    vectors = chance.normal(0.0, 1.0, (400, width))
    vectors[:, 0] += apart * np.where(chance.random(400) < 0.5, -1.0, 1.0)
    return VectorSample(400, vectors)


def test_a_topic_that_splits_in_two_is_seen_although_the_mean_stays() -> None:
    detector = made("embedding_mmd")
    calm = detector.distance(cloud(1), cloud(2)).effect
    split = detector.distance(cloud(1), cloud(3, apart=3.0)).effect
    assert calm < detector.floor < split


def test_a_sample_survives_being_stored() -> None:
    kept = VectorSample.from_json(cloud(1).to_json())
    assert (kept.n, kept.vectors.shape) == (400, (400, 32))
    assert np.allclose(kept.vectors, cloud(1).vectors, atol=0.01)


def test_vectors_of_two_widths_are_never_compared() -> None:
    with pytest.raises(WrongDataError, match="pin the reference anew"):
        made("embedding_mmd").distance(cloud(1), cloud(2, width=16))
