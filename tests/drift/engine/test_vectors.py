import numpy as np
import pytest

from monitor.core.stats import Floats, Ints
from monitor.drift.engine import vectors
from monitor.drift.engine.vectors import Clusters, VectorHours, Wording

HOURS = 24 * 10
PER_HOUR = 150


def cloud(
    shares: list[float], *, shift: float = 0.0, hours: int = HOURS, seed: int = 1
) -> tuple[Ints, Floats]:
    """Hours and vectors of topics that lie apart, all moved by ``shift`` in one direction."""
    topics = np.random.default_rng(99).normal(size=(len(shares), 32))
    topics /= np.linalg.norm(topics, axis=1, keepdims=True)
    chance = np.random.default_rng(seed)
    n = hours * PER_HOUR
    label = chance.choice(len(shares), n, p=shares)
    found = topics[label] + chance.normal(0.0, 0.08, (n, 32))
    found[:, 0] += shift
    return np.repeat(np.arange(hours, dtype=np.int64), PER_HOUR), found


@pytest.fixture(scope="module")
def learnt() -> tuple[Clusters, VectorHours, Wording]:
    hours, found = cloud([0.4, 0.3, 0.3, 0.0])
    clusters = vectors.find_clusters(found)
    reference = clusters.sums(hours, found)
    return clusters, reference, vectors.fit_wording(reference, clusters, reference.at // 24)


def test_clusters_are_the_same_each_time() -> None:
    _, found = cloud([0.5, 0.5], hours=10)
    assert np.array_equal(vectors.find_clusters(found).centres, vectors.find_clusters(found).centres)


def test_calm_hours_are_calm(learnt: tuple[Clusters, VectorHours, Wording]) -> None:
    clusters, _, wording = learnt
    z = wording.excess(clusters.sums(*cloud([0.4, 0.3, 0.3, 0.0], hours=48, seed=2)))
    assert float(np.mean(z > 1.0)) < 0.05


def test_another_wording_shifts_at_fixed_mix(learnt: tuple[Clusters, VectorHours, Wording]) -> None:
    clusters, _, wording = learnt
    z = wording.excess(clusters.sums(*cloud([0.4, 0.3, 0.3, 0.0], shift=0.1, hours=48, seed=2)))
    assert float(np.median(z)) > 2.0


def test_another_mix_of_the_same_topics_does_not(learnt: tuple[Clusters, VectorHours, Wording]) -> None:
    clusters, _, wording = learnt
    hours = clusters.sums(*cloud([0.2, 0.2, 0.6, 0.0], hours=48, seed=2))
    assert float(np.median(wording.excess(hours))) < 0.5


def test_a_topic_never_seen_lies_far_from_all(learnt: tuple[Clusters, VectorHours, Wording]) -> None:
    clusters, reference, _ = learnt
    later = clusters.sums(*cloud([0.38, 0.28, 0.28, 0.06], hours=48, seed=2))
    usual, now = (float(each.far.sum() / each.calls.sum()) for each in (reference, later))
    assert usual == pytest.approx(0.05, abs=0.01)
    assert now > usual + 0.04


def test_too_few_vectors_say_nothing(learnt: tuple[Clusters, VectorHours, Wording]) -> None:
    clusters, _, wording = learnt
    hours, found = cloud([0.4, 0.3, 0.3, 0.0], hours=1, seed=2)
    assert np.isnan(wording.excess(clusters.sums(hours[:20], found[:20]))).all()


def test_long_vectors_are_projected_and_keep_their_distances() -> None:
    pair = np.random.default_rng(5).normal(size=(200, 768))
    before = np.linalg.norm(pair[0::2] - pair[1::2], axis=1)
    short = vectors.project(pair)
    after = np.linalg.norm(short[0::2] - short[1::2], axis=1)
    assert short.shape == (200, 32)
    assert float(np.mean(after / before)) == pytest.approx(1.0, abs=0.05)
