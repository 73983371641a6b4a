"""What is too old goes, whole partitions at a time; what is not, stays."""

import datetime as dt

import pytest
from django.db import connection

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation
from monitor.store import partitions
from monitor.store.ageing import compact
from monitor.store.calls import generations
from monitor.store.calls.generations import Filter
from monitor.store.models import Project
from monitor.store.samples import append
from monitor.store.upkeep import retention
from tests.fixtures.fix_cast import Cast

# pushed batches are left alone at first
LATER = dt.timedelta(seconds=30)
pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


def count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 — our own table names
        return int(cursor.fetchone()[0])


def push(cast: Cast, at: dt.datetime) -> None:
    pipeline.take(
        cast.project.id, Batch(generations=[Generation(model="m", started_ms=clock.to_ms(at))]), now=at
    )


def test_old_days_are_dropped_and_young_ones_stay(cast: Cast, now: dt.datetime) -> None:
    push(cast, now - 40 * DAY)
    push(cast, now - 2 * DAY)
    gone = retention.run(now=now, days=30)
    assert any(name.startswith("monitor_generation_d") for name in gone)
    assert count("monitor_generation") == count("monitor_payload") == 1


def test_a_day_of_batches_goes_when_it_is_empty(cast: Cast, now: dt.datetime) -> None:
    old = now - 5 * DAY
    # days that others have left
    retention.run(now=now, days=30)
    append.samples(cast.project.id, [(Labels({"__name__": "x"}), clock.to_ms(old), 1.0)], now=old)
    assert not any("sample_batch" in name for name in retention.run(now=now, days=30))
    compact.run(now=now + LATER)
    assert any("sample_batch" in name for name in retention.run(now=now, days=30))
    assert count("monitor_chunk") == 1


def test_the_coming_days_are_ready(cast: Cast, now: dt.datetime) -> None:
    retention.run(now=now, days=30)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [f"monitor_generation_d{now + 7 * DAY:%Y%m%d}"])
        assert cursor.fetchone()[0] is not None


def test_a_deleted_project_is_gone_from_every_table(cast: Cast, now: dt.datetime) -> None:
    push(cast, now)
    retention.mark_deleted(cast.project, now=now)
    assert not Project.objects.filter(slug="shop").exists()
    assert retention.remove_deleted() == 1
    assert [count(table) for table in retention.PROJECT_TABLES] == [0] * len(retention.PROJECT_TABLES)


def test_partitions_by_id_hold_their_day(cast: Cast, now: dt.datetime) -> None:
    partitions.for_generations([clock.to_ms(now)])
    push(cast, now)
    assert count(f"monitor_generation_d{now:%Y%m%d}") == 1


def test_texts_may_live_shorter_than_their_calls(cast: Cast, now: dt.datetime) -> None:
    push(cast, now - 10 * DAY)
    push(cast, now - 2 * DAY)
    Project.objects.filter(pk=cast.project.pk).update(content_days=7)
    retention.run(now=now, days=30)
    assert (count("monitor_generation"), count("monitor_payload")) == (2, 1)
    found = generations.page(Filter(cast.project.id, now - 30 * DAY, now))
    assert [(one.model, one.prompt) for one in found] == [("m", ""), ("m", "")]


def test_texts_of_others_on_the_same_day_stay(cast: Cast, now: dt.datetime) -> None:
    old = now - 10 * DAY
    push(cast, old)
    call = Generation(model="m", started_ms=clock.to_ms(old))
    pipeline.take(cast.other.id, Batch(generations=[call]), now=old)
    Project.objects.filter(pk=cast.project.pk).update(content_days=7)
    retention.run(now=now, days=30)
    assert count("monitor_payload") == 1
    push(cast, old)
    assert count("monitor_payload") == 2
