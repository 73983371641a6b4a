"""Rows added up between the times that are asked about give the same answers as rows one by one."""

import datetime as dt
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core import clock
from monitor.core.labels import Labels, Matcher
from monitor.core.samples import Selection
from monitor.store import partitions
from monitor.store.ageing import compact
from monitor.store.reading import bases, select, sums
from monitor.store.reading.derived import cumulative
from monitor.store.samples import append, blocks
from monitor.store.samples.append import Deltas
from monitor.store.samples.blocks import NEGATIVE, POSITIVE, Block
from monitor.store.samples.chunks import WINDOW_MS
from monitor.store.shards import shards_of
from tests.fixtures.fix_cast import Cast

MINUTE, HOUR = 60_000, 3_600_000
Answer = dict[tuple[int, Labels], list[np.ndarray]]


def observed(project_id: int, rows: list[tuple[int, float]], now: dt.datetime) -> None:
    """Each a count and an observation; values are halves, so that sums are exact in any order."""
    deltas = Deltas()
    for at, value in rows:
        deltas.count(Labels({"__name__": "calls_total", "side": str(at % 2)}), at)
        deltas.observe(Labels({"__name__": "seconds", "side": str(at % 2)}), at, value)
    partitions.for_batches(clock.to_ms(now))
    append.deltas(project_id, shards_of(project_id, 1)[0], deltas, now=now)


def asked(project_id: int, wanted: list[tuple[int, int, int, int]]) -> Answer:
    """(start, end, window, step) each of both names, all in one look; every number of the answers."""
    selections = [
        Selection((Matcher("__name__", "=", name),), start, end, window, step)
        for start, end, window, step in wanted
        for name in ("calls_total", "seconds")
    ]
    found: Answer = {}
    for place, answer in enumerate(select.select(project_id, selections, max_samples=10**7)):
        for one in answer:
            arrays = [one.times, one.values]
            for run in one.histograms:
                arrays += [run.times, run.count, run.total, run.zero]
                used = run.positive.any(axis=0)
                arrays += [run.positive_index[used], run.positive[:, used]]
                used = run.negative.any(axis=0)
                arrays += [run.negative_index[used], run.negative[:, used]]
            found[place, one.labels] = arrays
    return found


def row_by_row(project_id: int, wanted: list[tuple[int, int, int, int]], patch: pytest.MonkeyPatch) -> Answer:
    with patch.context() as within:
        within.setattr(sums, "APART_MS", 2**60)
        within.setattr(bases, "kept", bases.Bases(bases.ROWS_KEPT))
        return asked(project_id, wanted)


def questions(dice: random.Random, today: int) -> list[tuple[int, int, int, int]]:
    """Windows asked for alone, curves of windows, and curves of single values; some of them reach into each other."""
    found = []
    for _ in range(dice.randrange(1, 4)):
        end = today - dice.randrange(20 * HOUR)
        window = dice.choice([2 * HOUR, 7 * HOUR, 17 * HOUR, 40 * HOUR]) + dice.randrange(3) * 7_000
        end -= end % dice.choice([1, 10_000, WINDOW_MS])
        step = dice.choice([0, 0, HOUR, 2 * HOUR])
        span = window + (dice.randrange(1, 10) * step)
        found.append((end - span + 1, end, dice.choice([window, window, 0]) if step else window, step))
    return found


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(5))
def test_late_and_out_of_order_events_are_counted_once_in_every_window(
    cast: Cast, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice = random.Random(seed)
    today = clock.to_ms(clock.now())
    for _ in range(12):
        span = dice.choice([HOUR, 50 * HOUR])
        rows = [
            (today - dice.randrange(span), dice.choice([-1.5, 0.0, 0.5, 2.0, 2.0, 700.5]))
            for _ in range(dice.randrange(40))
        ]
        observed(cast.project.id, rows, clock.now())
        if dice.randrange(2):
            compact.run(now=clock.now())
        wanted = questions(dice, today)
        one, other = asked(cast.project.id, wanted), row_by_row(cast.project.id, wanted, monkeypatch)
        assert one.keys() == other.keys()
        for key, arrays in one.items():
            assert all(np.array_equal(a, b) for a, b in zip(arrays, other[key], strict=True)), wanted


@pytest.mark.django_db(transaction=True)
def test_a_window_by_itself_counts_every_event_within_it_and_no_other(cast: Cast) -> None:
    today = clock.to_ms(clock.now()) // WINDOW_MS * WINDOW_MS
    moments = [today - n * 7 * MINUTE for n in range(1, 500)]
    observed(cast.project.id, [(at, 1.0) for at in moments], clock.now())
    compact.run(now=clock.now())
    for end, width in ((today, 24 * HOUR), (today - 61_000, 40 * HOUR), (today - 5 * HOUR, 17 * HOUR)):
        found = asked(cast.project.id, [(end - width + 1, end, width, 0)])
        counted = sum(one[1][-1] - one[1][0] for (place, _), one in found.items() if not place)
        assert counted == sum(end - width < at // 10_000 * 10_000 <= end for at in moments)


def test_totals_say_enough_unless_someone_asks_about_a_time_within() -> None:
    noon = 1_700_006_400_000
    assert sums.cut(np.array([noon - 10_000, noon + WINDOW_MS - 1])) == []
    assert sums.cut(np.array([noon, noon + WINDOW_MS + 20_000])) == [noon, noon + WINDOW_MS]


CELLS = st.tuples(st.integers(0, 60), st.booleans(), st.integers(-40, 40), st.integers(-2, 5))


@given(rows=st.lists(CELLS, min_size=1, max_size=60), moments=st.sets(st.integers(-5, 70), max_size=12))
def test_what_is_added_up_is_the_same_at_every_moment_asked_about(
    rows: list[tuple[int, bool, int, int]], moments: set[int]
) -> None:
    times, sides, index, counts = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    block = blocks.empty()
    same = np.ones(len(times), dtype=np.int64)
    amounts = counts.astype(np.float64)
    block.tables["f"] = {"series": same, "t": times, "v": amounts}
    block.tables["b"] = {"series": same, "t": times, "side": sides, "index": index, "count": amounts}
    block = blocks.add_up(block)
    asked_at = np.array(sorted(moments), dtype=np.int64)
    few = sums.added_up(block, asked_at)
    assert few.n <= block.n
    assert few.tables["f"]["t"][-1] == times.max()
    assert (np.diff(few.tables["b"]["t"]) >= 0).all()
    assert _counted(few, asked_at) == _counted(block, asked_at)


def _counted(block: Block, moments: np.ndarray) -> tuple[object, ...]:
    table = block.tables["f"]
    running = np.append(0.0, np.cumsum(table["v"]))[table["t"].searchsorted(moments, "right")]
    nothing = blocks.empty().tables["b"]
    sides = []
    for side in (POSITIVE, NEGATIVE):
        index, matrix = cumulative(block.tables["b"], nothing, side, moments)
        used = matrix.any(axis=0)
        sides.append((index[used].tolist(), matrix[:, used].tolist()))
    return running.tolist(), sides
