import datetime as dt

import pytest
from django.utils import translation

from monitor.quality import read, run
from monitor.quality.models import Judge
from monitor.store.calls import scores
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def rule(cast: Cast) -> Judge:
    return Judge.objects.create(
        project=cast.project, name="short", kind="business_rule", sample_share=1.0, settings={"longest": 3}
    )


def test_without_judges_the_page_can_say_how_to_add_one(cast: Cast) -> None:
    assert read.judges(cast.project.id) == []
    assert "endpoint" in str(read.HOW_TO_ADD)


def test_a_judge_tells_what_it_has_done(cast: Cast, now: dt.datetime, rule: Judge, push: Push) -> None:
    push([{"output": "no"}, {"output": "a long story"}])
    run.run(rule, now=now)
    (found,) = read.judges(cast.project.id)
    assert (found.state, found.judged, found.last_ok) == ("ok", 2, now)


def test_a_key_is_never_shown(cast: Cast) -> None:
    Judge.objects.create(
        project=cast.project, name="h", settings={"url": "http://x/v1", "model": "m", "api_key": "sk-secret"}
    )
    assert "sk-secret" not in str(read.judges(cast.project.id))


def test_a_failing_judge_is_neither_good_nor_silent(cast: Cast, now: dt.datetime, rule: Judge) -> None:
    Judge.objects.update(settings={})
    rule.refresh_from_db()
    run.run(rule, now=now)
    (found,) = read.judges(cast.project.id)
    assert found.state == "failing"
    assert [(one.reason, one.count) for one in found.failures] == [("misconfigured", 1)]
    with translation.override("zh-hans"):
        (told,) = read.judges(cast.project.id)
    assert "business rule" not in told.last_error + told.failures[0].last_error


def test_recent_verdicts_come_newest_first_with_the_call_they_belong_to(
    cast: Cast, now: dt.datetime, rule: Judge, push: Push
) -> None:
    push(
        [
            {"output": "old", "at": now - 30 * dt.timedelta(minutes=1)},
            {"output": "the newest", "version": "v2"},
        ]
    )
    run.run(rule, now=now)
    found = read.recent_verdicts(cast.project.id, now - HOUR, now)
    assert [(one.output, one.version, one.value) for one in found] == [
        ("the newest", "v2", 0.0),
        ("old", "v1", 5.0),
    ]


def test_marks_come_by_call_for_one_version_and_only_from_judges(
    cast: Cast, now: dt.datetime, push: Push
) -> None:
    one, other, rule = push([{"version": "v1"}, {"version": "v2"}, {"version": "v1"}])
    rows = [
        scores.ScoreRow(one, "helpfulness", "judge", 4.0),
        scores.ScoreRow(one, "tone", "judge", 2.0),
        scores.ScoreRow(other, "tone", "judge", 1.0),
        scores.ScoreRow(rule, "short", "rule", 5.0),
    ]
    scores.put(cast.project.id, rows, now=now)
    found = read.marks(cast.project.id, now - HOUR, now, model="qwen", version="v1")
    assert found == {one: 3.0}


def test_verdicts_of_another_project_are_not_shown(
    cast: Cast, now: dt.datetime, rule: Judge, push: Push
) -> None:
    push([{"output": "no"}])
    run.run(rule, now=now)
    assert read.recent_verdicts(cast.other.id, now - HOUR, now) == []


def test_a_judge_that_nobody_runs_is_not_called_well(
    cast: Cast, now: dt.datetime, rule: Judge, push: Push
) -> None:
    push([{"output": "no"}])
    run.run_due(now=now)
    assert [one.state for one in read.judges(cast.project.id, now=now + HOUR / 12)] == ["ok"]
    assert [one.state for one in read.judges(cast.project.id, now=now + HOUR)] == ["late"]
