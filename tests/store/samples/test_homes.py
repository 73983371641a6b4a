"""What a process knows of others' batches: of which series they are, without their samples."""

import numpy as np
import pytest

from monitor.store.samples import blocks, homes
from monitor.store.samples.blocks import Ints

MINE, OTHERS, BOTH = np.array([1, 2, 5]), np.array([3, 4]), np.array([2, 3])


def batch(ids: Ints, at: int) -> bytes:
    return blocks.of_floats(ids, np.full(len(ids), at), np.zeros(len(ids))).encode(brief=True)


def number(ids: Ints) -> int:
    return homes.Home().acquainted(ids)[0]


def heard(home: homes.Home, ids: Ints, *times: int) -> None:
    for at in times:
        home.hear(at, batch(ids, at), number(ids))


def test_a_set_is_known_once_it_came_twice() -> None:
    home = homes.Home()
    heard(home, OTHERS, 10)
    assert home.acquainted(MINE)[1:] == ([], [])
    heard(home, OTHERS, 20)
    assert home.acquainted(MINE)[1:] == ([number(OTHERS)], [number(OTHERS)])


def test_who_shares_a_series_is_known_but_not_apart() -> None:
    home = homes.Home()
    heard(home, BOTH, 10, 20)
    assert home.acquainted(MINE)[1:] == ([number(BOTH)], [])


def test_a_batch_without_its_bytes_counts_for_the_series_of_its_set() -> None:
    home = homes.Home()
    heard(home, BOTH, 10, 20)
    home.hear(30, None, number(BOTH))
    assert home.look(np.array([2, 3, 5]), 30).newest.tolist() == [30, 30, -homes.FAR]


def test_a_set_that_was_forgotten_meanwhile_may_be_any() -> None:
    home = homes.Home()
    home.hear(30, None, 7)
    assert home.look(MINE, 40).newest.tolist() == [30, 30, 30]


def test_sets_that_come_no_more_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homes, "SETS", 2)
    home = homes.Home()
    for ids in (MINE, OTHERS, BOTH):
        heard(home, ids, 10, 20)
    assert home.acquainted(np.array([9]))[1] == [number(OTHERS), number(BOTH)]
