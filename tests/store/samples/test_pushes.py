"""A pushed sample is stored once; another value for its time is refused, whoever sends it and however late."""

import datetime as dt
import itertools
import random
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.core import clock
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels, Matcher
from monitor.core.samples import STALE, Selection, joined, of_points
from monitor.store.ageing import compact
from monitor.store.models import Chunk, Project
from monitor.store.reading.select import select
from monitor.store.samples import homes, pushes, stored
from tests.fixtures.fix_cast import Cast

# pushed batches are left alone at first
LATER = dt.timedelta(seconds=30)
pytestmark = pytest.mark.django_db
Committed = Callable[..., AbstractContextManager[object]]
X = Labels({"__name__": "x", "job": "a"})
Y = Labels({"__name__": "x", "job": "b"})
HOUR = 3_600_000
# examples of one property share a database
RUNS = itertools.count()


@pytest.fixture
def push(
    cast: Cast, now: dt.datetime, django_capture_on_commit_callbacks: Committed
) -> Callable[..., list[int]]:
    """Store (labels, seconds after noon, value) as one request; the positions that were refused."""

    def one(*points: tuple[Labels, int, float]) -> list[int]:
        at = clock.to_ms(now)
        given_points = of_points([(labels, at + seconds * 1000, value) for labels, seconds, value in points])
        with django_capture_on_commit_callbacks(execute=True):
            refused: list[int] = pushes.store(cast.project.id, given_points, now=now).tolist()
        return refused

    return one


@pytest.fixture
def values(cast: Cast, now: dt.datetime) -> Callable[[Labels], list[float]]:
    def of(labels: Labels) -> list[float]:
        matchers = tuple(Matcher(name, "=", value) for name, value in labels.items())
        at = clock.to_ms(now)
        (found,) = select(
            cast.project.id, [Selection(matchers, at - 9 * HOUR, at + HOUR)], max_samples=10**6
        )[0]
        return list(found.values.tolist())

    return of


Push = Callable[..., list[int]]
Values = Callable[[Labels], list[float]]


def test_a_repeated_request_is_taken_silently_and_stored_once(push: Push, values: Values) -> None:
    request = [(X, 0, 1.0), (X, 15, 2.0), (Y, 0, STALE)]
    assert push(*request) == []
    assert push(*request) == []
    assert values(X) == [1.0, 2.0]


def test_another_value_for_a_stored_time_is_refused_and_the_rest_is_kept(push: Push, values: Values) -> None:
    push((X, 0, 1.0), (X, 15, 2.0))
    assert push((X, 30, 3.0), (X, 15, 9.0), (Y, 15, 4.0)) == [1]
    assert (values(X), values(Y)) == ([1.0, 2.0, 3.0], [4.0])


def test_of_two_values_in_one_request_the_first_stays(push: Push, values: Values) -> None:
    assert push((X, 15, 1.0), (Y, 0, 5.0), (X, 15, 2.0), (X, 15, 1.0)) == [2]
    assert values(X) == [1.0]


def test_a_sample_before_the_newest_fills_its_gap(push: Push, values: Values) -> None:
    push((X, 0, 0.0), (X, 30, 2.0))
    assert push((X, 15, 1.0), (X, 30, 2.0)) == []
    assert values(X) == [0.0, 1.0, 2.0]


def test_what_is_sealed_is_known_too(push: Push, values: Values, now: dt.datetime) -> None:
    early = -5 * 3600
    push((X, early, 1.0), (X, early + 15, 2.0))
    assert compact.run(now=now + LATER).chunks > 0
    assert push((X, early, 1.0), (X, early + 15, 7.0), (X, early + 30, 3.0)) == [1]
    assert values(X) == [1.0, 2.0, 3.0]


