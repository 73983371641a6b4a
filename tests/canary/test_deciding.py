import datetime as dt
from collections.abc import Callable

import pytest

from monitor.canary import acting, deciding, run
from monitor.canary.models import Mode, Release, ReleaseDecision, RolloutAction, RolloutRun, RunState, State
from monitor.canary.proof import Proof
from monitor.canary.rollout import Move
from monitor.canary.wishes import StageWish
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Outside
from tests.fixtures.fix_release import Open, Sides

MINUTE = dt.timedelta(minutes=1)
FOUR = [StageWish(0.05), StageWish(0.2), StageWish(0.5), StageWish(1.0)]


@pytest.fixture
def router(cast: Cast, outside: Callable[[], Outside]) -> Outside:
    server = outside()
    RolloutAction.objects.create(
        project=cast.project, name="router", kind="webhook", settings={"url": f"{server.url}/x"}
    )
    return server


def stage_of(release: Release) -> int:
    return int(release.stages.exclude(began_at=None).count()) - 1


def intents(server: Outside) -> list[str]:
    return [one.json["intent"] for one in server.received]


@pytest.mark.parametrize("move", [Move("advance", 0.2), Move("promote", 1.0), Move("inconclusive", None)])
def test_a_look_that_is_older_than_a_persons_rollback_changes_nothing(
    release: Open, router: Outside, now: dt.datetime, move: Move
) -> None:
    stale = release(mode=Mode.AUTOMATIC, stages=FOUR)
    deciding.by_person(Release.objects.get(pk=stale.pk), "rollback", by="ada", now=now)
    assert deciding.by_itself(stale, move, stage=0, now=now) is None
    deciding.begin(Release(pk=stale.pk, mode=Mode.AUTOMATIC, state=State.OPEN), now=now)
    acting.run_due(now=now)
    assert Release.objects.get(pk=stale.pk).state == State.ROLLING_BACK
    assert intents(router) == ["rollback"]


def test_a_look_at_a_stage_that_is_over_moves_nothing(release: Open, now: dt.datetime) -> None:
    stale = release(mode=Mode.AUTOMATIC, stages=FOUR)
    deciding.by_person(Release.objects.get(pk=stale.pk), "approve", by="ada", now=now)
    assert deciding.by_itself(stale, Move("advance", 0.2), stage=0, now=now) is None
    assert stage_of(stale) == 1


@pytest.mark.parametrize("state", [State.ROLLING_BACK, State.ESCALATED])
@pytest.mark.parametrize("kind", ["hold", "approve", "resume"])
def test_on_its_way_back_a_release_only_goes_back(
    release: Open, now: dt.datetime, state: State, kind: str
) -> None:
    found = release()
    Release.objects.filter(pk=found.pk).update(state=state)
    with pytest.raises(deciding.CantDecideError, match="on its way back"):
        deciding.by_person(found, kind, by="ada", now=now)
    deciding.by_person(found, "rollback", by="ada", now=now)
    assert Release.objects.get(pk=found.pk).state == State.ROLLING_BACK


@pytest.mark.parametrize("stage", [None, 0])
def test_an_approval_that_comes_twice_is_one(release: Open, now: dt.datetime, stage: int | None) -> None:
    found = release(stages=FOUR)
    first = deciding.by_person(found, "approve", by="ada", now=now, stage=stage)
    again = deciding.by_person(found, "approve", by="ada", now=now + MINUTE, stage=stage)
    assert again == first
    assert stage_of(found) == 1


def test_the_next_stage_is_approved_by_its_number(release: Open, now: dt.datetime) -> None:
    found = release(stages=FOUR)
    for stage in (0, 1):
        deciding.by_person(found, "approve", by="ada", now=now, stage=stage)
    assert stage_of(found) == 2
    with pytest.raises(deciding.CantDecideError, match="in its stage 2, not in stage 3"):
        deciding.by_person(found, "approve", by="ada", now=now, stage=3)


