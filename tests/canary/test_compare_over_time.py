"""Compare over worlds whose truth is known: latency that follows the hours, ramps, users who differ."""

from typing import Any

import numpy as np
import pytest

from monitor.canary.compare import Arm, Comparison, compare

HOURS, PER_HOUR, SLICES, READ = 24, 4000, 100, 40_000
SEEDS = range(6)


def seen(
    seed: int, *, slower: float = 1.0, ramp: bool = False, users: int = 0, differ: float = 0.0
) -> Comparison:
    """A day in which latency doubles, read as the page reads it: the newest of each slice."""
    chance = np.random.default_rng(seed)
    n = PER_HOUR * HOURS
    day = np.sort(chance.uniform(0, 1, n))
    people = users or n
    user = chance.integers(0, people, n)
    if users:
        chosen = np.zeros(users, bool)
        chosen[chance.permutation(users)[: users // 20]] = True
        canary = chosen[user]
    else:
        canary = chance.random(n) < (0.01 + 0.49 * day if ramp else 0.05)
    pace = 0.8 * day + chance.normal(0, differ, people)[user] + chance.normal(0, 0.4, n)
    duration = np.exp(pace) * np.where(canary, slower, 1.0)
    group = chance.integers(0, 25, people)[user]
    given = {"times": day * HOURS * 3600, "duration": duration, "ttft": duration / 4, "users": group}
    return compare(_arm("v1", given, ~canary), _arm("v2", given, canary))


def _arm(name: str, given: dict[str, Any], mine: np.ndarray) -> Arm:
    calls = np.flatnonzero(mine)
    if calls.size > READ:
        places = (given["times"][calls] * SLICES / (HOURS * 3600)).astype(int)
        calls = np.concatenate([calls[places == one][-READ // SLICES :] for one in range(SLICES)])
    return Arm(name, **{key: values[calls] for key, values in given.items()})


@pytest.mark.parametrize(
    "world", [{}, {"ramp": True}, {"users": 1000, "differ": 0.5}], ids=["hours", "ramp", "users"]
)
def test_the_same_version_is_not_called_worse_for_its_hours_or_users(world: dict[str, Any]) -> None:
    assert [seen(seed, **world).verdict for seed in SEEDS].count("worse") == 0


@pytest.mark.parametrize("ramp", [False, True])
def test_a_fifth_slower_is_found_all_the_same(ramp: bool) -> None:
    assert {seen(seed, slower=1.2, ramp=ramp).verdict for seed in SEEDS} == {"worse"}


def test_a_handful_of_users_decides_nothing() -> None:
    chance = np.random.default_rng(7)
    times, users = np.sort(chance.uniform(0, 3600, 4000)), np.arange(4000) % 3
    fast, slow = chance.lognormal(0, 0.4, 4000), chance.lognormal(1, 0.4, 4000)
    result = compare(
        Arm("v1", times, duration=fast, users=users), Arm("v2", times, duration=slow, users=users)
    )
    assert result.verdict == "undecided"
