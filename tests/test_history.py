"""What was asked while the samples were there is answered the same when only points are left."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from django.db import connection

from monitor import query
from monitor.core import clock
from monitor.core.labels import Labels
from monitor.core.samples import STALE
from monitor.promql.errors import TooMuchError
from monitor.promql.kept import answers
from monitor.store.ageing import coarsening, compact, keeping
from monitor.store.ageing.keeping import Days
from monitor.store.reading import catalog, tapes
from monitor.store.reading.bases import kept as bases
from monitor.store.samples import append
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
KEEP = Days(90, 180, 730)
Told = dict[Labels, list[tuple[int, float]]]


def told(result: query.Result) -> Told:
    return {
        labels: list(zip(times.tolist(), values.tolist(), strict=True))
        for labels, times, values in result.points()
    }


def from_points(result: query.Result) -> bool:
    return any("points" in info for info in result.infos)


def same(one: Told, other: Told, within: float = 1e-9) -> bool:
    return one.keys() == other.keys() and all(
        [at for at, _ in one[key]] == [at for at, _ in other[key]]
        and np.allclose([v for _, v in one[key]], [v for _, v in other[key]], rtol=within, atol=1e-9)
        for key in one
    )


@pytest.fixture(autouse=True)
def _nothing_remembered() -> None:
    forget()


def forget() -> None:
    keeping.forget()
    answers.clear()
    tapes.kept.clear()
    bases.ledgers.clear()
    catalog._catalogs.clear()


@pytest.fixture
def now() -> dt.datetime:
    """What is old is told by the database's own clock."""
    return clock.from_ms(clock.to_ms(clock.now()) // 3_600_000 * 3_600_000)


@pytest.fixture
def begin(now: dt.datetime) -> dt.datetime:
    return now - 11 * DAY


@pytest.fixture
def filled(cast: Cast, push: Push, now: dt.datetime, begin: dt.datetime) -> int:
    """Twelve hours of samples every 30 s, eleven days ago, with resets, gaps and an end; and calls."""
    at, points = clock.to_ms(begin), []
    for n in range(1440):
        moment = at + n * 30_000 + 1
        points.append((named("gauge", "a"), moment, float(np.sin(n / 30))))
        if n % 200 < 150:
            points.append((named("total", "a"), moment, float(n % 500)))
        if n < 700:
            points.append((named("total", "b"), moment, float(n * 2)))
        if n == 700:
            points.append((named("total", "b"), moment, float(STALE)))
    append.samples(cast.project.id, points, now=now)
    push([{"at": begin + dt.timedelta(seconds=90 * n), "duration_seconds": 0.2 + n % 5} for n in range(400)])
    compact.run(now=now + HOUR)
    coarsening.run(now=now, days=KEEP)
    return cast.project.id


def named(name: str, i: str) -> Labels:
    return Labels({"__name__": name, "i": i})


@pytest.fixture
def bury(cast: Cast) -> Callable[[dt.datetime], None]:
    """Remove the samples before a moment, as retention does."""

    def remove(until: dt.datetime) -> None:
        keeping.samples_begin(until, cast.project.id)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM monitor_chunk WHERE max_ms <= %s", [clock.to_ms(until)])
        forget()

    return remove


EXACT = [
    "rate(total[30m])", "increase(total[5m])", "delta(gauge[1h])", "min_over_time(gauge[15m])", "max_over_time(total[1h])",
    "sum_over_time(gauge[30m])", "count_over_time(total[5m])", "avg_over_time(gauge[10m])", "last_over_time(total[15m])",
    "total", "gauge offset 1h", "sum by (i) (rate(total[30m])) / 2 > 0", "sum(gauge) + on () group_left count(total)",
    "rate(total[1h] offset 30m)", "max(present_over_time(total[5m]))", "quantile(0.5, total)",
]  # fmt: skip


def test_aligned_steps_are_answered_exactly(
    filled: int, begin: dt.datetime, now: dt.datetime, bury: Callable[[dt.datetime], None]
) -> None:
    span = (begin + 2 * HOUR, begin + 13 * HOUR, dt.timedelta(minutes=10))
    before = {expr: told(query.range(filled, expr, *span)) for expr in EXACT}
    at_once = {expr: told(query.instant(filled, expr, begin + 4 * HOUR)) for expr in EXACT}
    bury(now)
    for expr in EXACT:
        found = query.range(filled, expr, *span)
        assert same(before[expr], told(found)), expr
        assert any("answered from points of 5m" in info for info in found.infos), expr
        assert same(at_once[expr], told(query.instant(filled, expr, begin + 4 * HOUR))), expr


def test_samples_answer_where_they_are(
    filled: int, begin: dt.datetime, bury: Callable[[dt.datetime], None], cast: Cast, now: dt.datetime
) -> None:
    """A question over both: early steps from points, late ones from samples, none from both."""
    later = now - 3 * HOUR
    append.samples(
        filled,
        [(named("total", "b"), clock.to_ms(later) + 30_000 * n, float(n)) for n in range(300)],
        now=now,
    )
    span = (begin + HOUR, now, dt.timedelta(hours=1))
    before = told(query.range(filled, "rate(total[30m])", *span))
    bury(now - DAY)
    found = query.range(filled, "rate(total[30m])", *span)
    assert same(before, told(found))
    late = query.range(filled, "rate(total[30m])", later, now, dt.timedelta(minutes=1))
    assert not from_points(late)
    assert told(late)


def test_what_points_do_not_know_is_not_made_up(
    filled: int, begin: dt.datetime, now: dt.datetime, bury: Callable[[dt.datetime], None]
) -> None:
    bury(now)
    for expr in ("stddev_over_time(gauge[30m])", "rate(total[7m])", "changes(total[1h])"):
        found = query.instant(filled, expr, begin + 4 * HOUR)
        assert told(found) == {}
        assert any("can't do without" in info for info in found.infos), expr


def test_other_steps_end_a_little_early_and_say_so(
    filled: int, begin: dt.datetime, now: dt.datetime, bury: Callable[[dt.datetime], None]
) -> None:
    at = begin + 4 * HOUR
    before = told(query.instant(filled, "increase(total[30m])", at))
    bury(now)
    found = query.instant(filled, "increase(total[30m])", at + dt.timedelta(seconds=299))
    assert [v for rows in before.values() for _, v in rows] == [
        v for rows in told(found).values() for _, v in rows
    ]
    assert any("windows end up to 5m early" in info for info in found.infos)


def test_the_coarser_points_answer_when_the_finer_are_gone(
    filled: int, begin: dt.datetime, now: dt.datetime, bury: Callable[[dt.datetime], None], settings: Any
) -> None:
    span = (begin + 3 * HOUR, begin + 10 * HOUR, HOUR)
    before = told(query.range(filled, "max_over_time(gauge[2h])", *span))
    settings.VIGIL_RETENTION_5M_DAYS = 9
    bury(now)
    found = query.range(filled, "max_over_time(gauge[2h])", *span)
    assert same(before, told(found))
    assert any("points of 1h" in info for info in found.infos)


def test_calls_are_counted_as_they_were(
    filled: int, begin: dt.datetime, now: dt.datetime, bury: Callable[[dt.datetime], None]
) -> None:
    span = (begin + 2 * HOUR, begin + 8 * HOUR, HOUR)
    exprs = {
        "sum(increase(llm_requests_total[1h]))": 0.06, "sum(rate(llm_requests_total[1h]))": 0.06,
        "histogram_quantile(0.9, sum(rate(llm_request_duration_seconds[1h])))": 0.06,
        "histogram_avg(sum(increase(llm_request_duration_seconds[2h])))": 0.06,
    }  # fmt: skip
    before = {expr: told(query.range(filled, expr, *span)) for expr in exprs}
    bury(now)
    for expr, within in exprs.items():
        assert same(before[expr], told(query.range(filled, expr, *span)), within), expr
    counted = query.range(
        filled, "sum(increase(llm_requests_total[6h]))", begin + 7 * HOUR, begin + 7 * HOUR, HOUR
    )
    assert told(counted)[Labels()][0][1] == 240


def test_too_many_samples_are_spared_by_points(filled: int, begin: dt.datetime) -> None:
    span = (begin + 2 * HOUR, begin + 11 * HOUR, dt.timedelta(minutes=10))
    whole = told(query.range(filled, "rate(total[30m])", *span))
    tight = query.Limits(samples=600)
    forget()
    found = query.range(filled, "rate(total[30m])", *span, limits=tight)
    assert same(whole, told(found))
    assert from_points(found)
    with pytest.raises(TooMuchError):
        query.range(filled, "stddev_over_time(total[30m])", *span, limits=tight)


def test_within_its_limits_a_question_reads_samples(filled: int, begin: dt.datetime) -> None:
    found = query.range(filled, "rate(total[30m])", begin, begin + 11 * HOUR, dt.timedelta(minutes=7))
    assert not from_points(found)


def test_points_that_are_not_made_yet_spare_nothing(cast: Cast, filled: int, begin: dt.datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE monitor_coarse_day SET made = false WHERE project_id = %s", [filled])
    with pytest.raises(TooMuchError):
        query.range(
            filled,
            "rate(total[30m])",
            begin,
            begin + 11 * HOUR,
            dt.timedelta(minutes=10),
            limits=query.Limits(samples=600),
        )
