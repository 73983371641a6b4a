import datetime as dt
from collections.abc import Sequence
from uuid import UUID

import pytest

from dashboards.pages.compare import likeness
from monitor.store import scores
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look


def test_the_verdict_stands_first_and_names_the_worse_version(look: Look, world: object) -> None:
    answer = look("compare")
    assert answer.context["sentence"].startswith("v2 fails more often")
    assert answer.context["tone"] == "bad"


def test_the_main_version_is_a_and_the_newest_is_b(look: Look, world: object) -> None:
    context = look("compare").context
    assert (context["model"], context["a"], context["b"]) == ("qwen", "v1", "v2")


def test_the_address_decides_which_versions(look: Look, world: object) -> None:
    context = look("compare", model="qwen", a="v2", b="v1").context
    assert (context["a"], context["b"]) == ("v2", "v1")


@pytest.mark.parametrize("chart", ["latency", "ttft", "length", "p99", "speed", "errors", "cost"])
def test_both_versions_are_in_every_chart(look: Look, world: object, chart: str) -> None:
    figure = look("compare").context["charts"][chart].figure
    assert {"v1", "v2"} <= {word for trace in figure["data"] for word in trace["name"].split()}


def test_a_version_has_the_same_colour_in_every_chart(look: Look, world: object) -> None:
    charts = look("compare").context["charts"]
    latency = {trace["name"]: trace["line"]["color"] for trace in charts["latency"].figure["data"]}
    speed = {trace["name"]: trace["line"]["color"] for trace in charts["speed"].figure["data"]}
    assert latency == speed


def test_without_marks_quality_is_unknown(look: Look, world: object) -> None:
    assert look("compare").context["charts"]["quality"].figure is None


def test_a_single_version_has_nothing_to_be_compared_with(look: Look, push: object) -> None:
    push([{"duration_seconds": 1.0}])  # type: ignore[operator] # the fixture is a function
    assert "only one version" in look("compare").content.decode()


def test_texts_without_spaces_can_be_alike() -> None:
    assert likeness("退货期是多久", "退货期是多长") > 0.4 > likeness("退货期是多久", "写一首诗吧")


def test_the_marks_of_judges_are_weighed(
    look: Look, world: Sequence[UUID], cast: Cast, now: dt.datetime
) -> None:
    rows = [
        scores.ScoreRow(one, "h", "judge", 4.0 if place % 4 == 3 else 4.5) for place, one in enumerate(world)
    ]
    scores.put(cast.project.id, rows, now=now)
    line = next(line for line in look("compare").context["lines"] if line.name == "quality")
    assert (line.a, line.b) == ("4.50", "4.00")


def test_the_page_says_which_hours_were_compared(look: Look, world: object) -> None:
    answer = look("compare")
    since, until = answer.context["arms"].window
    assert dt.timedelta(minutes=50) < until - since < dt.timedelta(hours=1)
    assert "same hours" in answer.content.decode()


def test_versions_that_never_ran_together_are_said_to_be_so(look: Look, push: Push, now: dt.datetime) -> None:
    push([{"version": f"v{1 + n // 20}", "at": now - dt.timedelta(minutes=50 - n)} for n in range(40)])
    assert "never ran at the same time" in look("compare").content.decode()
