"""Two processes write at one moment: the first sample committed stays, the other is refused, none is lost."""

import datetime as dt
import random
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import connection

from monitor.core import clock
from monitor.core.labels import Labels, Matcher, fingerprint
from monitor.core.samples import Selection
from monitor.store.reading.select import select
from monitor.store.samples import batches, homes, placing
from monitor.store.samples.placing import Push, Stamped
from monitor.store.shards import shard_of
from tests.fixtures.fix_cast import Cast

X = Labels({"__name__": "x"})
ROUNDS = 25


def pushed(project_id: int, at: int, values: list[float], now: dt.datetime) -> Push:
    n, identity = len(values), fingerprint(project_id, X)
    bits = np.array(values).view(np.int64)
    samples = Stamped(np.full(n, identity), at + np.arange(n) * 1000, bits, np.arange(n))
    return Push(samples, [], lambda: {identity: X}, now)


@pytest.fixture
def written(
    transactional_db: None, cast: Cast, now: dt.datetime
) -> Callable[[int], tuple[dict[int, float], dict[int, float]]]:
    """Two processes of which each knows only what it hears; the values that each has stored."""

    def both(seed: int) -> tuple[dict[int, float], dict[int, float]]:
        stored: tuple[dict[int, float], dict[int, float]] = ({}, {})
        start = threading.Barrier(2)

        def write(who: int) -> None:
            dice = random.Random(seed + who)
            home = homes.Home()
            shard = shard_of(cast.project.id, 1, 0)
            start.wait()
            for turn in range(ROUNDS):
                begin = clock.to_ms(now) - 10**6 + (turn + dice.randrange(3)) * 1000
                values = [float(dice.randrange(1000) * 2 + who) for _ in range(3)]
                push = pushed(cast.project.id, begin, values, now)
                (refused,) = placing.Placing(home, cast.project.id, shard, [push]).run()
                for n, value in enumerate(values):
                    if n not in refused:
                        stored[who].setdefault(begin + n * 1000, value)
            connection.close()

        threads = [threading.Thread(target=write, args=(who,)) for who in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        return stored

    return both


@pytest.mark.parametrize("seed", [1, 2])
def test_of_two_processes_the_first_value_stays_and_the_other_hears_of_it(
    written: Callable[[int], tuple[dict[int, float], dict[int, float]]],
    cast: Cast,
    now: dt.datetime,
    seed: int,
) -> None:
    mine, other = written(seed)
    assert not mine.keys() & other.keys()
    at = clock.to_ms(now)
    (found,) = select(
        cast.project.id, [Selection((Matcher("__name__", "=", "x"),), at - 10**7, at)], max_samples=10**4
    )[0]
    assert dict(zip(found.times.tolist(), found.values.tolist(), strict=True)) == mine | other


def of_one(project_id: int, labels: Labels, at: int, value: float, now: dt.datetime) -> Push:
    identity = fingerprint(project_id, labels)
    samples = Stamped(
        np.array([identity]), np.array([at]), np.array([value]).view(np.int64), np.arange(1)
    )  # fmt: skip
    return Push(samples, [], lambda: {identity: labels}, now)


@pytest.mark.django_db(transaction=True)
def test_two_processes_with_series_of_their_own_send_each_other_no_samples(
    cast: Cast, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once each knows of which series the other's batches are: and then a sample of the other's is still refused."""
    answers: list[batches.Pushed] = []
    real = batches.push

    def heard(*args: Any, **more: Any) -> batches.Pushed:
        answers.append(real(*args, **more))
        return answers[-1]

    monkeypatch.setattr(batches, "push", heard)
    shard, first = shard_of(cast.project.id, 1, 0), clock.to_ms(now) - 10**6
    both = (homes.Home(), X), (homes.Home(), Labels({"__name__": "y"}))
    for turn in range(6):
        answers.clear()
        for home, labels in both:
            push = of_one(cast.project.id, labels, first + turn * 1000, turn, now)
            (refused,) = placing.Placing(home, cast.project.id, shard, [push]).run()
            assert not len(refused)
    assert [(one.stored is not None, [other.data for other in one.others]) for one in answers] == [
        (True, [None])
    ] * 2
    late = of_one(cast.project.id, X, first + 5000, -1.0, now)
    (refused,) = placing.Placing(both[1][0], cast.project.id, shard, [late]).run()
    assert refused.tolist() == [0]
