import datetime as dt
import json
from collections.abc import Sequence
from html import unescape
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboards.compared import sides
from dashboards.compared.likes import likeness
from monitor.store.calls import embeddings, scores
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look


def labels(context: Any) -> list[str]:
    return [side.label for side in context["choice"].sides]


@pytest.fixture
def failing(world: object, push: Push, now: dt.datetime) -> None:
    """So many failures of v2 that no grouping of its callers makes them chance."""
    push([
        {"at": now - dt.timedelta(seconds=30 + 50 * number), "version": "v2", "error": "timeout", "output": ""}
        for number in range(70)
    ])  # fmt: skip


def test_the_verdict_stands_first_and_names_the_worse_version(look: Look, failing: None) -> None:
    answer = look("compare")
    assert answer.context["against"][0].sentence.startswith("v2 fails more often")
    assert answer.context["tone"] == "bad"


@pytest.mark.parametrize(
    "language, said",
    [("en", "A v1: 120 calls; B v2: 40 calls. "), ("zh-hans", "A v1：120 次调用；B v2：40 次调用。")],
)
def test_the_calls_of_each_side_are_told_as_the_language_writes(
    look: Look, world: object, language: str, said: str
) -> None:
    assert look("compare", headers={"accept-language": language}).context["counted"] == said


def test_the_main_version_is_a_and_the_newest_is_b(look: Look, world: object) -> None:
    context = look("compare").context
    assert context["choice"].model == "qwen"
    assert labels(context) == ["v1", "v2"]


def test_the_busiest_is_a_where_calls_are_too_many_to_count(
    look: Look, world: object, push: Push, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    push([{"version": "v2", "at": now - dt.timedelta(seconds=1)}])
    monkeypatch.setattr(sides, "COUNTED", 10)
    assert labels(look("compare").context) == ["v1", "v2"]


def test_what_the_charts_show_is_read_together(look: Look, world: object) -> None:
    with CaptureQueriesContext(connection) as caught:
        look("compare")
    assert sum("FROM monitor_sample_batch" in one["sql"] for one in caught.captured_queries) <= 8


def test_the_address_decides_which_versions(look: Look, world: object) -> None:
    assert labels(look("compare", model="qwen", a="v2", b="v1").context) == ["v2", "v1"]


@pytest.mark.parametrize(
    "chart", ["latency", "ttft", "answers", "length", "crowd", "p99", "speed", "errors", "cost"]
)
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
    line = next(line for line in look("compare").context["against"][0].lines if line.name == "quality")
    assert (line.a, line.b) == ("4.50", "4.00")


def test_the_page_says_which_hours_were_compared(look: Look, world: object) -> None:
    answer = look("compare")
    since, until = answer.context["window"]
    assert dt.timedelta(minutes=50) < until - since < dt.timedelta(hours=1)
    assert "same hours" in answer.content.decode()


def test_versions_that_never_ran_together_are_said_to_be_so(look: Look, push: Push, now: dt.datetime) -> None:
    push([{"version": f"v{1 + n // 20}", "at": now - dt.timedelta(minutes=50 - n)} for n in range(40)])
    assert "never ran at the same time" in look("compare").content.decode()


def test_three_versions_are_each_weighed_against_the_first(look: Look, world: object, push: Push) -> None:
    push([{"version": "v3", "duration_seconds": 1.0}])
    context = look("compare", a="v1", b="v2", c="v3").context
    assert labels(context) == ["v1", "v2", "v3"]
    assert [one.side.label for one in context["against"]] == ["v2", "v3"]
    assert len({one["line"]["color"] for one in context["charts"]["latency"].figure["data"]}) == 3


def test_a_version_is_compared_with_itself_an_hour_before(
    look: Look, world: object, push: Push, now: dt.datetime
) -> None:
    push([{"duration_seconds": 9.0, "at": now - dt.timedelta(minutes=65 + n)} for n in range(20)])
    context = look("compare", a="v1", b="v1", b_ago="1h").context
    assert labels(context) == ["v1", "v1 1h earlier"]
    earlier = context["loaded"][1]
    assert earlier.n == 20
    assert int(earlier.columns["started_at"][-1]) == int((now - dt.timedelta(minutes=5)).timestamp() * 1000)
    assert {trace["name"] for trace in context["charts"]["latency"].figure["data"]} == {"v1", "v1 1h earlier"}


def test_environments_are_told_apart(look: Look, push: Push) -> None:
    push([{"environment": "prod" if n % 2 else "staging", "duration_seconds": 1.0} for n in range(20)])
    context = look("compare", a="v1", b="v1", a_env="prod", b_env="staging").context
    assert labels(context) == ["v1 prod", "v1 staging"]
    assert [one.n for one in context["loaded"]] == [10, 10]


def test_distributions_can_be_drawn_as_shares_up_to_each_value(look: Look, world: object) -> None:
    trace = look("compare", view="cumulative").context["charts"]["latency"].figure["data"][0]
    assert trace["y"][0] == 0
    assert trace["y"][-1] == 1
    assert trace["y"] == sorted(trace["y"])


def test_the_difference_is_told_at_every_quantile(look: Look, world: object) -> None:
    found = look("compare").context["curves"]["b"]
    assert [one.metric.q for one in found] == [0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
    assert all(one.interval.low <= one.estimate <= one.interval.high for one in found)


def test_the_whole_leaves_as_json_and_the_measures_as_csv(look: Look, failing: None) -> None:
    whole = json.loads(look("compare/export", form="json").content)
    assert [side["label"] for side in whole["sides"]] == ["v1", "v2"]
    assert whole["verdicts"][0]["verdict"] == "worse"
    rows = look("compare/export", form="csv").content.decode("utf-8-sig").splitlines()
    assert len(rows) == 1 + len(whole["measures"])


def test_the_report_holds_verdict_charts_and_the_address_of_the_page(look: Look, world: object) -> None:
    answer = look("compare/report")
    text = unescape(answer.content.decode())
    assert answer.context["against"][0].sentence in text
    assert text.count('class="plot') >= 8
    assert "/p/shop/compare/?" in text


def test_answers_to_the_same_prompt_stand_side_by_side(look: Look, push: Push) -> None:
    for version, said in (("v1", "It takes three days."), ("v2", "It takes nine days.")):
        push([{"version": version, "prompt": "How long does delivery take?", "output": said}])
    pair = look("compare").context["pairs"][0]
    assert [piece.text for piece in pair.output_b if piece.mark] == ["nine"]


def test_prompts_that_mean_the_same_are_paired_by_their_vectors(look: Look, push: Push, cast: Cast) -> None:
    made = push(
        [
            {"version": "v1", "prompt": "When will it arrive?", "output": "Soon."},
            {"version": "v2", "prompt": "Delivery time please", "output": "Later."},
            {"version": "v2", "prompt": "When will it expire?", "output": "Never."},
        ]
    )
    vectors = ([1.0, 0.0], [0.99, 0.1], [0.0, 1.0])
    rows = [
        embeddings.VectorRow(one, "prompt", "x", [*vector, *[0.0] * 254])
        for one, vector in zip(made, vectors, strict=True)
    ]
    embeddings.put(cast.project.id, rows)
    pair = look("compare", a="v1", b="v2").context["pairs"][0]
    assert (pair.a.prompt, pair.b.prompt) == ("When will it arrive?", "Delivery time please")
