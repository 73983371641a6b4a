"""Questions of one page: the same answers as one by one, out of fewer reads."""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from monitor import query
from monitor.core import clock
from monitor.core.labels import Labels
from monitor.promql import tree
from monitor.promql.evaluate import Evaluation
from monitor.promql.kept import answers
from monitor.promql.values import Grid, Vector
from monitor.store.reading import bases, tapes
from monitor.store.samples import append
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)
EXPRESSIONS = [
    "sum(rate(total[5m]))", "total", "max(gauge)", "rate(llm_requests_total[5m])", "avg_over_time(gauge[10m])",
    "histogram_quantile(0.9, sum(rate(llm_request_duration_seconds[5m])))",
    "histogram_quantile(0.5, sum(rate(llm_request_duration_seconds[5m])))", "sum(rate(total[5m])) * 2",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    forget()
    yield
    forget()


def forget() -> None:
    answers.clear()
    tapes.kept.clear()
    bases.kept.ledgers.clear()


@pytest.fixture
def project(cast: Cast, push: Push, now: dt.datetime) -> int:
    """Two hours of two series and some calls."""
    at, points = clock.to_ms(now), []
    for n in range(240):
        moment = at - (240 - n) * 30_000
        points.append((Labels({"__name__": "gauge"}), moment, float(np.sin(n / 30))))
        points.append((Labels({"__name__": "total"}), moment, float(n % 100)))
    append.samples(cast.project.id, points, now=now)
    push([{"at": now - dt.timedelta(seconds=60 * n), "duration_seconds": 0.2 + n % 5} for n in range(1, 60)])
    return cast.project.id


def ahead(now: dt.datetime, exprs: list[str]) -> list[query.Asking]:
    return [query.Asking(expr, now - HOUR, now, MINUTE) for expr in exprs]


def told(project: int, one: query.Asking) -> Any:
    found = query.range(project, one.expr, one.start, one.end, one.step or MINUTE)
    return [
        (labels, times.tolist(), values.tolist()) for labels, times, values in found.points()
    ], found.samples


def reads(caught: CaptureQueriesContext) -> int:
    return sum("FROM monitor_sample_batch" in one["sql"] for one in caught.captured_queries)


def test_answers_are_the_same_as_one_by_one(project: int, now: dt.datetime) -> None:
    asked = ahead(now, EXPRESSIONS)
    alone = [told(project, one) for one in asked]
    forget()
    with query.together(project, asked):
        assert [told(project, one) for one in asked] == alone
    assert all(points for points, _ in alone)


def test_one_window_and_a_curve_are_answered_together_as_apart(project: int, now: dt.datetime) -> None:
    calls, seconds = "sum(increase(llm_requests_total[W]))", "sum(increase(llm_request_duration_seconds[W]))"
    exprs = [calls, f"histogram_quantile(0.9, {seconds})", f"histogram_sum({seconds})"]
    asked = [
        query.Asking(one.replace("[W]", "[2h]"), now, now)
        for one in [*exprs, exprs[0].replace("]", "] offset 30m")]
    ]
    asked += ahead(now, [one.replace("[W]", "[5m]") for one in exprs[:2]])
    alone = [answered(project, one) for one in asked]
    forget()
    with query.together(project, asked):
        assert [answered(project, one) for one in asked] == alone
    assert all(alone)


def answered(project: int, one: query.Asking) -> Any:
    if one.step is None:
        found = query.instant(project, one.expr, one.end).single()
        # what was added up apart differs by its last digit
        return found and round(found, 9)
    return told(project, one)[0]


def test_a_page_reads_once(project: int, now: dt.datetime) -> None:
    asked = ahead(now, EXPRESSIONS)
    with CaptureQueriesContext(connection) as caught, query.together(project, asked):
        for one in asked:
            told(project, one)
    assert reads(caught) <= 2


def test_what_was_not_foreseen_is_answered_too(project: int, now: dt.datetime) -> None:
    with query.together(project, ahead(now, ["total", "gauge"])):
        assert query.instant(project, "count(gauge)", now).single() == 1


def test_a_mistake_stays_with_its_question(project: int, now: dt.datetime) -> None:
    with query.together(project, ahead(now, ["total +", "gauge", "total"])):
        assert query.range(project, "gauge", now - HOUR, now, MINUTE).labels
        with pytest.raises(query.Failed):
            query.range(project, "total +", now - HOUR, now, MINUTE)


def test_what_is_too_much_together_is_asked_one_by_one(project: int, now: dt.datetime) -> None:
    with query.together(project, ahead(now, ["total", "gauge"]), limits=query.Limits(samples=150)):
        assert query.range(project, "gauge", now - HOUR, now, MINUTE).labels


def test_another_project_is_not_answered_out_of_this_one(project: int, now: dt.datetime) -> None:
    with query.together(project, ahead(now, ["total", "gauge"])):
        assert not query.range(project + 1, "gauge", now - HOUR, now, MINUTE).labels


def test_samples_that_came_since_are_seen_afterwards(project: int, now: dt.datetime) -> None:
    with query.together(project, ahead(now, ["total", "fresh"])):
        append.samples(project, [(Labels({"__name__": "fresh"}), clock.to_ms(now), 1.0)], now=now)
    assert query.instant(project, "fresh", now).single() == 1


def test_what_questions_have_in_common_is_worked_out_once(
    project: int, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    whole = Evaluation._aggregation

    def noting(self: Evaluation, node: tree.Aggregation, grid: Grid) -> Vector:
        begun.append(node.op)
        return whole(self, node, grid)

    monkeypatch.setattr(Evaluation, "_aggregation", noting)
    asked = ahead(now, [f"sum(rate(total[5m])) {rest}" for rest in ("* 2", "> 0", "+ sum(rate(total[5m]))")])
    with query.together(project, asked):
        for one in asked:
            told(project, one)
    assert begun == ["sum"]
