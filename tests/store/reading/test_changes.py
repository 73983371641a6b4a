"""A look at the store tells what has changed since the last one, and is told nothing twice."""

import datetime as dt
import threading

import pytest
from django.db import connection, transaction

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.store.models import Project
from monitor.store.reading import catalog
from monitor.store.samples import append

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def project() -> int:
    return Project.objects.create(slug="looks", created_at=NOW).pk


def push(project: int, name: str) -> None:
    append.samples(project, [(Labels({"__name__": name}), clock.to_ms(NOW), 1.0)], now=NOW)


def names(project: int) -> set[str]:
    return {known.labels.name for known in catalog.of_project(project).members.values()}


def test_what_others_commit_is_seen_at_the_next_look(project: int) -> None:
    # the third time it is only asked whether there is any news
    assert [names(project) for _ in range(3)] == [set()] * 3

    def other() -> None:
        push(project, "hits")
        connection.close()

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert names(project) == {"hits"}


def test_a_look_at_an_unchanged_store_reads_no_table(project: int) -> None:
    push(project, "hits")
    with transaction.atomic():
        with connection.cursor() as cursor:
            # whatever happens elsewhere on this server
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        catalog.of_project(project)
        before = _scans()
        names(project)
        assert _scans() == before


def test_a_transaction_sees_what_it_has_written_itself(project: int) -> None:
    with transaction.atomic():
        push(project, "hits")
        assert names(project) == {"hits"}
        push(project, "misses")
        assert names(project) == {"hits", "misses"}


def test_the_number_of_shards_is_remembered(project: int) -> None:
    Project.objects.filter(pk=project).update(buckets=4)
    seen = [catalog.of_project(project).moment.buckets for _ in range(2)]
    assert seen == [4, 4]


def _scans() -> int:
    """How often this transaction has read the table of series."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(seq_scan, 0) + coalesce(idx_scan, 0) FROM pg_stat_xact_user_tables"
            " WHERE relname = 'monitor_series'"
        )
        return int(cursor.fetchone()[0])
