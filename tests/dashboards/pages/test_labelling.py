import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from monitor.core import clock
from monitor.quality.models import Judge, JudgeEpoch, Label
from monitor.store.calls import generations, scores
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look

HERE = "/p/shop/labelling/"


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch, now: dt.datetime) -> None:
    """The page looks at the last seven days, and the calls of the tests are of one noon."""
    monkeypatch.setattr(clock, "now", lambda: now)


@pytest.fixture
def judge(world: Sequence[UUID], cast: Cast, now: dt.datetime) -> Judge:
    made = Judge.objects.create(
        project=cast.project, name="helpfulness", kind="rubric", guidelines="**Five** is the best.",
        settings={"url": "http://127.0.0.1:9/v1", "model": "m"},
    )  # fmt: skip
    JudgeEpoch.objects.create(judge=made, number=1, fingerprint="f", started_at=now)
    rows = [scores.ScoreRow(one, "helpfulness", "judge", 4.0, "said the judge", "rubric#1") for one in world]
    scores.put(cast.project.id, rows, now=now)
    return made


def answered(client: Client, cast: Cast, under: Judge, call: Any, **more: str) -> Any:
    client.force_login(cast.ada)
    form = {"do": "label", "judge": under.name, "call": str(call), "mark": "4", **more}
    return client.post(HERE, form)


def test_without_a_judge_the_page_says_what_is_missing(look: Look) -> None:
    assert "No judge is set up" in look("labelling").content.decode()


def test_a_call_is_shown_with_the_guidelines_but_without_mark_and_version(look: Look, judge: Judge) -> None:
    page = look("labelling").content.decode()
    assert "What is rule" in page
    assert "<strong>Five</strong>" in page
    assert "said the judge" not in page
    assert 'class="ver"' not in page.partition("<main")[2]


def test_a_mark_is_kept_and_the_next_call_comes(client: Client, look: Look, cast: Cast, judge: Judge) -> None:
    first = look("labelling").context["call"].id
    assert answered(client, cast, judge, first).status_code == 302
    assert Label.objects.get().value == 4.0
    assert look("labelling").context["call"].id != first


def test_the_mark_becomes_a_human_one_and_the_better_answer_is_redacted(
    client: Client, look: Look, cast: Cast, judge: Judge
) -> None:
    first = look("labelling").context["call"].id
    answered(client, cast, judge, first, mark="1", correction="Write to ann@example.com instead.")
    found = generations.one(cast.project.id, first)
    assert found is not None
    human = {mark.name: mark for mark in found.scores if mark.source == "human"}
    assert human["helpfulness"].value == 1.0
    assert "ann@example.com" not in human["correction"].reason
    assert "instead." in human["correction"].reason


def test_who_can_not_say_skips_and_is_not_asked_again(
    client: Client, look: Look, cast: Cast, judge: Judge
) -> None:
    first = look("labelling").context["call"].id
    answered(client, cast, judge, first, mark="skip")
    assert Label.objects.get().value is None
    assert look("labelling").context["call"].id != first


@pytest.mark.parametrize("wrong", [{"mark": "6"}, {"mark": ""}, {"call": "x"}, {"judge": "nobody"}])
def test_what_is_no_label_is_refused(
    client: Client, look: Look, cast: Cast, judge: Judge, wrong: dict[str, str]
) -> None:
    first = look("labelling").context["call"].id
    assert answered(client, cast, judge, wrong.pop("call", first), **wrong).status_code == 404
    assert not Label.objects.exists()


def test_a_viewer_may_look_but_not_label(client: Client, look: Look, cast: Cast, judge: Judge) -> None:
    page = look("labelling", who=cast.ben)
    assert 'name="mark"' not in page.content.decode()
    client.force_login(cast.ben)
    form = {"do": "label", "judge": judge.name, "call": str(page.context["call"].id), "mark": "4"}
    assert client.post(HERE, form).status_code == 403


def test_the_last_mark_can_be_changed(client: Client, look: Look, cast: Cast, judge: Judge) -> None:
    first = look("labelling").context["call"].id
    answered(client, cast, judge, first)
    assert look("labelling", call=str(first)).context["call"].id == first
    answered(client, cast, judge, first, mark="2")
    assert Label.objects.get().value == 2.0


def test_without_guidelines_the_criterion_stands_there_in_the_readers_language(
    client: Client, look: Look, judge: Judge
) -> None:
    Judge.objects.update(guidelines="")
    assert "How well does the answer" in look("labelling").content.decode()
    client.cookies["django_language"] = "zh-hans"
    assert "回答在多大程度上" in look("labelling").content.decode()
