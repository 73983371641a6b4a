import numpy as np
import pytest

from monitor.core.sketches import VectorSample
from tests.kits.detector import made


def cloud(seed: int, shift: float = 0.0) -> VectorSample:
    vectors = np.random.default_rng(seed).normal(0.0, 1.0, (600, 16))
    vectors[:, 3] += shift
    return VectorSample(600, vectors)


def test_the_area_is_that_of_two_normals_so_far_apart() -> None:
    # two normals one deviation apart: the area under the curve is Phi(1 / sqrt 2)
    found = made("embedding_classifier").distance(cloud(1), cloud(2, 1.0))
    assert found.facts["auc"] == pytest.approx(0.76, abs=0.03)


def test_what_cannot_be_told_apart_is_about_a_toss() -> None:
    assert made("embedding_classifier").distance(cloud(1), cloud(2)).effect < 0.1
