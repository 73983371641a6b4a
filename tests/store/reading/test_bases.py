"""Kept bases never outlive a change: what derived series add up to is what the tables hold."""

import datetime as dt
import random

import numpy as np
import pytest

from monitor.core import clock
from monitor.core.labels import Labels, Matcher
from monitor.core.samples import Selection
from monitor.store import partitions
from monitor.store.ageing import compact
from monitor.store.reading import bases, catalog, select
from monitor.store.samples import append
from monitor.store.samples.append import Deltas
from monitor.store.samples.blocks import Floats
from monitor.store.shards import shards_of
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)
MINUTE = 60_000
HOUR = 60 * MINUTE


def count(project_id: int, member: int, moments: list[int], now: dt.datetime) -> None:
    deltas = Deltas()
    for at in moments:
        deltas.count(Labels({"__name__": "calls_total", "member": str(member)}), at)
        deltas.observe(Labels({"__name__": "duration_seconds", "member": str(member)}), at, 0.5)
    partitions.for_batches(clock.to_ms(now))
    append.deltas(project_id, shards_of(project_id, 1)[0], deltas, now=now)


def totals(project_id: int, start: int, end: int) -> dict[Labels, Floats]:
    """The last value of every series within the span: counts, and the counts of histograms."""
    found = {}
    for name in ("calls_total", "duration_seconds"):
        selection = Selection((Matcher("__name__", "=", name),), start, end, range_ms=5 * MINUTE)
        for one in select.select(project_id, [selection], max_samples=10**7)[0]:
            last = [run.positive.sum(axis=1) + run.zero for run in one.histograms]
            found[one.labels] = np.concatenate([one.values, *last])
    return found


def anew(project_id: int, start: int, end: int) -> dict[Labels, Floats]:
    before, bases.kept = bases.kept, bases.Bases(bases.ROWS_KEPT)
    try:
        return totals(project_id, start, end)
    finally:
        bases.kept = before


def test_history_is_added_up_once(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    count(cast.project.id, 1, [at - i * HOUR for i in range(48)], now)
    compact.run(now=now)
    first = totals(cast.project.id, at - HOUR, at)
    ids = [member.id for member in catalog.found(cast.project.id, [], 0, 2**60)]
    assert bases.kept.latest(cast.project.id, ids[:1], at) is not None
    again = totals(cast.project.id, at - HOUR, at)
    assert all((first[labels] == again[labels]).all() for labels in first)
    assert max(values.max() for values in again.values()) == 48.0


def test_a_late_event_counts_at_once_and_once(cast: Cast, now: dt.datetime) -> None:
    at = clock.to_ms(now)
    count(cast.project.id, 1, [at - 30 * HOUR, at], now)
    totals(cast.project.id, at - HOUR, at)
    count(cast.project.id, 1, [at - 20 * HOUR], now)
    for _ in range(2):
        assert {values.max() for values in totals(cast.project.id, at - HOUR, at).values()} == {3.0}
        compact.run(now=now)


def test_room_is_bounded(cast: Cast, now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    small = bases.Bases(10)
    monkeypatch.setattr(bases, "kept", small)
    at = clock.to_ms(now)
    count(cast.project.id, 1, [at - i * HOUR for i in range(48)], now)
    for hours in range(1, 40, 2):
        totals(cast.project.id, at - hours * HOUR, at)
    assert sum(base.n for ledger in small.ledgers.values() for base in ledger.bases) <= 10


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_writing_and_asking_adds_up(cast: Cast, seed: int) -> None:
    dice = random.Random(seed)
    today = clock.to_ms(clock.now())
    for _ in range(30):
        at = today - dice.randrange(30 * HOUR)
        match dice.randrange(4):
            case 0:
                moments = [at + dice.randrange(5 * HOUR) for _ in range(dice.randrange(1, 20))]
                count(cast.project.id, dice.randrange(3), [min(today, one) for one in moments], clock.now())
            case 1:
                compact.run(now=clock.now())
            case _:
                end = min(today, at + dice.choice([MINUTE, 3 * HOUR]))
                one, other = totals(cast.project.id, at, end), anew(cast.project.id, at, end)
                assert one.keys() == other.keys()
                assert all(np.array_equal(one[labels], other[labels]) for labels in one)
