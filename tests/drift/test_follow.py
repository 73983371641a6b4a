import datetime as dt

import numpy as np
import pytest

from monitor import query
from monitor.drift import follow, read
from monitor.drift.models import DriftSignal, DriftSketch, WatchState
from monitor.drift.signals import SIGNALS
from monitor.store.calls import scores
from monitor.store.calls.scores import ScoreRow
from monitor.store.models import Generation
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def play(
    push: Push, start: dt.datetime, days: float, *, longer: float = 1.0, topics: str = "ab", **more: object
) -> None:
    """30 calls an hour, longer by day than by night."""
    chance = np.random.default_rng(round(start.timestamp()) % 1000)
    n = round(days * 24 * 30)
    at = np.sort(chance.uniform(0, days * 86_400, n))
    hour = (start.timestamp() + at) / 3600 % 24
    lengths = np.exp(chance.normal(5.5 + 0.3 * np.sin(hour / 24 * 2 * np.pi), 0.5, n)) * longer
    push([
        {
            "at": start + dt.timedelta(seconds=float(second)), "input_tokens": int(length) + 1,
            "output_tokens": 50, "topic": topics[int(chance.integers(len(topics)))], **more,
        }
        for second, length in zip(at, lengths, strict=True)
    ])  # fmt: skip


def follow_all(cast: Cast, now: dt.datetime) -> None:
    """Two runs: the second after the history has been quiet."""
    follow.run_due(now=now)
    follow.run_due(now=now + dt.timedelta(seconds=follow.QUIET_SECONDS))


def signal(cast: Cast, kind: str, version: str = "v1") -> DriftSignal:
    return DriftSignal.objects.get(project=cast.project, kind=kind, version=version)


def only(cast: Cast, *kinds: str) -> None:
    """Switch off all other signals: a fortnight of all of them takes its time."""
    for kind in set(SIGNALS) - set(kinds):
        DriftSignal.objects.create(project=cast.project, model="qwen", version="v1", kind=kind, enabled=False)


@pytest.fixture
def month(cast: Cast, push: Push, now: dt.datetime) -> dt.datetime:
    """15 days of normal calls, then 20 hours of prompts 1.8 times as long; the moment of the change."""
    only(cast, "prompt_length", "output_length", "error_rate")
    change = now - 20 * HOUR
    play(push, now - 15 * DAY, 15 - 20 / 24)
    play(push, change, 20 / 24, longer=1.8)
    return change


def test_longer_prompts_page_and_what_did_not_move_stays_ok(
    cast: Cast, now: dt.datetime, month: dt.datetime
) -> None:
    """As states, as series that can be asked for, and as pages are told: what moved since when and against what."""
    follow_all(cast, now)
    assert signal(cast, "prompt_length").state == WatchState.DRIFT
    assert signal(cast, "output_length").state == WatchState.OK
    assert signal(cast, "error_rate").state == WatchState.OK
    beyond = 'llm_drift_effect{feature="prompt_length",slice=""} > llm_drift_normal_high'
    assert query.instant(cast.project.id, beyond, now).single() == pytest.approx(0.8, abs=0.25)
    assert query.instant(cast.project.id, 'llm_drift_evidence{feature="prompt_length"}', now).single() == 1
    row = read.signals(cast.project.id)[0]
    assert (row.kind, row.state, row.scale, row.maturity) == ("prompt_length", "drift", "percent", "full")
    assert row.since is not None
    assert month <= row.since <= month + 4 * HOUR
    assert row.reference is not None
    assert row.reference[2] - row.reference[1] == 14 * DAY
    found = query.instant(cast.project.id, f"llm_drift_effect{{{row.selector}}}", now)
    assert found.single() == pytest.approx(row.effect)


def test_a_replay_gives_the_page_that_live_calls_gave(
    cast: Cast, now: dt.datetime, month: dt.datetime
) -> None:
    follow_all(cast, now)
    live = dict(signal(cast, "prompt_length").body)
    again = follow.replay(cast.project.id, now - 15 * DAY, now, now=now)
    paged = [page for page in again.pages if page.kind == "prompt_length"]
    assert [page.at - HOUR / 6 for page in paged] == [dt.datetime.fromtimestamp(live["paged_at"], dt.UTC)]
    assert month < paged[0].at < month + 8 * HOUR
    assert signal(cast, "prompt_length").body == live


