"""Equal versions in worlds that mislead are not called worse, and worse ones in the same worlds are found."""

from dataclasses import replace

import numpy as np
import pytest

from monitor.canary import users
from monitor.canary.gates import Judged, judge
from tests.canary.worlds import USUAL_GATES, World, bodies, plan

FEW_USERS = World(size=36 + 100, per_bucket=200)
RAMP = replace(FEW_USERS, steps=((0, 0.01), (25, 0.05), (50, 0.25), (75, 0.5)), users=2000)
SHOCK = replace(FEW_USERS, shock=(24, 30), steps=((0, 0.2),))
UNEQUAL = replace(FEW_USERS, steps=((0, 0.04),), users=4000, per_bucket=400, night=0.2)
MIX = replace(FEW_USERS, hard=(0.1, 0.6), steps=((0, 0.2),))
BY_CALL = replace(FEW_USERS, sticky=False)
EVERY = {
    "few users": FEW_USERS,
    "ramp": RAMP,
    "shock": SHOCK,
    "unequal": UNEQUAL,
    "mix": MIX,
    "by call": BY_CALL,
}


def judged(world: World, seed: int) -> Judged:
    return judge(bodies(world, seed), USUAL_GATES, plan(world))


# in these seeds fifty users are slow by chance: with their calls counted as independent ones the version failed
STICKY = World(size=36 + 150, judged=0.02)


@pytest.mark.parametrize("seed", [22, 26])
def test_users_who_stay_and_are_slow_by_chance_are_not_the_versions_fault(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = bodies(STICKY, seed)
    assert "fail" not in judge(found, USUAL_GATES, plan(STICKY)).verdicts()
    monkeypatch.setattr(users, "of_rates", lambda stable, *_: np.ones(stable.n.shape[0]))
    assert "fail" in judge(found, USUAL_GATES, plan(STICKY)).verdicts()


@pytest.mark.parametrize("name", EVERY)
def test_a_version_that_is_as_good_is_not_called_worse_at_any_look(name: str) -> None:
    for seed in range(2):
        assert "fail" not in judged(EVERY[name], seed).verdicts()


@pytest.mark.parametrize("name", EVERY)
def test_a_version_that_fails_four_times_as_often_is_found(name: str) -> None:
    found = judged(replace(EVERY[name], times_errors=4.0, errors=0.03), 1)
    assert found.verdict() == "fail"
    assert found.found[0].verdict == "fail"


@pytest.mark.parametrize("name", [name for name in EVERY if name != "few users"])
def test_a_version_that_is_much_slower_is_found(name: str) -> None:
    assert judged(replace(EVERY[name], times_latency=1.6), 2).verdict() == "fail"


def test_a_handful_of_users_decide_nothing_and_it_says_so() -> None:
    few = replace(FEW_USERS, steps=((0, 0.006),), times_errors=6.0, errors=0.05)
    found = judged(few, 1)
    assert found.verdict() == "undecided"
    assert {one.reason for one in found.found} == {"few_users"}
    assert all(one.needs is None for one in found.found)


def test_where_users_differ_much_it_says_that_users_are_lacking() -> None:
    tail = judged(replace(FEW_USERS, users_sd=0.8), 3).found[1]
    assert (tail.verdict, tail.reason) == ("undecided", "users_differ")
    assert tail.per_call > 2.0
