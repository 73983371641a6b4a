import datetime as dt

import pytest

from monitor import query
from monitor.core.sketches import LogSketch
from monitor.drift import pinning, run, values, windows
from monitor.drift.features import FEATURES
from monitor.drift.models import DriftReport, DriftWatch, WatchState
from monitor.drift.subjects import Span, Subject
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_traffic import Traffic

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


def watch_of(cast: Cast, feature: str = "prompt_length", version: str = "v1") -> DriftWatch:
    return DriftWatch.objects.get(project=cast.project, feature=feature, version=version)


@pytest.fixture
def watch(cast: Cast) -> DriftWatch:
    return DriftWatch.objects.create(
        project=cast.project, model="qwen", version="v1", feature="prompt_length", detector="wasserstein",
        reference_hours=6,
    )  # fmt: skip


def settle(watch: DriftWatch, now: dt.datetime, rounds: int = 4) -> DriftWatch:
    """Run until nothing is due any more."""
    for _ in range(rounds):
        rows = windows.traffic(watch.project_id, Span(now - run.LOOKBACK, now))
        watch.refresh_from_db()
        if not run.run(watch, rows, now=now):
            break
    watch.refresh_from_db()
    return watch


def test_calm_traffic_is_as_always(now: dt.datetime, watch: DriftWatch, traffic: Traffic) -> None:
    traffic(10)
    assert settle(watch, now).state == WatchState.OK


