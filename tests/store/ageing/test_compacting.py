"""While little comes, open times are tidied up: few batches, small files, and not a sample else."""

import datetime as dt
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from django.db import connection

from monitor.core import clock
from monitor.core.labels import NAME, Labels, Matcher
from monitor.core.samples import Columns, Selection
from monitor.store import ids
from monitor.store.ageing import compact
from monitor.store.ageing.compact import Batch
from monitor.store.reading.select import select
from monitor.store.samples import pushes
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


def test_batches_of_unlike_sizes_become_one_when_nothing_more_comes(cast: Cast, now: dt.datetime) -> None:
    begin = clock.to_ms(now) - 600_000
    for first, last in ((0, 6_000), (6_000, 10_000), (10_000, 11_000)):
        count = last - first
        times = begin + np.arange(first, last)
        values = np.arange(first, last).astype(float)
        columns = Columns([Labels({NAME: "x"})], np.array([count]), times, values)
        pushes.store(cast.project.id, columns, now=now)
    assert _batches() == 3
    compact.run(now=now + dt.timedelta(seconds=30))
    assert _batches() == 3
    compact.run(now=now + dt.timedelta(seconds=90))
    assert _batches() == 1
    selection = Selection((Matcher(NAME, "=", "x"),), begin, begin + 20_000)
    (found,) = select(cast.project.id, [selection], max_samples=10**6)[0]
    assert found.values.tolist() == list(range(11_000))


def test_a_large_batch_is_not_written_anew_for_a_few_samples() -> None:
    assert compact._of_any_size(_sized(100_000, 2_000, 1_500)) == []


def test_small_batches_go_together_beside_a_large_one() -> None:
    found = _sized(100_000, 9_000, 5_000)
    assert compact._of_any_size(found) == [[found[2].id, found[1].id]]


def _sized(*sizes: int) -> list[Batch]:
    identities = (ids.first_at(1_700_000_000_000 + place) for place in range(len(sizes)))
    return [Batch(identity, 0, 1, size) for identity, size in zip(identities, sizes, strict=True)]


def _batches() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM monitor_sample_batch")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_table_of_series_that_was_touched_too_often_becomes_small_again(
    cast: Cast, now: dt.datetime
) -> None:
    labels = [Labels({NAME: f"x{n}", "text": "a" * 200}) for n in range(800)]
    at = np.full(len(labels), clock.to_ms(now))
    pushes.store(cast.project.id, Columns(labels, np.ones(len(at), dtype=np.int64), at, at * 1.0), now=now)
    with connection.cursor() as cursor:
        # neither while we look nor in the middle of it
        cursor.execute("ALTER TABLE monitor_series SET (autovacuum_enabled = false)")
        # in one transaction nothing of what is outdated goes
        cursor.execute("DO $$ BEGIN FOR n IN 1..4 LOOP UPDATE monitor_series SET xid = n; END LOOP; END $$")
        before = _series_bytes()
        compact._vain.clear()
        with _in_use("monitor_series"):
            compact.run(now=now + dt.timedelta(days=1))
        assert _series_bytes() == before
        for _ in range(100):
            compact._vain.clear()
            compact.run(now=now + dt.timedelta(days=1, minutes=1))
            # whoever analyses a table just then still sees what is outdated
            if _series_bytes() < before / 3:
                break
            time.sleep(0.1)
        assert _series_bytes() < before / 3
        cursor.execute("SELECT count(*) FROM monitor_series WHERE project_id = %s", [cast.project.id])
        assert cursor.fetchone()[0] == len(labels)
        cursor.execute("ALTER TABLE monitor_series RESET (autovacuum_enabled)")


@contextmanager
def _in_use(table: str) -> Iterator[None]:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute(f"LOCK TABLE {table} IN ROW EXCLUSIVE MODE")
            yield
    finally:
        other.close()


def _series_bytes() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('monitor_series')")
        return int(cursor.fetchone()[0])
