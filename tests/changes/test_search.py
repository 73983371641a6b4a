"""Planted faults are found, and quiet traffic has nothing to say."""

import numpy as np
import pytest

from monitor.changes import search
from monitor.changes.search import Parts, Result
from monitor.changes.tables import mask_of
from tests.changes import planted

SECONDS = np.full(planted.STRETCHES + 1, 600.0)
FAULTS, QUIET = 50, 40


def with_a_fault(seed: int) -> tuple[Parts, Result]:
    """One of four kinds of fault in a slice of one or two dimensions, by turns."""
    world, rng = planted.world(seed), np.random.default_rng((seed, 9))
    parts = planted.a_slice(seed, world)
    match seed // 2 % 4:
        case 0:
            hit = planted.slower(world, parts, rng.uniform(1.5, 3))
            return parts, search.of_means(hit.table, hit.seconds, direction=1)
        case 1:
            hit = planted.failing(world, parts, rng.uniform(0.15, 0.6), seed)
            return parts, search.of_means(hit.table, hit.failed, direction=1)
        case 2:
            hit = planted.silent(world, parts, rng.uniform(0.6, 1), seed)
            return parts, search.of_counts(hit.table, SECONDS, direction=-1)
        case _:
            hit = planted.unseen(world, parts, rng.uniform(1.5, 3))
            return parts, search.of_means(hit.table, hit.seconds, direction=1)


def test_of_fifty_planted_faults_nine_in_ten_are_among_the_first_three() -> None:
    hits = [
        parts in [one.parts for one in result.found] for parts, result in map(with_a_fault, range(FAULTS))
    ]
    assert sum(hits) >= 0.9 * FAULTS


def test_on_quiet_traffic_nothing_stands_out() -> None:
    told = 0
    for seed in range(1000, 1000 + QUIET):
        quiet = planted.world(seed)
        told += bool(search.of_means(quiet.table, quiet.seconds).found)
        told += bool(search.of_means(quiet.table, quiet.failed).found)
        told += bool(search.of_counts(quiet.table, SECONDS).found)
    assert told <= 0.05 * 3 * QUIET


def test_what_is_alike_everywhere_stands_out_nowhere() -> None:
    world = planted.world(1)
    everywhere = world.seconds + world.table.bad * np.log(3)
    result = search.of_means(world.table, everywhere, direction=1)
    assert (result.found, result.change > 1) == ((), True)


def test_a_change_the_other_way_is_no_cause() -> None:
    world = planted.world(2)
    parts = planted.a_slice(2, world)
    faster = planted.slower(world, parts, 0.3)
    assert search.of_means(faster.table, faster.seconds, direction=1).found == ()


def test_two_faults_are_told_one_after_the_other() -> None:
    world = planted.world(3)
    first, second = ((2, 0),), ((4, 3),)
    hit = planted.slower(planted.slower(world, first, 2.5), second, 2.5)
    found = search.of_means(hit.table, hit.seconds, direction=1).found
    assert {one.parts for one in found[:2]} == {first, second}


def test_more_of_the_slow_calls_is_told_as_a_change_of_the_mix() -> None:
    world = planted.world(4)
    slow = world.seconds + 2.0 * (world.table.dimensions[2].codes == 3)
    few = mask_of(world.table, ((2, 3),)) & ~world.table.bad
    kept = ~few | (np.random.default_rng(0).random(len(few)) < 0.2)
    result = search.of_means(world.table.taken(kept), slow[kept], direction=1)
    assert (result.found[0].parts, result.found[0].mixed) == (((2, 3),), True)


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_the_share_of_a_lonely_fault_is_nearly_all_of_the_change(share: float) -> None:
    world = planted.world(5)
    parts = ((2, 0),)
    hit = planted.failing(world, parts, share, 5)
    (found, *_) = search.of_means(hit.table, hit.failed, direction=1).found
    assert found.parts == parts
    assert found.share == pytest.approx(0.97, abs=0.06)
