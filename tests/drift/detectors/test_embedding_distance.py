import numpy as np
import pytest

from monitor.core.sketches import VectorMean
from monitor.drift.detectors.base import WrongDataError
from tests.kits.detector import made


def mean_of(n: int, seed: int, foreign: float = 0.0) -> VectorMean:
    chance = np.random.default_rng(seed)
    vectors = chance.normal(0.3, 1.0, (n, 32))
    vectors[: int(n * foreign)] = chance.normal(-0.3, 1.0, (int(n * foreign), 32))
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    return VectorMean(n, vectors.mean(axis=0))


def test_the_effect_of_calm_windows_does_not_depend_on_their_size() -> None:
    detector, reference = made("embedding_distance"), mean_of(20_000, 1)
    small = np.mean([detector.distance(reference, mean_of(100, seed)).effect ** 2 for seed in range(2, 42)])
    assert small < 0.003


def test_a_fifth_of_foreign_topics_is_seen() -> None:
    detector, reference = made("embedding_distance"), mean_of(20_000, 1)
    assert detector.distance(reference, mean_of(500, 2, foreign=0.2)).effect > 0.08


def test_vectors_of_two_embedders_are_never_compared() -> None:
    with pytest.raises(WrongDataError, match="pin the reference anew"):
        made("embedding_distance").distance(mean_of(200, 1), VectorMean(200, np.full(16, 0.1)))
