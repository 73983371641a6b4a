import datetime as dt

from monitor.canary import run
from monitor.canary.models import ReleaseDecision, ReleaseEvidence
from monitor.canary.rehearse import rehearse
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open, Sides

MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)


def test_a_past_release_is_judged_again_and_nothing_is_done(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(120, share=0.5, worse=8.0)
    found = release()
    run.step(found, now=now + MINUTE)
    kept = ReleaseEvidence.objects.count()
    lines = list(rehearse(cast.project.pk, now - 3 * HOUR, now, now=now))
    assert [(one.what, one.said) for one in lines] == [("verdict", "fail"), ("move", "rollback")]
    assert not ReleaseDecision.objects.exists()
    assert ReleaseEvidence.objects.count() == kept


def test_it_fails_at_the_minute_in_which_it_would_have_failed(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(120, share=0.5, worse=8.0)
    found = release()
    run.step(found, now=now + MINUTE)
    line = next(rehearse(cast.project.pk, now - 3 * HOUR, now, now=now))
    assert found.decided_at is not None
    assert line.at == found.decided_at + MINUTE


def test_a_version_that_nobody_announced_is_rehearsed_too(sides: Sides, cast: Cast, now: dt.datetime) -> None:
    sides(240, until=now - 2 * HOUR, per_minute=10)
    sides(120, share=0.5, worse=8.0)
    lines = list(rehearse(cast.project.pk, now - 3 * HOUR, now, now=now))
    assert lines[0].said == "fail"
    assert lines[0].canary == "v2"


def test_a_release_that_began_before_is_rehearsed_from_what_was_counted_then(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(60, until=now - HOUR, share=0.5)
    sides(60, share=0.5, worse=8.0)
    found = release()
    run.step(found, now=now + 20 * MINUTE)
    lines = list(rehearse(cast.project.pk, now - HOUR, now, now=now))
    assert [(one.what, one.said) for one in lines] == [("verdict", "fail"), ("move", "rollback")]
    assert all(one.at >= now - HOUR for one in lines)


def test_a_release_that_was_over_before_is_left_alone(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(120, share=0.5, worse=8.0)
    found = release()
    found.state, found.ended_at = "ended", now - HOUR
    found.save()
    assert not list(rehearse(cast.project.pk, now - HOUR, now, now=now))


def test_a_release_that_was_held_is_rolled_back_when_it_fails(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(90, until=now - HOUR, share=0.5, per_minute=2)
    sides(60, share=0.5, worse=20.0, per_minute=60)
    release(deadline_hours=0.5)
    moves = [
        one.said for one in rehearse(cast.project.pk, now - 3 * HOUR, now, now=now) if one.what == "move"
    ]
    assert moves == ["inconclusive", "rollback"]


def test_what_fails_among_other_calls_is_held_in_a_rehearsal_too(
    sides: Sides, release: Open, cast: Cast, now: dt.datetime
) -> None:
    sides(120, share=0.1, per_minute=40, errors=0.02, topic="easy")
    sides(121, share=0.9, per_minute=40, errors=0.2, topic="hard")
    run.step(release(), now=now + MINUTE)
    lines = list(rehearse(cast.project.pk, now - 3 * HOUR, now, now=now))
    assert [(one.what, one.said) for one in lines] == [("verdict", "fail"), ("move", "inconclusive")]