def test_a_stage_that_was_judged_is_approved_without_its_number(release: Open, now: dt.datetime) -> None:
    found = release(stages=FOUR)
    deciding.by_person(found, "approve", by="ada", now=now)
    Release.objects.filter(pk=found.pk).update(evaluated_to=int(now.timestamp()) + 300)
    deciding.by_person(found, "approve", by="ada", now=now + 6 * MINUTE)
    assert stage_of(found) == 2


def test_what_fails_is_approved_only_on_purpose(release: Open, now: dt.datetime) -> None:
    found = release(stages=FOUR)
    Release.objects.filter(pk=found.pk).update(verdict="fail")
    with pytest.raises(deciding.CantDecideError, match="override"):
        deciding.by_person(found, "approve", by="ada", now=now)
    deciding.by_person(found, "approve", by="ada", now=now, override=True)
    assert stage_of(found) == 1


def test_after_hold_and_resume_a_failure_is_rolled_back_again(
    sides: Sides, release: Open, router: Outside, now: dt.datetime
) -> None:
    sides(120, share=0.5, worse=8.0)
    found = release(mode=Mode.AUTOMATIC)
    run.step(found, now=now + MINUTE)
    acting.run_due(now=now + MINUTE)
    # as releases stood when the way back could still be left
    Release.objects.filter(pk=found.pk).update(state=State.HELD)
    run.step(found, now=now + 6 * MINUTE)
    acting.run_due(now=now + 6 * MINUTE)
    assert Release.objects.get(pk=found.pk).state == State.ROLLING_BACK
    assert intents(router).count("rollback") == 2


def test_a_proposal_is_carried_out_once_the_mode_is_automatic(
    sides: Sides, release: Open, now: dt.datetime
) -> None:
    sides(120, share=0.5, worse=8.0)
    found = release(mode=Mode.RECOMMEND)
    run.step(found, now=now + MINUTE)
    Release.objects.filter(pk=found.pk).update(mode=Mode.AUTOMATIC)
    run.step(found, now=now + 6 * MINUTE)
    assert Release.objects.get(pk=found.pk).state == State.ROLLING_BACK


def test_a_rollback_without_effect_is_ordered_again_and_again_but_ever_more_seldom(
    release: Open, router: Outside, now: dt.datetime
) -> None:
    found = release()
    deciding.by_person(found, "rollback", by="ada", now=now)
    for minute in range(90):
        acting.run_due(now=now + minute * MINUTE)
        deciding.proved(found, Proof("unproved", "still_there", 0.5), now=now + minute * MINUTE)
    assert found.state == State.ESCALATED
    assert 4 <= len(router.received) <= 7
    assert len({one.headers["x-vigil-delivery"] for one in router.received}) == len(router.received)


def test_an_order_overtaken_on_its_way_is_followed_by_the_later_one(
    release: Open, router: Outside, now: dt.datetime
) -> None:
    found = release(stages=FOUR)
    deciding.by_person(found, "approve", by="ada", now=now)
    late = RolloutRun.objects.get()
    deciding.by_person(found, "rollback", by="ada", now=now)
    acting.run_due(now=now)
    late.state = RunState.WAITING
    acting._keep(late, now=now + MINUTE)
    acting.run_due(now=now + MINUTE)
    assert intents(router) == ["rollback", "rollback"]
    assert RolloutRun.objects.get(pk=late.pk).state == RunState.GIVEN_UP


def test_nothing_is_told_of_the_first_stage_that_lets_it_go_on(
    release: Open, cast: Cast, outside: Callable[[], Outside], now: dt.datetime
) -> None:
    server = outside()
    for kind, name in (("argo_rollouts", "rollout"), ("flagger", "canary")):
        RolloutAction.objects.create(
            project=cast.project, name=kind, kind=kind,
            settings={"url": server.url, "namespace": "d", name: "chat"},
        )  # fmt: skip
    found = release(mode=Mode.AUTOMATIC)
    deciding.begin(found, now=now)
    acting.run_due(now=now)
    assert [one.path for one in server.received] == ["/rollback/close", "/gate/close"]
    deciding.by_person(found, "hold", by="ada", now=now)
    acting.run_due(now=now)
    assert [one.path for one in server.received][2:] == ["/gate/close"]
    assert ReleaseDecision.objects.count() == 2
