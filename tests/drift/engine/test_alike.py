import numpy as np

from monitor.core.stats import Floats
from monitor.drift.engine import alike
from monitor.drift.engine.vectors import find_clusters

CHANCE = np.random.default_rng(1)
TOPICS = CHANCE.normal(0, 4, (4, 16))


def texts(n: int, seed: int, topics: tuple[int, ...] = (0, 1, 2), moved: float = 0.0) -> Floats:
    chance = np.random.default_rng(seed)
    found = TOPICS[np.array(topics)[chance.integers(len(topics), size=n)]] + chance.normal(0, 1, (n, 16))
    found[:, 0] += moved
    return np.asarray(found, dtype=np.float64)


BEFORE = texts(3000, 2)
CLUSTERS = find_clusters(BEFORE)


def test_vectors_of_another_wording_lie_along_the_shift_and_those_of_before_do_not() -> None:
    was, now = alike.along_shift(BEFORE, np.concatenate([texts(500, 3), texts(500, 4, moved=2.0)]), CLUSTERS)
    assert abs(was.mean()) < 0.1
    assert now[500:].mean() > 3 * abs(now[:500].mean())
    assert (np.argsort(-now)[:50] >= 500).mean() > 0.9


def test_the_group_that_grew_is_that_of_the_topic_that_grew() -> None:
    now = texts(900, 5, topics=(0, 0, 0, 1, 2))
    group = alike.grown_group(BEFORE, now, CLUSTERS)
    inside, near = alike.in_group(now, CLUSTERS, group)
    nearest = now[np.argsort(-near)[:20]]
    assert inside.mean() > 0.05
    assert (np.linalg.norm(nearest - TOPICS[0], axis=1) < np.linalg.norm(nearest - TOPICS[1], axis=1)).all()


def test_of_those_unlike_any_before_the_ones_with_company_come_first() -> None:
    alone = np.random.default_rng(6).normal(0, 30, (20, 16))
    now = np.concatenate([texts(400, 7), alone, texts(60, 8, topics=(3,))])
    unlike, company = alike.far(now, CLUSTERS)
    assert unlike[-60:].mean() > 0.9
    assert (np.argsort(-company)[:20] >= 420).all()
