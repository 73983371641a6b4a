"""What becomes of releases that are broken, early, late, or never answered."""

import datetime as dt
from typing import Any

import pytest

from monitor import query
from monitor.canary import acting, deciding, gather, run
from monitor.canary.models import (
    Mode,
    Release,
    ReleaseDecision,
    ReleaseGate,
    RolloutAction,
    RolloutRun,
    RunState,
    State,
)
from monitor.canary.wishes import LONGEST, GateWish
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open, Sides

HOUR, MINUTE, DAY = dt.timedelta(hours=1), dt.timedelta(minutes=1), dt.timedelta(days=1)


def test_one_broken_release_stops_no_other(
    sides: Sides, release: Open, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides(30, share=0.5)
    broken, well = release(canary="v3"), release()
    counted, acted = gather.gather, []

    def gathering(one: Release, end: int) -> Any:
        if one.pk == broken.pk:
            raise RuntimeError("no\0good")
        return counted(one, end)

    monkeypatch.setattr(gather, "gather", gathering)
    monkeypatch.setattr(acting, "run_due", lambda *, now: acted.append(now))
    assert run.run_due(now=now + MINUTE) == 2
    assert Release.objects.get(pk=broken.pk).last_error == "RuntimeError: nogood"
    assert Release.objects.get(pk=well.pk).last_ok == now + MINUTE
    assert acted == [now + MINUTE]


def test_between_two_buckets_it_is_looked_at_only_when_somebody_decided(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(60, share=0.5)
    found = release(mode=Mode.RECOMMEND)
    looks = [run.run_due(now=now + MINUTE), run.run_due(now=now + 2 * MINUTE)]
    deciding.by_person(found, "hold", by="ada", now=now + 3 * MINUTE)
    looks += [run.run_due(now=now + after * MINUTE) for after in (3, 4, 6)]
    assert looks == [1, 0, 1, 0, 1]


def test_what_an_alert_reads_is_said_between_two_buckets_too(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(150, until=now + 30 * MINUTE, share=0.5)
    found = release()
    deciding.by_person(found, "rollback", by="ada", now=now)
    looks = [run.run_due(now=now + after * MINUTE) for after in (31, 33, 35)]
    told = "count_over_time(llm_canary_rollback_unproved[5m])"
    assert looks == [1, 0, 0]
    assert query.instant(cast.project.pk, told, now + 35 * MINUTE).values[0, 0] == 3.0


def test_orders_are_given_even_when_looking_stops(
    release: Open, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_given: Any, **_more: Any) -> None:
        raise SystemExit

    release()
    acted: list[dt.datetime] = []
    monkeypatch.setattr(run, "step", stop)
    monkeypatch.setattr(acting, "run_due", lambda *, now: acted.append(now))
    with pytest.raises(SystemExit):
        run.run_due(now=now)
    assert acted == [now]


def test_a_limit_beyond_all_numbers_breaks_nothing(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(60, share=0.5)
    found = release(gates=[GateWish("latency_mean")])
    ReleaseGate.objects.filter(release=found).update(tolerance=1e200)
    run.step(found, now=now + MINUTE)
    found.refresh_from_db()
    assert (found.last_error, found.last_ok) == ("", now + MINUTE)


def test_a_release_that_is_planned_for_later_orders_nothing_yet(release: Open, now: dt.datetime) -> None:
    found = release(mode=Mode.AUTOMATIC, started_at=now + HOUR)
    run.step(found, now=now)
    assert not found.decisions.exists()
    run.step(found, now=now + HOUR)
    assert found.decisions.get().kind == "resume"


@pytest.fixture
def old(release: Open, now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> Release:
    """One that was to be over long ago."""
    monkeypatch.setattr(run, "LONGEST", HOUR)
    return release(mode=Mode.AUTOMATIC)


def looked(release: Release, now: dt.datetime) -> Release:
    run.step(release, now=now)
    release.refresh_from_db()
    assert release.last_error == ""
    return release


def test_an_old_release_that_fails_is_rolled_back_and_not_ended(
    sides: Sides, old: Release, now: dt.datetime
) -> None:
    sides(120, share=0.5, worse=8.0)
    assert looked(old, now + MINUTE).state == State.ROLLING_BACK


def test_an_old_release_is_ended_and_says_so(old: Release, now: dt.datetime) -> None:
    found = looked(old, now + MINUTE)
    assert (found.state, found.ended_at) == (State.ENDED, now + MINUTE)
    assert found.decisions.get(kind="close").reason.startswith("It was not ended within")


def test_who_was_away_catches_up_in_several_looks_and_ends_after_them(
    old: Release, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "MOST_FRESH", 80)
    assert looked(old, now).state == State.OPEN
    assert old.evidence.count() == 80
    assert looked(old, now).state == State.ENDED


@pytest.mark.parametrize("state", [State.ROLLING_BACK, State.ESCALATED])
def test_a_way_back_that_is_never_proved_ends(release: Open, now: dt.datetime, state: State) -> None:
    found = release()
    made = deciding.by_person(found, "rollback", by="ada", now=now)
    Release.objects.filter(pk=found.pk).update(state=state)
    run.step(found, now=now + HOUR)
    assert Release.objects.get(pk=found.pk).state != State.ENDED
    ReleaseDecision.objects.filter(pk=made.pk).update(at=now - LONGEST)
    run.step(found, now=now + HOUR)
    assert Release.objects.get(pk=found.pk).state == State.ENDED
    assert found.decisions.filter(kind="close", by="").exists()


@pytest.mark.parametrize(
    "state", [State.OPEN, State.HELD, State.PROMOTING, State.ROLLING_BACK, State.ESCALATED]
)
def test_whatever_lives_can_be_closed_and_moves_nothing(
    cast: Cast, release: Open, now: dt.datetime, state: State
) -> None:
    RolloutAction.objects.create(project=cast.project, name="router", kind="webhook", settings={})
    found = release(mode=Mode.AUTOMATIC)
    deciding.begin(found, now=now)
    Release.objects.filter(pk=found.pk).update(state=state)
    made = deciding.by_person(found, "close", by="ada", now=now)
    assert (made.kind, made.share, made.by) == ("close", None, "ada")
    ended = Release.objects.get(pk=found.pk)
    assert (ended.state, ended.ended_at) == (State.ENDED, now)
    assert [one.state for one in RolloutRun.objects.all()] == [RunState.GIVEN_UP]
