"""Points are made of sealed days, made anew when such a day changes, and outlive the samples."""

import datetime as dt

import numpy as np
import pytest
from django.db import connection

from monitor.core import clock, coarse
from monitor.core.coarse import FIVE_MINUTES, HOUR
from monitor.core.labels import Labels
from monitor.store.ageing import coarsening, compact, keeping
from monitor.store.ageing.keeping import Days
from monitor.store.models import Project
from monitor.store.samples import append, blocks
from monitor.store.shards import shards_of
from monitor.store.upkeep import retention
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)
KEEP = Days(90, 180, 730)
LABELS = Labels({"__name__": "x"})


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    keeping.forget()


def fill(project_id: int, begin: dt.datetime, count: int, *, now: dt.datetime, every: int = 60) -> None:
    at = clock.to_ms(begin)
    append.samples(
        project_id, [(LABELS, at + n * every * 1000, float(n % 50)) for n in range(count)], now=now
    )


def sealed(now: dt.datetime) -> None:
    compact.run(now=now + dt.timedelta(minutes=15))


def made(now: dt.datetime) -> int:
    return coarsening.run(now=now, days=KEEP)


def points(project: Project, resolution: int) -> coarse.Points:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM monitor_series WHERE project_id = %s AND name = 'x'", [project.pk])
        ids = [row[0] for row in cursor.fetchall()]
    found = coarsening.points_of(shards_of(project.pk, 1), ids, resolution, -(2**40), 2**45)
    return next(iter(found.values()), coarse.none())


def expected(begin: dt.datetime, count: int, resolution: int, every: int = 60) -> coarse.Points:
    times = clock.to_ms(begin) + np.arange(count) * every * 1000
    return coarse.points(times, (np.arange(count) % 50).astype(np.float64), resolution)


def same(one: coarse.Points, other: coarse.Points) -> bool:
    return all(
        getattr(one, name).tolist() == getattr(other, name).tolist() for name in coarse.Points.__slots__
    )


@pytest.mark.parametrize("resolution", [FIVE_MINUTES, HOUR])
def test_points_say_what_the_samples_say(cast: Cast, now: dt.datetime, resolution: int) -> None:
    begin = now - 14 * DAY
    fill(cast.project.id, begin, 4 * 1440, now=now)
    sealed(now)
    # and the day before, whose last bucket ends at midnight
    assert made(now) == 6
    assert made(now) == 0
    assert same(points(cast.project, resolution), expected(begin, 4 * 1440, resolution))


def test_young_days_wait(cast: Cast, now: dt.datetime) -> None:
    fill(cast.project.id, now - 5 * DAY, 100, now=now)
    sealed(now)
    assert made(now) == 0
    assert made(now + 5 * DAY) == 2


def test_a_late_sample_has_its_day_made_anew(cast: Cast, now: dt.datetime) -> None:
    begin = now - 14 * DAY
    fill(cast.project.id, begin, 300, now=now)
    sealed(now)
    made(now)
    append.samples(cast.project.id, [(LABELS, clock.to_ms(begin) + 1, 1000.0)], now=now)
    sealed(now)
    assert made(now) > 0
    assert points(cast.project, HOUR).most.max() == 1000
    assert points(cast.project, HOUR).count.sum() == 301


def test_deltas_keep_what_they_add_up_to(cast: Cast, push: Push, now: dt.datetime) -> None:
    push(
        [
            {"at": now - 20 * DAY + dt.timedelta(minutes=7 * n), "duration_seconds": 0.5 + n % 3}
            for n in range(100)
        ]
    )
    sealed(now)
    made(now)
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, name FROM monitor_series WHERE project_id = %s", [cast.project.pk])
        names = dict(cursor.fetchall())
    for resolution in coarse.RESOLUTIONS:
        found = coarsening.deltas_of(shards_of(cast.project.pk, 1), list(names), resolution, 0, 2**45)
        total = blocks.join([blocks.empty(), *found.values()])
        wanted = [identity for identity, name in names.items() if name == "llm_requests_total"]
        assert sum(found[identity].tables["f"]["v"].sum() for identity in wanted) == 100
        assert (total.tables["h"]["t"] % resolution == 0).all()
        wanted = [identity for identity, name in names.items() if name == "llm_request_duration_seconds"]
        assert sum(found[identity].tables["h"]["count"].sum() for identity in wanted) == 100


def test_points_outlive_the_samples(cast: Cast, now: dt.datetime) -> None:
    begin = now - 120 * DAY
    fill(cast.project.id, begin, 1440, now=now)
    sealed(now)
    made(now)
    gone = retention.run(now=now, days=90, points=KEEP)
    assert any(name.startswith("monitor_chunk") for name in gone)
    cast.project.refresh_from_db()
    assert cast.project.raw_from is not None
    assert begin < cast.project.raw_from <= now - 90 * DAY
    assert same(points(cast.project, FIVE_MINUTES), expected(begin, 1440, FIVE_MINUTES))
    gone = retention.run(now=now + 200 * DAY, days=90, points=KEEP)
    assert any(name.startswith("monitor_coarse_5m") for name in gone)
    assert not any(name.startswith("monitor_coarse_1h") for name in gone)
    assert len(points(cast.project, FIVE_MINUTES)) == 0
    assert same(points(cast.project, HOUR), expected(begin, 1440, HOUR))


def test_each_project_keeps_what_it_says(cast: Cast, now: dt.datetime) -> None:
    Project.objects.filter(pk=cast.project.pk).update(raw_days=10, five_minute_days=0, hour_days=20)
    begin = now - 15 * DAY
    for project in (cast.project, cast.other):
        fill(project.pk, begin, 1440, now=now)
    sealed(now)
    made(now)
    retention.run(now=now, days=90, points=KEEP)
    assert len(points(cast.project, FIVE_MINUTES)) == 0
    assert same(points(cast.project, HOUR), expected(begin, 1440, HOUR))
    assert same(points(cast.other, FIVE_MINUTES), expected(begin, 1440, FIVE_MINUTES))
    assert chunks_of(cast.project) == 0
    assert chunks_of(cast.other) > 0
    retention.run(now=now + 30 * DAY, days=90, points=KEEP)
    assert len(points(cast.project, HOUR)) == 0
    assert len(points(cast.other, HOUR)) == 25


def chunks_of(project: Project) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM monitor_chunk WHERE project_id = %s", [project.pk])
        return int(cursor.fetchone()[0])


def test_what_comes_after_the_samples_are_gone_spoils_no_point(cast: Cast, now: dt.datetime) -> None:
    begin = now - 120 * DAY
    fill(cast.project.id, begin, 1440, now=now)
    sealed(now)
    made(now)
    retention.run(now=now, days=90, points=KEEP)
    append.samples(cast.project.id, [(LABELS, clock.to_ms(begin) + 1, 1000.0)], now=now)
    sealed(now)
    assert made(now) == 0
    assert same(points(cast.project, FIVE_MINUTES), expected(begin, 1440, FIVE_MINUTES))
