import itertools
import re
from statistics import median

import pytest

from monitor.management.simulation import traffic
from monitor.management.simulation.services import PADDLE, QWEN
from monitor.management.simulation.story import DAY, HOUR, MINUTE, Story

ANCHOR = 1_795_200_000.0


@pytest.fixture(scope="module")
def story() -> Story:
    return Story(ANCHOR)


@pytest.fixture(scope="module")
def recent(story: Story) -> list[traffic.Record]:
    """The two hours before the anchor: canaries, launch and all."""
    return list(traffic.calls(story, ANCHOR - 2 * HOUR, ANCHOR))


def test_the_same_story_tells_the_same_calls(story: Story) -> None:
    first = list(traffic.calls(story, ANCHOR - 600, ANCHOR))
    assert first
    assert first == list(traffic.calls(Story(ANCHOR), ANCHOR - 600, ANCHOR))


def test_another_seed_tells_other_calls(story: Story) -> None:
    other = Story(ANCHOR, seed=2)
    assert next(traffic.calls(story, ANCHOR - 600, ANCHOR)) != next(
        traffic.calls(other, ANCHOR - 600, ANCHOR)
    )


def test_a_span_told_in_pieces_is_the_span_told_at_once(story: Story) -> None:
    edges = [ANCHOR - 600, ANCHOR - 433.3, ANCHOR - 200, ANCHOR]
    pieces = [
        str(call["id"])
        for start, end in itertools.pairwise(edges)
        for call in traffic.calls(story, start, end)
    ]
    at_once = [str(call["id"]) for call in traffic.calls(story, edges[0], edges[-1])]
    assert sorted(pieces) == sorted(at_once)


def test_no_id_comes_twice(recent: list[traffic.Record]) -> None:
    assert len({call["id"] for call in recent}) == len(recent)


@pytest.mark.parametrize("hour", [4, 16])
def test_a_day_of_history_stays_under_25000_calls_at_any_hour(hour: int) -> None:
    anchor = ANCHOR + hour * HOUR
    assert sum(1 for _ in traffic.calls(Story(anchor), anchor - DAY, anchor)) < 25_000


def test_live_traffic_stays_under_two_calls_a_second(story: Story) -> None:
    for hour in range(24):
        at = ANCHOR + hour * HOUR
        assert sum(1 for _ in traffic.calls(story, at, at + 5 * MINUTE)) < 2 * 300


def test_after_a_day_it_calms_down_to_spare_the_disk(story: Story) -> None:
    first = sum(1 for _ in traffic.calls(story, ANCHOR + 10 * HOUR, ANCHOR + 11 * HOUR))
    later = sum(1 for _ in traffic.calls(story, ANCHOR + 34 * HOUR, ANCHOR + 35 * HOUR))
    assert later < 0.3 * first


def test_a_canary_gets_its_share_and_not_before_its_time(story: Story, recent: list[traffic.Record]) -> None:
    before = list(traffic.calls(story, ANCHOR - 8 * HOUR, ANCHOR - 6.01 * HOUR))
    assert {call["version"] for call in before} == {QWEN.stable, PADDLE.stable}
    mine = [call for call in recent if call["model"] == QWEN.model]
    share = sum(call["version"] == QWEN.canary for call in mine) / len(mine)
    assert 0.05 < share < 0.20


def seconds(calls: list[traffic.Record], version: str, low: int, high: int, field: str) -> float:
    return float(
        median(
            call[field]
            for call in calls
            if call["version"] == version and "ttft_seconds" in call and low <= call["input_tokens"] < high
        )
    )


def test_the_canary_is_as_quick_as_the_stable_version_at_short_contexts(recent: list[traffic.Record]) -> None:
    stable = seconds(recent, QWEN.stable, 0, 1000, "ttft_seconds")
    assert seconds(recent, QWEN.canary, 0, 1000, "ttft_seconds") < 1.5 * stable


@pytest.mark.parametrize("field", ["ttft_seconds", "duration_seconds"])
def test_the_canary_is_far_slower_at_long_contexts(recent: list[traffic.Record], field: str) -> None:
    stable = seconds(recent, QWEN.stable, 6000, 40_000, field)
    assert seconds(recent, QWEN.canary, 6000, 40_000, field) > 1.8 * stable


def test_prompts_get_longer_and_more_chinese_with_the_launch(
    story: Story, recent: list[traffic.Record]
) -> None:
    before = [
        call
        for call in traffic.calls(story, ANCHOR - 12 * HOUR, ANCHOR - 4 * HOUR)
        if call["model"] == QWEN.model
    ]
    now = [call for call in recent if call["model"] == QWEN.model]

    def chinese(calls: list[traffic.Record]) -> float:
        return sum(bool(re.search("[一-鿿]", str(call["prompt"]))) for call in calls) / len(calls)

    assert median(call["input_tokens"] for call in now) > 1.3 * median(
        call["input_tokens"] for call in before
    )
    assert chinese(now) > chinese(before) + 0.1


def test_the_knowledge_base_goes_unused_when_it_is_down(story: Story, recent: list[traffic.Record]) -> None:
    mine = [call for call in recent if call["model"] == PADDLE.model]
    down = [call for call in mine if story.knowledge_base_down(call["started_at"])]
    well = [call for call in mine if not story.knowledge_base_down(call["started_at"])]
    assert sum(call["contexts"] == [] for call in down) / len(down) > 0.5
    assert all(call["contexts"] for call in well)


def test_the_canary_fails_more_often_in_its_storms(story: Story) -> None:
    calls = list(traffic.calls(story, ANCHOR, ANCHOR + HOUR))
    canary = [call for call in calls if call["version"] in {QWEN.canary, PADDLE.canary}]
    storm = [call for call in canary if story.canary_storm(call["started_at"])]
    calm = [call for call in canary if not story.canary_storm(call["started_at"])]
    assert sum("error" in call for call in storm) / len(storm) > 0.1
    assert sum("error" in call for call in calm) / len(calm) < 0.05


def test_a_failed_call_has_no_answer(recent: list[traffic.Record]) -> None:
    failed = [call for call in recent if "error" in call]
    assert failed
    absent = {"output", "output_tokens", "ttft_seconds", "inference_seconds"}
    assert not any(absent & set(call) for call in failed)


def test_personal_data_is_planted(recent: list[traffic.Record]) -> None:
    assert any("@example" in str(call["prompt"]) for call in recent)
    assert any("11010519491231002X" in str(call["prompt"]) for call in recent)
