"""Whatever can be watched is read from the stored calls, moves when they do, and shows the calls that moved it."""

import datetime as dt
from typing import Any

import numpy as np
import pytest

from monitor.core.sketches import CategorySketch, RealSketch
from monitor.drift import features, read, windows
from monitor.drift.models import DriftReport, DriftWatch, WatchState
from monitor.drift.subjects import Span, Subject
from monitor.store.calls import generations, scores
from monitor.store.calls.scores import ScoreRow
from tests.drift.test_run import settle
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def calls(push: Push, start: dt.datetime, hours: int, **more: Any) -> list[Any]:
    """120 calls an hour; a value that can be called makes that of each."""
    chance = np.random.default_rng(round(start.timestamp()) % 1000)
    return push([
        {
            "at": start + dt.timedelta(seconds=30 * place),
            **{name: value(chance, place) if callable(value) else value for name, value in more.items()},
        }
        for place in range(120 * hours)
    ])  # fmt: skip


def current(cast: Cast, feature: str, now: dt.datetime, hours: int = 1) -> Any:
    return windows.current(
        Subject(cast.project.id, "qwen", "v1"), features.of(feature), Span(now - hours * HOUR, now)
    )


@pytest.mark.parametrize(
    ("feature", "given", "expected"),
    [
        ("language", {"language": "zh"}, {"zh": 120}),
        ("route", {"route": "/chat"}, {"/chat": 120}),
        ("finish_reason", {"finish_reason": "stop"}, {"stop": 120}),
        ("refusal_rate", {"finish_reason": lambda _, n: "refusal" if n % 4 == 0 else "stop"}, {"refused": 30, "answered": 90}),
        ("error_rate", {"error": lambda _, n: "timeout" if n % 3 == 0 else None}, {"failed": 40, "fine": 80}),
        ("category:region", {"attributes": {"region": "north"}}, {"north": 120}),
    ],
)  # fmt: skip
def test_words_are_counted_the_same_by_call_and_by_hour(
    cast: Cast, push: Push, now: dt.datetime, feature: str, given: dict[str, Any], expected: dict[str, int]
) -> None:
    calls(push, now - 2 * HOUR, 2, **given)
    assert current(cast, feature, now) == CategorySketch(expected)
    twice = current(cast, feature, now, hours=2)
    assert dict(twice.counts) == {name: 2 * n for name, n in expected.items()}


@pytest.mark.parametrize(
    ("feature", "given", "mean"),
    [
        ("token_logprob", {"tokens": [{"text": "a", "logprob": -0.4}]}, -0.4),
        ("retrieval_score", {"contexts": [{"id": "a", "text": "", "score": 0.6}, {"id": "b", "text": "", "score": 0.8}]}, 0.8),
        ("number:temperature", {"attributes": {"temperature": -2.5}}, -2.5),
    ],
)  # fmt: skip
def test_numbers_of_any_sign_are_read_as_they_are(
    cast: Cast, push: Push, now: dt.datetime, feature: str, given: dict[str, Any], mean: float
) -> None:
    calls(push, now - HOUR, 1, **given)
    found = current(cast, feature, now)
    assert isinstance(found, RealSketch)
    assert found.n == 120
    assert found.mean == pytest.approx(mean, rel=0.01)


