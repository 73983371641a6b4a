"""Writers of the same series take their rows in one order, so that no two wait for each other."""

import datetime as dt
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest
from django.db import connection, transaction

from monitor.core import clock
from monitor.core.labels import Labels, fingerprint
from monitor.store.models import SeriesKind
from monitor.store.samples import series
from monitor.store.samples.series import TOUCH_MS, SeriesSpan
from tests.fixtures.fix_cast import Cast

SHARD = 0
WAITS = "SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"


@pytest.fixture
def spans(transactional_db: None, cast: Cast, now: dt.datetime) -> list[SeriesSpan]:
    """Three stored series by id, about to grow by more than is left unwritten."""
    at = clock.to_ms(now)
    names = [Labels({"__name__": f"x{n}"}) for n in range(3)]
    found = [SeriesSpan(fingerprint(cast.project.id, one), one, SeriesKind.PUSHED, at, at) for one in names]
    series.forget()
    series.register(cast.project.id, SHARD, found)
    later = at + 2 * TOUCH_MS
    return sorted(
        (SeriesSpan(one.id, one.labels, one.kind, at, later) for one in found), key=lambda one: one.id
    )


@pytest.fixture
def rival(spans: list[SeriesSpan]) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """Another process, which has widened the first of the series and not committed yet."""
    with psycopg.connect(**connection.get_connection_params()) as other:
        grow(other, spans[0])
        yield other
        other.rollback()


def grow(other: psycopg.Connection[tuple[object, ...]], span: SeriesSpan) -> None:
    other.execute(
        "UPDATE monitor_series SET last_seen = now() WHERE shard = %s AND id = %s", [SHARD, span.id]
    )


def until_somebody_waits() -> None:
    with connection.cursor() as cursor:
        for _ in range(100_000):
            cursor.execute(WAITS)
            if cursor.fetchone()[0]:
                return
    pytest.fail("nobody waited")


def beside(work: Callable[[], object]) -> tuple[threading.Thread, list[BaseException]]:
    """Work on a connection of its own."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            with transaction.atomic():
                work()
        except Exception as error:  # noqa: BLE001 — told to the test
            raised.append(error)
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, raised


@pytest.mark.parametrize("known", [(0, 1, 2), (1, 2), (2,), ()], ids=str)
def test_two_who_widen_the_same_series_both_commit(
    spans: list[SeriesSpan],
    rival: psycopg.Connection[tuple[object, ...]],
    cast: Cast,
    now: dt.datetime,
    known: tuple[int, ...],
) -> None:
    for n in {0, 1, 2} - set(known):
        del series._known[SHARD, spans[n].id]
    given = spans[::-1]
    thread, raised = beside(lambda: series.register(cast.project.id, SHARD, given))
    until_somebody_waits()
    for span in spans[1:]:
        grow(rival, span)
    rival.commit()
    thread.join(20)
    assert raised == []


def test_old_series_are_dropped_past_those_that_somebody_is_writing(
    spans: list[SeriesSpan], rival: psycopg.Connection[tuple[object, ...]], now: dt.datetime
) -> None:
    series.drop(before=now + dt.timedelta(days=30))
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM monitor_series")
        assert cursor.fetchall() == [(spans[0].id,)]


def touch(spans: list[SeriesSpan]) -> bool:
    ids, firsts, lasts = zip(*((one.id, one.first_ms, one.last_ms) for one in spans), strict=True)
    return series.touch(SHARD, ids, firsts, lasts)


def test_known_series_are_widened_without_a_transaction(spans: list[SeriesSpan]) -> None:
    assert touch(spans)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT last_seen FROM monitor_series")
        assert cursor.fetchall() == [(clock.from_ms(spans[0].last_ms),)]
    assert series.covered(SHARD, spans)


def test_series_that_are_gone_are_not_taken_for_widened(spans: list[SeriesSpan]) -> None:
    series.drop(before=clock.from_ms(spans[0].last_ms))
    assert not touch(spans)
    assert not series.covered(SHARD, spans)
