import datetime as dt
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from dashboards.pages.quality import verdict
from monitor.core import clock
from monitor.quality.models import ClaimState, GoldenItem, Judge, JudgeClaim, JudgeEpoch, JudgeFailure, Label
from monitor.store.calls import scores
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look

HERE = "/p/shop/quality/"


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch, now: dt.datetime) -> None:
    """The page looks at the last seven days, and the calls of the tests are of one noon."""
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.fixture
def judge(cast: Cast) -> Judge:
    return Judge.objects.create(
        project=cast.project, name="helpfulness", kind="rubric", daily_tokens=1000,
        settings={"url": "http://127.0.0.1:9/v1", "model": "m"},
    )  # fmt: skip


@pytest.fixture
def marked(judge: Judge, world: Sequence[UUID], cast: Cast, now: dt.datetime) -> Judge:
    """Every call of v1 and v2 has a mark of the judge."""
    JudgeEpoch.objects.create(judge=judge, number=1, fingerprint="f", started_at=now)
    rows = [
        scores.ScoreRow(one, "helpfulness", "judge", float(place % 6), "said", "rubric#1")
        for place, one in enumerate(world)
    ]
    scores.put(cast.project.id, rows, now=now)
    return judge


def test_without_a_judge_the_page_says_how_to_add_one(look: Look) -> None:
    assert "OpenAI-compatible endpoint" in look("quality").content.decode()


def test_marks_become_a_chart_and_a_list(
    look: Look, world: Sequence[UUID], cast: Cast, now: dt.datetime
) -> None:
    rows = [scores.ScoreRow(one, "helpfulness", "judge", 4.0, "good", "j") for one in world[:40]]
    scores.put(cast.project.id, rows, now=now)
    context = look("quality").context
    assert context["charts"][0].figure is not None
    assert context["verdicts"][0].reason == "good"


def test_each_mark_has_its_share_and_zero_is_a_mark(
    look: Look, world: Sequence[UUID], cast: Cast, now: dt.datetime
) -> None:
    marks = [0.0, 0.0, 3.0, 5.0] * 5
    rows = [scores.ScoreRow(one, "h", "judge", mark) for one, mark in zip(world[::4], marks, strict=False)]
    scores.put(cast.project.id, rows, now=now)
    bars = look("quality").context["charts"][-1].figure["data"][0]
    assert dict(zip(bars["x"], bars["y"], strict=True)) == {
        "0": 0.5,
        "1": 0,
        "2": 0,
        "3": 0.25,
        "4": 0,
        "5": 0.25,
    }


def test_without_labels_marks_are_called_uncalibrated(
    look: Look, marked: Judge, client: Client, settings: object
) -> None:
    page = look("quality").content.decode()
    assert "uncalibrated: 30 more labels needed" in page


def test_one_sentence_says_whether_anything_moved(look: Look, marked: Judge) -> None:
    found = look("quality").context["verdict"]
    assert (found["judge"], found["tone"]) == ("helpfulness", "unknown")
    assert "too few marks" in str(found["word"])


def test_with_labels_the_rate_stands_with_its_interval(
    look: Look, marked: Judge, world: Sequence[UUID], now: dt.datetime
) -> None:
    Label.objects.bulk_create(
        Label(judge=marked, generation_id=one, rater="ben", value=float(place % 6), made_at=now)
        for place, one in list(enumerate(world))[:80]
    )
    versions = look("quality").context["standings"][0]["versions"]
    assert "…" in versions[0].interval
    assert versions[0].raw.startswith("raw ")


def test_a_call_that_was_given_up_is_in_sight_and_goes_round_again(
    look: Look, judge: Judge, world: Sequence[UUID], client: Client, cast: Cast, now: dt.datetime
) -> None:
    letter = JudgeClaim.objects.create(
        judge=judge, generation_id=world[0], claimed_at=now, attempts=3, state=ClaimState.FAILED,
        reason="timeout", error="no answer within 30 s",
    )  # fmt: skip
    page = look("quality").content.decode()
    assert "no answer in time" in page
    assert "no answer within 30 s" in page
    client.force_login(cast.ada)
    assert client.post(HERE, {"do": "again", "judge": judge.pk, "claim": letter.pk}).status_code == 302
    letter.refresh_from_db()
    assert letter.state == ClaimState.OPEN


def test_a_spent_day_is_not_called_a_failure(look: Look, judge: Judge, now: dt.datetime) -> None:
    Judge.objects.update(last_error="today's budget is spent (990 of 1,000 tokens)")
    JudgeFailure.objects.create(judge=judge, reason="budget", count=1, last_at=now)
    assert look("quality").context["judges"][0]["row"].state == "spent"


def test_labelled_calls_are_frozen_and_forgotten_by_people(
    look: Look, marked: Judge, world: Sequence[UUID], client: Client, cast: Cast, now: dt.datetime
) -> None:
    Label.objects.create(judge=marked, generation_id=world[0], rater="ben", value=4.0, made_at=now)
    client.force_login(cast.ada)
    client.post(HERE, {"do": "freeze", "judge": marked.name})
    assert GoldenItem.objects.get().prompt.startswith("What is rule")
    client.post(HERE, {"do": "thaw", "judge": marked.name})
    assert not GoldenItem.objects.exists()


@pytest.mark.parametrize("do", ["again", "freeze", "thaw"])
def test_who_may_only_look_changes_nothing(client: Client, cast: Cast, judge: Judge, do: str) -> None:
    client.force_login(cast.ben)
    assert client.post(HERE, {"do": do, "judge": judge.name}).status_code == 403


def test_marks_that_are_all_the_same_are_called_out(
    look: Look, judge: Judge, world: Sequence[UUID], cast: Cast, now: dt.datetime
) -> None:
    JudgeEpoch.objects.create(judge=judge, number=1, fingerprint="f", started_at=now)
    rows = [scores.ScoreRow(one, "helpfulness", "judge", 5.0, "fine", "rubric#1") for one in world]
    scores.put(cast.project.id, rows, now=now)
    assert "says nothing" in look("quality").content.decode()


def test_what_is_not_known_stands_before_what_is_steady() -> None:
    """A version with too few marks must not make the page say that all is well."""
    rows = [tone_of("steady", "good"), tone_of("few", "unknown")]
    told = verdict([{"row": SimpleNamespace(name="helpfulness"), "versions": rows}])
    assert told is not None
    assert (told["tone"], told["version"]) == ("unknown", "few")


def test_a_judge_that_gives_every_call_the_same_mark_makes_nothing_green(
    look: Look, judge: Judge, world: Sequence[UUID], cast: Cast, now: dt.datetime
) -> None:
    JudgeEpoch.objects.create(judge=judge, number=1, fingerprint="f", started_at=now)
    rows = [scores.ScoreRow(one, "helpfulness", "judge", 5.0, "perfect", "rubric#1") for one in world]
    scores.put(cast.project.id, rows, now=now)
    assert look("quality").context["verdict"]["tone"] == "unknown"


def tone_of(version: str, tone: str) -> Any:
    row = SimpleNamespace(quality=SimpleNamespace(version=version, model="m"))
    return SimpleNamespace(tone=tone, word=version, why="", row=row)
