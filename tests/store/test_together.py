"""Work done together: every thread gets its own answer, errors reach only those they concern."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db.utils import OperationalError

from monitor.store.together import Approach, Together


class Gate:
    """Work that waits in its first go until enough jobs have queued up behind it."""

    def __init__(self, work: Callable[[list[int]], Sequence[int]]) -> None:
        self.work, self.goes = work, list[list[int]]()
        self.entered, self.open = threading.Event(), threading.Event()

    def __call__(self, jobs: list[int]) -> Sequence[int]:
        self.goes.append(jobs)
        self.entered.set()
        self.open.wait(10)
        return self.work(jobs)


def doubled(jobs: list[int]) -> list[int]:
    if 13 in jobs:
        message = "13 can't be done"
        raise ValueError(message)
    return [2 * job for job in jobs]


def queued(together: Together[int, int], gate: Gate, jobs: Sequence[int]) -> list[int | BaseException]:
    """Results of ``jobs``: the first is under way while all others wait in line."""

    def one(job: int) -> int | BaseException:
        try:
            return together.do(job)
        except (ValueError, OperationalError) as error:
            return error

    with ThreadPoolExecutor(len(jobs)) as pool:
        first = pool.submit(one, jobs[0])
        assert gate.entered.wait(10)
        rest = [pool.submit(one, job) for job in jobs[1:]]
        while len(together._queue) < len(jobs) - 1:
            pass
        gate.open.set()
        return [first.result(), *(one.result() for one in rest)]


def test_those_who_wait_are_done_in_one_go() -> None:
    gate = Gate(doubled)
    assert queued(Together(gate, most=100), gate, [1, 2, 3, 4]) == [2, 4, 6, 8]
    assert [len(go) for go in gate.goes] == [1, 3]


def test_one_go_is_bounded() -> None:
    gate = Gate(doubled)
    assert queued(Together(gate, most=2), gate, [1, 2, 3, 4, 5]) == [2, 4, 6, 8, 10]
    assert [len(go) for go in gate.goes] == [1, 2, 2]


def test_a_bad_job_spoils_nothing_for_its_neighbours() -> None:
    gate = Gate(doubled)
    results = queued(Together(gate, most=100), gate, [1, 2, 13, 4])
    assert [isinstance(one, ValueError) for one in results] == [False, False, True, False]
    assert results[:2] + results[3:] == [2, 4, 8]


def test_without_a_store_nobody_is_tried_twice() -> None:
    def gone(_jobs: list[int]) -> list[int]:
        raise OperationalError("gone")

    gate = Gate(gone)
    results = queued(Together(gate, most=100), gate, [1, 2, 3])
    assert all(isinstance(one, OperationalError) for one in results)
    assert [len(go) for go in gate.goes] == [1, 2]


def test_many_threads_get_each_their_own_answer() -> None:
    together = Together(doubled, most=5)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(together.do, range(100, 1100))) == [2 * job for job in range(100, 1100)]


def test_a_lone_error_is_raised_as_it_is() -> None:
    with pytest.raises(ValueError, match="13"):
        Together(doubled, most=5).do(13)


def test_who_is_on_the_way_is_waited_for() -> None:
    approach = Approach(patience=10)
    goes: list[list[int]] = []

    def work(jobs: list[int]) -> list[int]:
        goes.append(jobs)
        return jobs

    together = Together(work, most=100, approach=approach)
    started = threading.Barrier(4)

    def one(job: int) -> int:
        with approach.coming():
            started.wait(10)
            return together.do(job)

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == [0, 1, 2, 3]
    assert [sorted(go) for go in goes] == [[0, 1, 2, 3]]


def test_who_never_comes_holds_nobody_up() -> None:
    approach = Approach(patience=0.01)
    left = threading.Event()
    with ThreadPoolExecutor(1) as pool:

        def linger() -> None:
            with approach.coming():
                left.wait(10)

        lingering = pool.submit(linger)
        assert Together(doubled, most=5, approach=approach).do(4) == 8
        left.set()
        lingering.result()
    with approach.coming():
        pass
    assert Together(doubled, most=5, approach=Approach(patience=10)).do(5) == 10
