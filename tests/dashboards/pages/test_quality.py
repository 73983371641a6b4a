import datetime as dt
from collections.abc import Sequence
from uuid import UUID

from monitor.store import scores
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look


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