def test_longer_prompts_are_drift_within_two_hours(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(8, until=now - 3 * HOUR)
    traffic(3, factor=2.0)
    assert settle(watch, now).state == WatchState.DRIFT


def test_the_effect_its_band_and_the_evidence_can_be_asked_for(
    cast: Cast, now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(8, until=now - 3 * HOUR)
    traffic(3, factor=2.0)
    settle(watch, now)
    beyond = 'llm_drift_effect{feature="prompt_length",version="v1"} > llm_drift_normal_high'
    assert (query.instant(cast.project.id, beyond, now).single() or 0) > 0
    assert query.instant(cast.project.id, 'llm_drift_evidence{slice=""} >= 1', now).single() == 1


def test_seconds_are_told_apart_far_below_half_of_one(cast: Cast, push: Push, now: dt.datetime) -> None:
    push([{"at": now - HOUR / 2, "duration_seconds": 0.02 * (1 + place % 3)} for place in range(30)])
    subject = Subject(cast.project.id, "qwen", "v1")
    found = windows.current(subject, FEATURES["latency"], Span(now - HOUR, now))
    assert isinstance(found, LogSketch)
    assert found.values == pytest.approx([0.02, 0.04, 0.06], rel=0.05)


def test_a_replay_gives_what_live_steps_gave_and_nothing_of_another_detector(
    cast: Cast, now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(8, until=now - 3 * HOUR)
    traffic(3, factor=2.0)
    settle(watch, now)
    series = 'max by (feature) (max_over_time(llm_drift_effect{detector="wasserstein"}[1d]))'
    before = query.instant(cast.project.id, series, now).single()
    last = DriftReport.objects.filter(watch=watch).latest("at")
    assert run.replay(cast.project.id, now - 12 * HOUR, now, now=now) > 0
    assert query.instant(cast.project.id, series, now).single() == pytest.approx(before)
    again = DriftReport.objects.filter(watch=watch).latest("at")
    assert (again.at, again.state, again.effect) == (last.at, last.state, last.effect)


def test_history_told_late_gives_the_same_steps(
    cast: Cast, now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(10)
    rows = windows.traffic(cast.project.id, Span(now - run.LOOKBACK, now))
    found = pinning.reference_of(watch, rows)
    late = run.due_steps(watch, found, rows, now=now)
    assert late[0] == windows.aligned(late[0], HOUR)
    assert late[-1] > now - 2 * run.STEP
    assert late == sorted(set(late))


def test_a_history_that_is_caught_up_in_hours_leaves_no_gaps_in_the_series(
    cast: Cast, now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(12)
    settle(watch, now)
    start, end = now - 4 * HOUR, now - 1 * HOUR
    found = query.range(cast.project.id, "llm_drift_effect", start, end, dt.timedelta(minutes=5))
    assert found.floats.all()


def test_steps_wait_for_the_history_that_is_still_being_told(
    cast: Cast, now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(9, until=now - 5 * HOUR)
    settle(watch, now)
    assert watch.evaluated_to is not None
    assert watch.evaluated_to <= now - 5 * HOUR


def test_a_version_in_its_first_hours_is_learning_and_has_no_effect(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(4)
    settle(watch, now)
    assert (watch.state, watch.reference) == (WatchState.LEARNING, {})
    assert not DriftReport.objects.exists()


def test_too_few_calls_are_unknown_and_leave_a_gap(
    cast: Cast, now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(8, until=now - 2 * HOUR)
    traffic(2, per_hour=5)
    settle(watch, now)
    assert watch.state == WatchState.UNKNOWN
    assert "at least 30" in watch.reason
    assert query.instant(cast.project.id, "llm_drift_effect", now).single() is None


def test_a_project_that_fell_silent_is_unknown_and_not_as_always(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(10)
    assert settle(watch, now).state == WatchState.OK
    run.run_due(now=now + 3 * HOUR)
    watch.refresh_from_db()
    assert (watch.state, watch.reason[:14]) == (WatchState.UNKNOWN, "no calls since")
    run.run_due(now=now + dt.timedelta(days=30))
    watch.refresh_from_db()
    assert watch.state == WatchState.UNKNOWN


def test_a_new_version_borrows_the_reference_of_the_one_before(
    cast: Cast, now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(10)
    traffic(2, version="v2", factor=2.0)
    output = DriftWatch.objects.create(
        project=cast.project, model="qwen", version="v2", feature="output_length", detector="wasserstein",
        reference_hours=6,
    )  # fmt: skip
    settle(output, now)
    assert output.reference == {}
    report = DriftReport.objects.filter(watch=output).first()
    assert report is not None
    assert report.body["reference"]["version"] == "v1"
    assert report.state in {WatchState.WARNING, WatchState.DRIFT}


def test_inputs_keep_the_pinned_measure_of_the_version_before(
    cast: Cast, now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(9)
    settle(watch, now)
    traffic(2, version="v2")
    other = DriftWatch.objects.create(
        project=cast.project, model="qwen", version="v2", feature="prompt_length", detector="wasserstein",
        reference_hours=1,
    )  # fmt: skip
    settle(other, now)
    assert (other.reference_version, other.reference_from) == ("v1", watch.reference_from)


def test_a_reference_given_by_people_is_taken(now: dt.datetime, watch: DriftWatch, traffic: Traffic) -> None:
    traffic(10)
    DriftWatch.objects.update(reference_from=now - 9 * HOUR, reference_to=now - 4 * HOUR)
    settle(watch, now)
    assert watch.reference["span"]["start"] == (now - 9 * HOUR).isoformat()


def test_pinning_anew_makes_the_drifted_hours_normal(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(8, until=now - 8 * HOUR)
    traffic(8, factor=2.0)
    assert settle(watch, now - HOUR).state == WatchState.DRIFT
    pinning.repin(watch, now - 7 * HOUR, now - HOUR)
    assert settle(watch, now).state == WatchState.OK


def test_a_step_is_taken_by_one_worker_only(now: dt.datetime, watch: DriftWatch, traffic: Traffic) -> None:
    traffic(8)
    rows = windows.traffic(watch.project_id, Span(now - run.LOOKBACK, now))
    other = DriftWatch.objects.get(pk=watch.pk)
    detector = run.make(watch)
    found = pinning.reference_of(watch, rows)
    moment = run.due_steps(watch, found, rows, now=now)[0]
    assert run.step(watch, detector, found, moment, 100.0, now=now)
    assert not run.step(other, detector, found, moment, 100.0, now=now)


def test_a_detector_that_does_not_fit_its_feature_says_so(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(1)
    DriftWatch.objects.update(detector="embedding_distance")
    settle(watch, now)
    assert watch.state == WatchState.UNKNOWN
    assert "compares vectors" in watch.last_error


def test_the_report_holds_both_histograms_on_the_same_bars_and_what_is_new(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(8, until=now - 2 * HOUR, per_hour=200)
    traffic(2, factor=3.0, per_hour=300)
    settle(watch, now)
    report = DriftReport.objects.filter(watch=watch).first()
    assert report is not None
    bars = report.body["histogram"]
    assert len(bars["edges"]) - 1 == len(bars["reference"]) == len(bars["current"])
    assert sum(bars["current"]) == pytest.approx(1.0, abs=1e-3)
    assert report.body["change"] == pytest.approx(2.0, rel=0.2)
    assert len(report.body["examples"]) == 10


def test_passing_reports_are_dropped_and_those_at_window_ends_stay(
    now: dt.datetime, watch: DriftWatch, push: Push, traffic: Traffic
) -> None:
    traffic(9)
    settle(watch, now)
    moments = [report.at for report in DriftReport.objects.filter(watch=watch)]
    passing = [at for at in moments if at != windows.aligned(at, HOUR)]
    assert passing in ([], [watch.evaluated_to])


@pytest.mark.parametrize("feature", ["prompt_length", "latency"])
def test_a_long_window_is_seen_from_end_to_end(
    cast: Cast, push: Push, now: dt.datetime, monkeypatch: pytest.MonkeyPatch, feature: str
) -> None:
    monkeypatch.setattr(values, "LARGEST_WINDOW", 60)
    start = now - dt.timedelta(hours=6.5)
    push([
        {
            "at": start + dt.timedelta(hours=6.5 * n / 390), "input_tokens": 100 if n < 195 else 1000,
            "duration_seconds": 1.0 if n < 195 else 10.0,
        }
        for n in range(390)
    ])  # fmt: skip
    subject = Subject(cast.project.id, "qwen", "v1")
    found = windows.current(subject, FEATURES[feature], Span(start, now))
    assert isinstance(found, LogSketch)
    assert found.n == 390
    assert found.quantile(0.25) * 10 == pytest.approx(found.quantile(0.75), rel=0.1)


def test_a_crowded_hour_is_seen_from_end_to_end(
    cast: Cast, push: Push, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(values, "LARGEST_WINDOW", 100)
    push([
        {"at": now - dt.timedelta(minutes=55 - n / 10), "input_tokens": 100 if n < 250 else 1000} for n in range(500)
    ])  # fmt: skip
    subject = Subject(cast.project.id, "qwen", "v1")
    found = windows.current(subject, FEATURES["prompt_length"], Span(now - HOUR, now))
    assert isinstance(found, LogSketch)
    assert found.n <= 100
    assert found.quantile(0.25) * 10 == pytest.approx(found.quantile(0.75), rel=0.1)


def test_a_busy_version_gets_its_reference_too(now: dt.datetime, watch: DriftWatch, traffic: Traffic) -> None:
    traffic(10)
    assert settle(watch, now).state == WatchState.OK


def test_a_watch_of_a_version_that_is_gone_is_unknown_while_others_have_calls(
    now: dt.datetime, watch: DriftWatch, traffic: Traffic
) -> None:
    traffic(10)
    assert settle(watch, now).state == WatchState.OK
    other = windows.VersionRow("qwen", "v2", 500, now - HOUR, now)
    run.run(watch, [other], now=now)
    watch.refresh_from_db()
    assert (watch.state, watch.reason) == (WatchState.UNKNOWN, "no calls in the last days")