def test_in_order_samples_are_not_looked_up(push: Push, monkeypatch: pytest.MonkeyPatch) -> None:
    push((X, 0, 1.0))

    def never(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(stored, "values_at", never)
    assert push((X, 15, 2.0), (Y, 0, 1.0)) == []


def test_a_process_that_has_just_started_looks_up_what_it_does_not_know(push: Push, values: Values) -> None:
    push((X, 0, 1.0))
    homes.forget()
    assert push((X, 0, 2.0)) == [0]
    assert values(X) == [1.0]


def test_what_another_process_wrote_is_heard(
    push: Push, values: Values, monkeypatch: pytest.MonkeyPatch
) -> None:
    push((X, 0, 1.0))
    ours = homes._homes
    with monkeypatch.context() as other:
        other.setattr(homes, "_homes", {})
        push((X, 15, 2.0))
    assert homes._homes is ours
    assert push((X, 15, 9.0)) == [0]
    assert values(X) == [1.0, 2.0]


def native(at: int, count: float) -> tuple[Labels, HistogramRun]:
    one = np.array([[count]])
    run = HistogramRun(
        np.array([at]),
        np.array([count]),
        np.array([1.0]),
        np.zeros(1),
        positive_index=np.arange(1),
        positive=one,
    )
    return Labels({"__name__": "took", "job": "a"}), run


def test_a_native_histogram_stays_as_it_was_stored_first(cast: Cast, now: dt.datetime) -> None:
    at, project = clock.to_ms(now), cast.project.id
    labels, _ = native(at, 1.0)
    later = native(at + 1, 3.0)
    assert pushes.store(project, of_points([]), natives=[native(at, 1.0)], now=now).tolist() == []
    assert pushes.store(project, of_points([]), natives=[native(at, 1.0), later], now=now).tolist() == []
    assert pushes.store(project, of_points([(X, at, 1.0)]), natives=[native(at, 2.0)], now=now).tolist() == [
        1
    ]
    assert pushes.store(project, of_points([(labels, at, 2.0)]), now=now).tolist() == [0]
    (found,) = select(project, [Selection((Matcher("__name__", "=", "took"),), at, at + 9)], max_samples=99)[
        0
    ]
    assert [run.count.tolist() for run in found.histograms] == [[1.0, 3.0]]
    assert not len(found.times)


def test_a_day_of_a_series_is_one_chunk_that_grows(push: Push, values: Values, now: dt.datetime) -> None:
    dice = random.Random(7)
    midnight = -clock.to_ms(now) // 1000 % 86_400 - 86_400
    first = [(X, midnight + second, dice.random()) for second in range(600)]
    second = [(X, midnight + 5 * 3600 + second, dice.random()) for second in range(300)]
    for part in (first, second):
        push(*part)
        compact.run(now=now + LATER)
    chunk = Chunk.objects.get()
    assert (chunk.n, len(chunk.data) % 1996, len(chunk.data) > 0, len(chunk.rest) > 0) == (900, 0, True, True)
    start = clock.to_ms(now) + midnight * 1000
    matchers = (Matcher("__name__", "=", "x"),)
    project = Project.objects.get(id=chunk.project_id)
    (found,) = select(project.pk, [Selection(matchers, start, start + 86_400_000)], max_samples=10**6)[0]
    assert found.values.tolist() == [value for _, _, value in first + second]


def test_buckets_share_the_work_and_know_the_same(cast: Cast, push: Push, values: Values) -> None:
    cast.project.buckets = 4
    cast.project.save()
    many = [(Labels({"__name__": "x", "job": str(n)}), 0, float(n)) for n in range(20)]
    assert push(*many) == []
    assert push(*many, (many[7][0], 0, 70.0)) == [20]
    assert values(many[7][0]) == [7.0]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=6),
        max_size=5,
    ),
)
def test_any_requests_end_as_if_each_sample_came_alone(
    push: Push, values: Values, requests: list[list[tuple[int, int, int]]]
) -> None:
    kept: dict[tuple[int, int], int] = {}
    run = next(RUNS)
    names = [Labels({"__name__": "x", "job": f"{run}-{n}"}) for n in range(3)]
    for request in requests:
        wrong = [
            n
            for n, (owner, second, value) in enumerate(request)
            if kept.setdefault((owner, second), value) != value
        ]
        assert push(*((names[owner], second, float(value)) for owner, second, value in request)) == wrong
    for owner, labels in enumerate(names):
        mine = [float(value) for (who, _), value in sorted(kept.items()) if who == owner]
        if mine:
            assert values(labels) == mine


def test_joined_columns_keep_owners_apart() -> None:
    both = joined(of_points([(X, 1, 1.0), (Y, 2, 2.0)]), of_points([(X, 3, 3.0)]))
    left = both.where(both.values > 1.5)
    assert [both.labels[n] for n in left.owners()] == [Y, X]
    assert left.times.tolist() == [2, 3]
