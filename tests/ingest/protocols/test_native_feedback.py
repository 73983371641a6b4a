"""Thumbs and corrections of people, as marks."""

import json
from typing import Any

import pytest

from monitor.ingest.envelope import Batch
from monitor.ingest.protocols.native import Native


def sent(**record: Any) -> Batch:
    body = json.dumps({"scores": [{"generation_id": "c1", **record}]}).encode()
    return Native().decode(body, {"x-path": "/api/v1/scores", "content-type": "application/json"})


@pytest.mark.parametrize("thumb, mark", [("up", 5.0), ("down", 0.0)])
def test_a_thumb_is_a_mark_at_the_end_of_the_scale(thumb: str, mark: float) -> None:
    (one,) = sent(thumb=thumb, reason="so", author="u-1").scores
    assert (one.name, one.value, one.source, one.reason) == ("feedback", mark, "human", "so")


def test_a_correction_carries_the_better_answer() -> None:
    (one,) = sent(correction="It is Paris.").scores
    assert (one.name, one.value, one.reason) == ("correction", 0.0, "It is Paris.")


@pytest.mark.parametrize(
    "wrong", [{}, {"thumb": "up", "value": 3}, {"thumb": "sideways"}, {"correction": ""}]
)
def test_what_says_nothing_or_two_things_is_refused(wrong: dict[str, Any]) -> None:
    batch = sent(**wrong)
    assert batch.scores == []
    assert len(batch.rejected) == 1