def test_an_attribute_that_only_some_calls_have_is_read_from_those(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    calls(push, now - HOUR, 1, attributes=lambda _, n: {"k": n} if n % 2 else {"k": "none"})
    assert current(cast, "number:k", now).n == 60
    assert current(cast, "category:k", now).counts == {"none": 60}


def watch(cast: Cast, feature: str, detector: str) -> DriftWatch:
    return DriftWatch.objects.create(
        project=cast.project,
        model="qwen",
        version="v1",
        feature=feature,
        detector=detector,
        reference_hours=6,
    )


def test_a_mix_that_moved_is_drift_and_shows_calls_of_the_value_that_grew(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    calls(push, now - 10 * HOUR, 7, topic=lambda chance, _: "ab"[int(chance.integers(2))])
    calls(push, now - 3 * HOUR, 3, topic=lambda chance, _: "abc"[int(chance.integers(3))])
    found = settle(watch(cast, "topic", "jensen_shannon"), now)
    assert found.state == WatchState.DRIFT
    report = read.report(cast.project.id, found.pk)
    assert report is not None
    assert report.shares[0][0] == "c"
    assert {one.summary.topic for one in generations.many(cast.project.id, report.examples)} == {"c"}


def test_calls_of_the_scores_that_came_up_are_the_examples(cast: Cast, push: Push, now: dt.datetime) -> None:
    def scored(low: float) -> Any:
        return lambda chance, _: {"score": float(chance.uniform(low, low + 0.2))}

    calls(push, now - 10 * HOUR, 7, attributes=scored(0.7))
    calls(push, now - 3 * HOUR, 3, attributes=scored(0.2))
    found = settle(watch(cast, "number:score", "wasserstein"), now)
    assert found.state == WatchState.DRIFT
    report = DriftReport.objects.filter(watch=found).latest("at")
    shown = generations.many(cast.project.id, report.body["examples"])
    assert shown
    assert all(one.detail["attributes"]["score"] < 0.5 for one in shown)


def test_marks_of_another_judge_are_not_compared(cast: Cast, push: Push, now: dt.datetime) -> None:
    def judged(start: dt.datetime, hours: int, author: str) -> None:
        chance = np.random.default_rng(hours)
        ids = calls(push, start, hours)
        rows = [ScoreRow(one, "help", "judge", float(chance.normal(4, 0.3)), "", author) for one in ids]
        scores.put(cast.project.id, rows, now=start + hours * HOUR)

    judged(now - 10 * HOUR, 8, "rubric#1")
    same = settle(watch(cast, "judge_score", "wasserstein"), now - 2 * HOUR)
    assert same.state == WatchState.OK
    judged(now - 2 * HOUR, 2, "rubric#2")
    moved = settle(same, now)
    assert (moved.state, "0 calls" in moved.reason) == (WatchState.UNKNOWN, True)


def test_a_watch_of_nothing_known_says_so_and_stops_no_other(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    calls(push, now - 10 * HOUR, 10)
    found = settle(watch(cast, "mood", "ks"), now)
    assert found.state == WatchState.UNKNOWN
    assert "'mood'" in found.last_error
    assert read.watches(cast.project.id)[0].label == "mood"


@pytest.mark.parametrize("detector", ["embedding_mmd", "embedding_energy", "embedding_classifier"])
def test_detectors_of_samples_show_the_calls_that_they_find_new(
    cast: Cast, push: Push, now: dt.datetime, detector: str
) -> None:
    def near(share: float) -> Any:
        def vector(chance: np.random.Generator, place: int) -> list[float]:
            centre = np.eye(6)[5 if place % 10 < 10 * share else place % 2]
            return [float(one) for one in centre * 2 + chance.normal(0, 0.2, 6)]

        return vector

    calls(push, now - 10 * HOUR, 7, embedding=near(0.0))
    calls(push, now - 3 * HOUR, 3, embedding=near(0.4), output=lambda _, n: "new" if n % 10 < 4 else "old")
    found = settle(watch(cast, "prompt_embedding", detector), now)
    assert found.state == WatchState.DRIFT
    report = DriftReport.objects.filter(watch=found).latest("at")
    shown = generations.many(cast.project.id, report.body["examples"])
    assert {one.output for one in shown} == {"new"}


@pytest.mark.parametrize(("factor", "state"), [(1.0, WatchState.OK), (2.0, WatchState.WARNING)])
def test_a_window_may_be_compared_with_the_same_hours_of_past_weeks(
    cast: Cast, push: Push, now: dt.datetime, factor: float, state: WatchState
) -> None:
    """Every other hour of the last days is far longer: that is of no matter."""

    def length(times: float) -> Any:
        return lambda chance, _: round(float(chance.lognormal(5, 0.5)) * times) + 1

    for week in (4, 3, 2, 1):
        calls(push, now - dt.timedelta(days=7 * week, hours=1), 1, input_tokens=length(1.0))
    calls(push, now - 3 * HOUR, 2, input_tokens=length(9.0))
    calls(push, now - HOUR, 1, input_tokens=length(factor))
    one = watch(cast, "prompt_length", "wasserstein")
    DriftWatch.objects.filter(pk=one.pk).update(past_weeks=4, evaluated_to=now - HOUR)
    one.refresh_from_db()
    found = settle(one, now, rounds=1)
    assert (found.state, found.reference) == (state, {})
    report = DriftReport.objects.filter(watch=found).latest("at")
    assert report.body["reference"]["n"] == 480