def test_a_second_replay_puts_what_is_known_now_in_the_place_of_the_first(
    cast: Cast, push: Push, now: dt.datetime, month: dt.datetime
) -> None:
    span = (cast.project.id, now - 15 * DAY, now)
    follow.replay(*span, now=now)
    paged = 'max_over_time(llm_drift_evidence{feature="prompt_length"}[15d]) >= 1'
    assert len(query.instant(cast.project.id, paged, now).labels) == 1
    Generation.objects.filter(started_at__gte=month).update(input_tokens=245)
    found = follow.replay(*span, now=now)
    assert not [page for page in found.pages if page.kind == "prompt_length"]
    assert len(query.instant(cast.project.id, paged, now).labels) == 0


def test_a_replay_takes_versions_that_went_long_before_its_end(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    only(cast, "prompt_length")
    play(push, now - 3 * DAY, 1)
    play(push, now - 2 * DAY, 2, version="v2")
    follow.replay(cast.project.id, now - 3 * DAY, now, now=now)
    assert signal(cast, "prompt_length").evaluated_to is not None


def test_a_replay_of_an_old_stretch_leaves_the_present_alone(
    cast: Cast, now: dt.datetime, month: dt.datetime
) -> None:
    follow_all(cast, now)
    before = query.instant(cast.project.id, "llm_drift_evidence", now)
    live = dict(signal(cast, "prompt_length").body)
    follow.replay(cast.project.id, now - 15 * DAY, now - 12 * HOUR, now=now)
    assert signal(cast, "prompt_length").body == live
    assert query.instant(cast.project.id, "llm_drift_evidence", now).labels == before.labels


def test_live_steps_give_what_one_long_step_gives(cast: Cast, now: dt.datetime, month: dt.datetime) -> None:
    follow_all(cast, now - 10 * HOUR)
    for hours in range(9, -1, -3):
        follow.run_due(now=now - hours * HOUR)
    stepwise = dict(signal(cast, "prompt_length").body)
    follow.replay(cast.project.id, now - 15 * DAY, now, now=now)
    assert signal(cast, "prompt_length").body == stepwise


def test_a_topic_that_comes_up_is_named(cast: Cast, push: Push, now: dt.datetime) -> None:
    only(cast, "topic")
    play(push, now - 15 * DAY, 14)
    play(push, now - DAY, 1, topics="abc")
    follow_all(cast, now)
    found = query.instant(cast.project.id, 'llm_drift_evidence{feature="topic",slice!=""} == 1', now)
    assert [one.get("slice") for one in found.labels] == ["…"]


def test_a_young_version_warns_but_does_not_page(cast: Cast, push: Push, now: dt.datetime) -> None:
    play(push, now - DAY, 0.5)
    play(push, now - DAY / 2, 0.5, longer=4.0)
    follow_all(cast, now)
    assert signal(cast, "prompt_length").state == WatchState.WARNING


def test_a_history_that_is_still_being_told_is_waited_for(cast: Cast, push: Push, now: dt.datetime) -> None:
    play(push, now - 3 * DAY, 2)
    assert follow.run_due(now=now) == 0
    play(push, now - DAY, 1)
    assert follow.run_due(now=now + dt.timedelta(seconds=200)) == 0
    assert follow.run_due(now=now + dt.timedelta(seconds=600)) > 0


def test_a_version_without_calls_is_unknown_again(cast: Cast, push: Push, now: dt.datetime) -> None:
    play(push, now - 3 * DAY, 2.5)
    play(push, now - 3 * DAY, 3, version="v2")
    follow_all(cast, now)
    assert signal(cast, "prompt_length").state == WatchState.UNKNOWN
    assert "no calls since" in signal(cast, "prompt_length").reason


def test_what_a_version_never_says_is_unknown_and_not_calm(cast: Cast, push: Push, now: dt.datetime) -> None:
    play(push, now - 3 * DAY, 3)
    follow_all(cast, now)
    assert signal(cast, "judge_score").state == WatchState.UNKNOWN
    assert signal(cast, "prompt_embedding").state == WatchState.UNKNOWN


def test_closed_hours_are_added_up_once(cast: Cast, push: Push, now: dt.datetime) -> None:
    play(push, now - 3 * DAY, 3)
    follow_all(cast, now)
    kept = DriftSketch.objects.filter(part="calls")
    assert kept.count() == len(set(kept.values_list("hour", flat=True))) >= 70


def test_every_version_with_enough_calls_has_all_signals(cast: Cast, push: Push, now: dt.datetime) -> None:
    play(push, now - DAY / 2, 0.5)
    play(push, now - DAY / 12, 1 / 12, version="few")
    follow.run_due(now=now)
    found = DriftSignal.objects.filter(project=cast.project).values_list("version", "kind")
    assert set(found) == {("v1", kind) for kind in SIGNALS}


def judged(cast: Cast, push: Push, start: dt.datetime, hours: int, *, value: float, author: str) -> None:
    """20 calls an hour, each with a mark about ``value``."""
    chance = np.random.default_rng(round(value * 100))
    ids = push([{"at": start + dt.timedelta(minutes=3 * n)} for n in range(20 * hours)])
    scores.put(
        cast.project.id,
        [ScoreRow(one, "help", "judge", float(value + chance.normal(0, 0.3)), "", author) for one in ids],
        now=start + hours * HOUR,
    )


def test_another_judge_begins_another_reference_and_is_no_drift(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    only(cast, "judge_score")
    judged(cast, push, now - 74 * HOUR, 60, value=4.0, author="rubric#1")
    judged(cast, push, now - 14 * HOUR, 13, value=2.5, author="rubric#2")
    follow_all(cast, now)
    found = signal(cast, "judge_score")
    assert found.state == WatchState.OK
    assert found.body["reference"][1] * 3600 == (now - 14 * HOUR).timestamp()


def test_the_same_judge_that_marks_lower_is_drift(cast: Cast, push: Push, now: dt.datetime) -> None:
    only(cast, "judge_score")
    judged(cast, push, now - 74 * HOUR, 60, value=4.0, author="rubric#1")
    judged(cast, push, now - 14 * HOUR, 13, value=2.5, author="rubric#1")
    follow_all(cast, now)
    assert signal(cast, "judge_score").state == WatchState.WARNING


def test_a_judge_that_came_late_is_measured_by_what_it_marked_since(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    only(cast, "judge_score")
    play(push, now - 16 * DAY, 15.5)
    judged(cast, push, now - 12 * HOUR, 11, value=4.0, author="rubric#1")
    follow_all(cast, now)
    assert signal(cast, "judge_score").state == WatchState.OK


def test_a_version_with_a_small_share_of_a_busy_project_is_followed(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    play(push, now - 2 * DAY, 0.5, version="v0")
    play(push, now - DAY / 2, 0.5)
    follow.run_due(now=now)
    assert set(DriftSignal.objects.values_list("version", flat=True)) == {"v0", "v1"}


def test_a_version_that_only_trickles_is_unknown_whatever_was_found_last(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    only(cast, "prompt_length", "topic")
    full = now - 10 * DAY
    play(push, full - 2 * DAY, 2)
    play(push, full - DAY, 1, version="v2")
    follow_all(cast, full)
    assert signal(cast, "prompt_length").state == WatchState.OK
    push([{"at": full + day * DAY} for day in range(1, 10)])
    follow.run_due(now=full + 9.5 * DAY)
    found = signal(cast, "prompt_length")
    assert (found.state, found.reason) == (
        WatchState.UNKNOWN, "8 calls in the last 8 days; at least 200 are needed",
    )  # fmt: skip
    # one that fell silent altogether, too
    assert signal(cast, "prompt_length", "v2").state == WatchState.UNKNOWN
    assert query.instant(cast.project.id, "llm_drift_effect", full + 9.5 * DAY).single() is None


def test_beyond_so_many_versions_the_rest_are_unknown(
    cast: Cast, push: Push, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(push, now - DAY / 2, 0.5)
    play(push, now - DAY / 2, 0.49, version="v2")
    follow_all(cast, now)
    monkeypatch.setattr(follow, "VERSIONS_PER_PROJECT", 1)
    follow.run_due(now=now + dt.timedelta(minutes=5))
    assert set(DriftSignal.objects.filter(version="v2").values_list("state", flat=True)) == {"unknown"}
    assert "versions are followed" in signal(cast, "prompt_length", "v2").reason
