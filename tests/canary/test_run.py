import datetime as dt

import pytest

from monitor import query
from monitor.canary import deciding, read, run
from monitor.canary.models import (
    DecisionState,
    Mode,
    Opened,
    Release,
    ReleaseDecision,
    ReleaseEvidence,
    ReleasePolicy,
    State,
    Verdict,
)
from monitor.canary.wishes import GateWish, StageWish
from monitor.store import models
from monitor.store.calls import scores
from monitor.store.calls.scores import ScoreRow
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open, Sides

HOUR, MINUTE = dt.timedelta(hours=1), dt.timedelta(minutes=1)


def looked(release: Release, now: dt.datetime) -> Release:
    run.step(release, now=now)
    release.refresh_from_db()
    assert release.last_error == ""
    return release


def test_a_bad_version_is_rolled_back_by_itself(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=0.5, worse=8.0)
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    assert found.verdict == Verdict.FAIL
    assert found.state == State.ROLLING_BACK
    assert found.decisions.get(kind="rollback").reason.startswith("v2 must go back: errors ×")


def test_a_good_version_goes_on_by_itself(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=0.5, per_minute=60, errors=0.05)
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    assert found.verdict == Verdict.PASS
    assert found.state == State.PROMOTING


def promoted(sides: Sides, release: Open, now: dt.datetime) -> Release:
    """A good version that has just been promoted by itself."""
    sides(120, share=0.5, per_minute=60, errors=0.05)
    return looked(release(mode=Mode.AUTOMATIC), now + MINUTE)


def missing_share(cast: Cast, at: dt.datetime) -> float:
    return float(query.instant(cast.project.pk, "llm_canary_share_missing", at).values[0, 0])


