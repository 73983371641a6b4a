"""Points of delta temporality become totals, once each, with their samples."""

import datetime as dt

import pytest

from monitor import query
from monitor.core.deltas import Buckets, Delta
from monitor.core.labels import Labels
from monitor.store.samples import accumulated
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
CALLS = Labels({"__name__": "calls_total", "job": "web"})
TOOK = Labels({"__name__": "took_seconds", "job": "web"})


def ns(now: dt.datetime, seconds: float) -> int:
    return round((now.timestamp() + seconds) * 1e9)


def counted(cast: Cast, expr: str, now: dt.datetime) -> list[float]:
    return [float(value[-1]) for _, _, value in query.instant(cast.project.id, expr, now).points()]


def test_amounts_add_up_over_requests_and_repeats_do_not(cast: Cast, now: dt.datetime) -> None:
    points = [Delta(CALLS, ns(now, at), [CALLS], [5.0]) for at in (-30, -20, -10)]
    assert accumulated.add(cast.project.id, points[:2], now=now) == []
    assert accumulated.add(cast.project.id, points, now=now) == [0, 1]
    assert counted(cast, "calls_total", now) == [15.0]
    assert counted(cast, "count_over_time(calls_total[1m])", now) == [3.0]


def test_a_late_amount_is_in_the_next_total(cast: Cast, now: dt.datetime) -> None:
    for at in (-30, -10, -20, -5):
        accumulated.add(cast.project.id, [Delta(CALLS, ns(now, at), [CALLS], [1.0])], now=now)
    assert counted(cast, "calls_total", now) == [4.0]


def test_native_histograms_add_up(cast: Cast, now: dt.datetime) -> None:
    for at in (-20, -10, -10):
        given = Buckets(3, 4.0, 6.0, 1.0, 0.0, {2: 3.0}, {})
        accumulated.add(cast.project.id, [Delta(TOOK, ns(now, at), buckets=given)], now=now)
    assert counted(cast, "histogram_count(took_seconds)", now) == [8.0]
    assert counted(cast, "histogram_sum(took_seconds)", now) == [12.0]


def test_projects_do_not_add_to_each_other(cast: Cast, now: dt.datetime) -> None:
    for project in (cast.project, cast.other):
        accumulated.add(project.id, [Delta(CALLS, ns(now, -10), [CALLS], [1.0])], now=now)
    assert counted(cast, "calls_total", now) == [1.0]
