import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError

from monitor.canary import gates, opening, run
from monitor.canary.models import Mode, Opened, Release, State
from monitor.canary.wishes import BadReleaseError, GateWish, StageWish
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open, Sides

HOUR, MINUTE, DAY = dt.timedelta(hours=1), dt.timedelta(minutes=1), dt.timedelta(days=1)


def test_who_deploys_takes_over_what_was_only_noticed(sides: Sides, release: Open, now: dt.datetime) -> None:
    sides(60, share=0.3)
    noticed = release(opened_by=Opened.NOTICED, stages=[StageWish(0.3)], owner="")
    run.step(noticed, now=now + MINUTE)
    taken = release(
        opened_by=Opened.WEBHOOK, mode=Mode.AUTOMATIC, gates=[GateWish("cost")], owner="ada", started_at=now
    )
    assert taken.pk == noticed.pk
    found = Release.objects.get()
    assert (found.mode, found.owner, found.opened_by) == (Mode.AUTOMATIC, "ada", Opened.WEBHOOK)
    assert [stage.share for stage in found.stages.all()] == [0.5, 1.0]
    assert [gate.kind for gate in found.gates.all()] == ["cost"]
    assert found.evaluated_to is None
    assert not found.evidence.exists()


@pytest.mark.parametrize("change", [{"opened_by": Opened.API}, {"mode": Mode.RECOMMEND}])
def test_what_somebody_opened_is_not_taken_over(release: Open, change: dict[str, Any]) -> None:
    release(**{"opened_by": Opened.NOTICED, **change})
    with pytest.raises(opening.AlreadyOpenError):
        release(opened_by=Opened.WEBHOOK)


def test_a_look_at_what_was_taken_over_meanwhile_writes_nothing(
    sides: Sides, release: Open, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    sides(60, share=0.3)
    noticed, judge = release(opened_by=Opened.NOTICED), gates.judge

    def meanwhile(*given: Any) -> Any:
        release(opened_by=Opened.WEBHOOK, started_at=now)
        return judge(*given)

    monkeypatch.setattr("monitor.canary.run.judge", meanwhile)
    run.step(noticed, now=now + MINUTE)
    found = Release.objects.get()
    assert (found.opened_by, found.evaluated_to, found.last_error) == (Opened.WEBHOOK, None, "")
    assert not found.evidence.exists()


def test_a_second_automatic_release_of_a_model_is_refused(release: Open) -> None:
    first = release(mode=Mode.AUTOMATIC)
    with pytest.raises(opening.ModelTakenError, match=rf"release {first.pk} \(v2\)"):
        release(mode=Mode.AUTOMATIC, canary="v3")
    release(mode=Mode.RECOMMEND, canary="v3")
    Release.objects.filter(pk=first.pk).update(state=State.ENDED)
    release(mode=Mode.AUTOMATIC, canary="v4")


def test_who_comes_second_is_told_of_the_first(release: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    first = release()
    known = opening._known
    answers = iter([None])
    monkeypatch.setattr(opening, "_known", lambda *given: next(answers, known(*given)))
    with pytest.raises(opening.AlreadyOpenError) as caught:
        release()
    assert caught.value.release.pk == first.pk


def test_what_the_database_refuses_is_said(release: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "no such thing"

    def refuse(*_given: Any) -> None:
        raise IntegrityError(said)

    monkeypatch.setattr(opening, "complete", refuse)
    with pytest.raises(BadReleaseError, match=said):
        release()


def test_a_version_is_noticed_however_many_calls_come(sides: Sides, cast: Cast, now: dt.datetime) -> None:
    sides(120, until=now - HOUR)
    sides(60, share=0.3)
    assert run.notice_new(now=now + MINUTE) == 1
    assert opening.busiest(cast.project.pk, "qwen", "v2", now) == "v1"


def test_a_slow_canary_is_noticed(sides: Sides, cast: Cast, now: dt.datetime) -> None:
    begin = now - 20 * HOUR
    sides(120, until=begin, per_minute=1)
    sides(20 * 60, share=0.1, per_minute=0.3)
    assert run.notice_new(now=now + MINUTE) == 1
    assert Release.objects.get().started_at < now - 6 * HOUR