def test_a_promotion_is_proved_by_the_traffic(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    found = promoted(sides, release, now)
    sides(20, until=now + 20 * MINUTE, share=1.0)
    assert looked(found, now + 21 * MINUTE).state == State.PROMOTED
    assert found.ended_at is not None
    assert missing_share(cast, now + 21 * MINUTE) == 0.0


def test_a_promotion_that_moves_nothing_is_said_and_not_over(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    found = promoted(sides, release, now)
    sides(30, until=now + 30 * MINUTE, share=0.5)
    found = looked(found, now + 31 * MINUTE)
    assert found.state == State.PROMOTING
    assert "The order did not work: the new version has only" in deciding.sentence(found)
    assert found.decisions.filter(kind="stalled").count() == 1
    assert missing_share(cast, now + 31 * MINUTE) == 1.0


def test_a_stage_whose_share_does_not_rise_above_the_one_before_has_not_arrived(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(120, share=0.5, per_minute=60, errors=0.05)
    stages = [StageWish(0.4, 30, 100), StageWish(0.8, 30, 100), StageWish(1.0)]
    found = looked(release(mode=Mode.AUTOMATIC, stages=stages), now + MINUTE)
    sides(30, until=now + 30 * MINUTE, share=0.5)
    found = looked(found, now + 31 * MINUTE)
    assert found.body["seen"]["arrival"] == "missing"
    assert found.body["arrival"]["reason"] == "not_arrived"
    assert missing_share(cast, now + 31 * MINUTE) == 1.0


def test_where_people_decide_it_only_proposes(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=0.5, worse=8.0)
    found = looked(release(mode=Mode.RECOMMEND), now + MINUTE)
    assert found.state == State.OPEN
    assert found.decisions.get().state == DecisionState.PROPOSED


def test_a_release_that_is_only_observed_decides_nothing(
    sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.5, worse=8.0)
    found = looked(release(), now + MINUTE)
    assert found.verdict == Verdict.FAIL
    assert not found.decisions.exists()


def test_no_calls_at_all_are_undecided(release: Open, now: dt.datetime) -> None:
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    assert found.verdict == Verdict.UNDECIDED
    assert "no calls of this model at all" in deciding.sentence(found)


def test_few_calls_say_about_how_many_more_are_needed(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=0.5, per_minute=4)
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    assert found.verdict == Verdict.UNDECIDED
    assert "more needed" in deciding.sentence(found)


def test_a_share_that_does_not_arrive_stops_a_good_version(
    sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.2, per_minute=120, errors=0.05)
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    assert found.verdict == Verdict.PASS
    assert found.state == State.OPEN
    assert found.body["seen"]["arrival"] == "missing"
    assert "its share of the traffic" in deciding.sentence(found)


def test_a_version_that_loses_its_traffic_says_so(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(60, until=now - HOUR, share=0.5, per_minute=10)
    sides(60, per_minute=10)
    found = looked(release(), now + MINUTE)
    assert found.body["seen"]["arrival"] == "lost"


def test_without_calls_of_stable_nothing_is_passed(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=1.0, per_minute=200, errors=0.0)
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    assert (found.verdict, found.state) == (Verdict.UNDECIDED, State.OPEN)
    assert found.body["gates"][0]["reason"] == "no_stable_calls"
    assert "has no calls to compare with" in deciding.sentence(found)


def test_far_more_than_the_planned_share_stops_a_good_version(
    sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.5, per_minute=60, errors=0.05)
    stages = [StageWish(0.1, 30, 100), StageWish(1.0)]
    found = looked(release(mode=Mode.AUTOMATIC, stages=stages), now + MINUTE)
    assert (found.verdict, found.state) == (Verdict.PASS, State.OPEN)
    assert found.body["lacks"] == ["less"]


def test_looking_twice_changes_nothing(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=0.5, worse=8.0)
    first = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    body = first.body
    second = looked(Release.objects.get(pk=first.pk), now + MINUTE)
    assert second.body["gates"] == body["gates"]
    assert ReleaseDecision.objects.filter(kind="rollback").count() == 1


def test_what_was_counted_is_not_counted_again(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=0.5)
    found = release()
    run.step(found, now=now + 20 * MINUTE)
    sealed = ReleaseEvidence.objects.filter(release=found, sealed=True)
    before = bytes(sealed.first().body)  # type: ignore[union-attr] # there are some
    sides(120, share=0.5, worse=9.0)
    run.step(found, now=now + 20 * MINUTE)
    assert bytes(sealed.first().body) == before  # type: ignore[union-attr] # as above


def test_the_verdict_is_a_series(sides: Sides, release: Open, cast: Cast, now: dt.datetime) -> None:
    sides(120, share=0.5, worse=8.0)
    found = looked(release(), now + MINUTE)
    expr = f'llm_canary_verdict{{release="{found.pk}",metric="error_ratio"}}'
    answer = query.instant(cast.project.pk, expr, now + MINUTE)
    assert answer.values[0, 0] == -1.0


def test_a_rollback_is_proved_by_the_traffic(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=0.5, worse=8.0)
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    sides(20, until=now + 20 * MINUTE)
    assert looked(found, now + 21 * MINUTE).state == State.ROLLED_BACK


def test_a_rollback_that_changes_nothing_escalates(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(120, share=0.5, worse=8.0)
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    later = now + 31 * MINUTE
    sides(30, until=now + 30 * MINUTE, share=0.5, worse=8.0)
    assert looked(found, later).state == State.ESCALATED
    answer = query.instant(cast.project.pk, "llm_canary_rollback_unproved", later)
    assert answer.values[0, 0] == 1.0


def test_a_rollback_after_which_errors_stay_is_not_proved(
    sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.5, worse=8.0)
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    sides(30, until=now + 30 * MINUTE, errors=0.2)
    found = looked(found, now + 31 * MINUTE)
    assert found.state == State.ESCALATED
    assert found.body["proof"]["reason"] == "not_well"


def test_a_stage_that_stays_undecided_is_held(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=0.5, per_minute=2)
    found = looked(release(mode=Mode.AUTOMATIC, deadline_hours=1.0), now + MINUTE)
    assert found.state == State.HELD


def test_a_later_stage_begins_when_one_is_passed(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(120, share=0.5, per_minute=60, errors=0.05)
    stages = [StageWish(0.4, 30, 100), StageWish(0.6, 30, 100), StageWish(1.0)]
    found = looked(release(mode=Mode.AUTOMATIC, stages=stages), now + MINUTE)
    assert [stage.began_at is not None for stage in found.stages.all()] == [True, True, False]


@pytest.mark.parametrize(
    "kind, state",
    [("approve", State.PROMOTING), ("hold", State.HELD), ("rollback", State.ROLLING_BACK)],
)
def test_people_decide_as_they_like(release: Open, now: dt.datetime, kind: str, state: State) -> None:
    found = release()
    made = deciding.by_person(found, kind, by="ada", now=now)
    assert made.by == "ada"
    assert Release.objects.get(pk=found.pk).state == state


def test_what_is_over_is_not_decided_again(release: Open, now: dt.datetime) -> None:
    found = release()
    Release.objects.filter(pk=found.pk).update(state=State.PROMOTED, ended_at=now)
    with pytest.raises(deciding.CantDecideError, match="promoted already"):
        deciding.by_person(found, "rollback", by="ada", now=now)


def test_what_is_being_promoted_can_still_go_back(release: Open, now: dt.datetime) -> None:
    found = release()
    deciding.by_person(found, "approve", by="ada", now=now)
    with pytest.raises(deciding.CantDecideError, match="being promoted"):
        deciding.by_person(found, "hold", by="ada", now=now)
    deciding.by_person(found, "rollback", by="ada", now=now)
    assert Release.objects.get(pk=found.pk).state == State.ROLLING_BACK


def test_a_new_version_beside_an_old_one_is_noticed(sides: Sides, cast: Cast, now: dt.datetime) -> None:
    sides(120, until=now - HOUR, per_minute=4)
    sides(60, share=0.3, per_minute=4)
    assert run.notice_new(now=now + MINUTE) == 1
    found = Release.objects.get()
    assert (found.stable, found.canary, found.opened_by) == ("v1", "v2", Opened.NOTICED)
    assert found.stages.get().share == pytest.approx(0.3, abs=0.1)
    assert run.notice_new(now=now + MINUTE) == 0


def test_a_project_may_wish_to_notice_nothing(sides: Sides, cast: Cast, now: dt.datetime) -> None:
    ReleasePolicy.objects.create(project=cast.project, notice=False)
    sides(120, until=now - HOUR, per_minute=4)
    sides(60, share=0.3, per_minute=4)
    assert run.notice_new(now=now + MINUTE) == 0


def test_marks_that_come_hours_later_count(sides: Sides, release: Open, cast: Cast, now: dt.datetime) -> None:
    sides(120, share=0.5, per_minute=5)
    found = looked(release(gates=(GateWish("judge_score"),)), now + 40 * MINUTE)
    assert found.body["gates"][0]["n_canary"] == 0
    marks = [
        ScoreRow(one, "right", "judge", 4.0, "said the judge", "j")
        for one in models.Generation.objects.filter(project_id=cast.project.pk).values_list("id", flat=True)
    ]
    scores.put(cast.project.pk, marks, now=now + HOUR)
    counted = []
    for after in (90 * MINUTE, 4 * HOUR):
        gate = looked(found, now + after).body["gates"][0]
        counted.append(gate["n_canary"] + gate["n_stable"])
    assert 0 < counted[0] < counted[1] == len(marks)


def test_what_is_passed_among_other_calls_does_not_go_on_by_itself(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(120, share=0.2, per_minute=40, errors=0.2, topic="hard")
    sides(121, share=0.8, per_minute=40, errors=0.02, topic="easy")
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    assert (found.verdict, found.state, found.body["lacks"]) == (Verdict.PASS, State.OPEN, ["alike"])
    assert read.one(cast.project.pk, found.pk).go == "undecided"
    assert deciding.sentence(found).startswith("Not decided: the gates are passed after")


def test_versions_of_different_environments_are_not_compared_as_if_alike(
    sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.0, per_minute=60, errors=0.05, environment="production")
    sides(121, share=1.0, per_minute=60, errors=0.05, environment="staging")
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    assert (found.verdict, found.state) == (Verdict.PASS, State.OPEN)
    assert found.body["mix"]["environment"] > 0.9


def test_a_condition_that_holds_without_any_call_passes_nothing(release: Open, now: dt.datetime) -> None:
    gate = GateWish("promql", "always", pass_when="vector(1)")
    found = looked(release(mode=Mode.AUTOMATIC, gates=[gate]), now + MINUTE)
    assert (found.verdict, found.body["gates"][0]["reason"]) == (Verdict.UNDECIDED, "no_canary_calls")


def test_a_failure_among_other_calls_is_held_for_a_person(
    sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.05, errors=0.01, topic="easy")
    sides(121, share=0.95, errors=0.2, topic="hard")
    found = looked(release(mode=Mode.AUTOMATIC), now + MINUTE)
    assert (found.verdict, found.state) == (Verdict.FAIL, State.HELD)
    assert found.decisions.get(kind="rollback").state == DecisionState.PROPOSED
    assert "serve different calls by topic" in found.decisions.get(kind="inconclusive").reason
