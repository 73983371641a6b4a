import numpy as np

from monitor.drift.engine import slices
from monitor.drift.engine.slices import Calls, Question

LENGTHS = Question(0.1)
TENANTS = np.array([f"t{place}" for place in range(12)], dtype=object)
TOPICS = np.array(["a", "b", "c"], dtype=object)


def calls(n: int, seed: int, factor: float = 1.0, only: str = "", whole: float = 1.0) -> Calls:
    """Log lengths of calls of 12 tenants and 3 topics; those of the tenant ``only`` times ``factor``."""
    chance = np.random.default_rng(seed)
    tenant, topic = TENANTS[chance.integers(12, size=n)], TOPICS[chance.integers(3, size=n)]
    values = chance.normal(5.5, 0.6, n) + np.log(whole) + np.where(tenant == only, np.log(factor), 0.0)
    return Calls(values, {"tenant": tenant, "topic": topic})


def found(before: Calls, now: Calls, asked: Question = LENGTHS) -> list[tuple[str, str]]:
    return [(one.dimension, one.value) for one in slices.moved(before, now, asked)[0]]


def test_the_one_tenant_that_moved_is_told_and_no_other_slice() -> None:
    assert found(calls(12_000, 1), calls(6000, 2, 1.6, "t7")) == [("tenant", "t7")]


def test_a_large_slice_that_hardly_moved_stands_behind_a_small_one_that_moved_much() -> None:
    before, now = calls(20_000, 3), calls(20_000, 4, 2.0, "t3")
    now.values[now.slices["topic"] == "a"] += 0.13
    assert found(before, now)[0] == ("tenant", "t3")


def test_a_topic_is_not_told_for_the_tenant_in_it() -> None:
    def fond(seed: int, factor: float) -> Calls:
        made = calls(9000, seed, factor, "t7")
        mine = made.slices["tenant"] == "t7"
        made.slices["topic"][mine] = "a"
        return made

    assert found(fond(20, 1.0), fond(21, 2.0)) == [("tenant", "t7")]


def test_calm_calls_name_a_slice_in_no_more_worlds_than_chance_allows() -> None:
    worlds = [found(calls(3000, 2 * world), calls(1500, 2 * world + 1)) for world in range(60)]
    assert sum(bool(one) for one in worlds) <= 2


def test_of_a_change_of_all_calls_no_slice_is_told() -> None:
    assert slices.moved(calls(12_000, 5), calls(12_000, 6, whole=1.5), LENGTHS) == ([], 15)


def test_a_slice_that_is_all_of_the_calls_is_none() -> None:
    before, now = calls(3000, 12), calls(3000, 13, whole=2.0)
    for one in (before, now):
        one.slices["topic"][:] = "the only one"
    assert slices.moved(before, now, LENGTHS)[1] == 12


def test_a_share_that_has_always_been_nothing_or_all_is_no_proof_beyond_measure() -> None:
    before = Calls(np.zeros(400), {"topic": np.repeat(TOPICS[:2], 200)})
    now = Calls(np.repeat([0.0, 1.0], 200), {"topic": np.repeat(TOPICS[:2], 200)})
    told, _ = slices.moved(before, now, Question(0.03))
    assert told[0].value == "b"
    assert told[0].evidence == slices.MOST_EVIDENCE


def test_a_slice_that_is_new_is_measured_by_all_calls_of_before() -> None:
    before, now = calls(6000, 7), calls(3000, 8)
    now.slices["tenant"][:300] = "newcomer"
    now.values[:300] += 1.0
    moved, _ = slices.moved(before, now, Question(0.1))
    assert (moved[0].value, moved[0].new) == ("newcomer", True)


def test_failures_of_one_topic_are_found_by_their_ratio() -> None:
    chance = np.random.default_rng(9)

    def failing(n: int, rate: float) -> Calls:
        topic = TOPICS[chance.integers(3, size=n)]
        return Calls((chance.random(n) < np.where(topic == "b", rate, 0.005)).astype(float), {"topic": topic})

    asked = Question(1.5, ratio=True, side=1)
    assert found(failing(9000, 0.005), failing(6000, 0.03), asked) == [("topic", "b")]
    assert found(failing(9000, 0.03), failing(6000, 0.005), asked) == []


def test_failures_of_all_alike_name_no_slice_and_those_where_there_were_none_do() -> None:
    chance = np.random.default_rng(14)

    def failing(n: int, rates: list[float]) -> Calls:
        place = chance.integers(3, size=n)
        return Calls((chance.random(n) < np.array(rates)[place]).astype(float), {"topic": TOPICS[place]})

    asked = Question(1.5, ratio=True, side=1)
    assert found(failing(9000, [0.01] * 3), failing(3000, [0.05] * 3), asked) == []
    assert found(failing(2100, [0.0] * 3), failing(360, [0.0, 0.2, 0.0]), asked) == [("topic", "b")]


def test_what_may_only_rise_is_not_found_when_it_falls() -> None:
    before, now = calls(6000, 10), calls(6000, 11, 0.5, "t7")
    assert found(before, now, Question(0.1, side=1)) == []
    assert found(before, now, Question(0.1, side=-1)) == [("tenant", "t7")]


def test_values_that_became_more_of_the_calls_are_told_the_surest_first() -> None:
    before = {"topic": {"a": 500, "b": 490, "c": 10}, "few": {"x": 3}}
    now = {"topic": {"a": 500, "b": 250, "c": 250}, "few": {"y": 3}}
    told = slices.shares_moved(before, now, 0.03)
    assert [one[1] for one in told] == ["c", "b"]
    assert told[0] == ("topic", "c", 0.01, 0.25)
