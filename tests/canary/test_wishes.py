import datetime as dt
import math
from typing import Any

import pytest

from monitor.canary.wishes import BadReleaseError, GateWish, StageWish, Wish, check_gate, check_wish

NOW = dt.datetime(2026, 3, 2, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "kind, limits, named",
    [
        ("latency_mean", {"tolerance": 1e200}, "tolerance"),
        ("latency_mean", {"tolerance": -0.5}, "tolerance"),
        ("latency_mean", {"margin": math.nan}, "margin"),
        ("error_ratio", {"tolerance": 0.5}, "tolerance"),
        ("error_ratio", {"margin": math.inf}, "margin"),
        ("error_ratio", {"tolerance": 3.0}, "margin"),
        ("judge_score", {"tolerance": 0.2, "margin": 0.1}, "margin"),
        ("judge_score", {"margin": 50.0}, "margin"),
    ],
)
def test_limits_without_sense_are_refused(kind: str, limits: dict[str, float], named: str) -> None:
    with pytest.raises(BadReleaseError, match=named):
        check_gate(GateWish(kind, **limits))  # type: ignore[arg-type] # all of them are numbers


@pytest.mark.parametrize(
    "kind, limits",
    [
        ("error_ratio", {"tolerance": 1.5}),
        ("error_ratio", {"tolerance": 3.0, "margin": 3.0}),
        ("latency_mean", {"tolerance": 0.0, "margin": 0.2}),
        ("drift", {}),
    ],
)
def test_limits_with_sense_are_taken(kind: str, limits: dict[str, float]) -> None:
    check_gate(GateWish(kind, **limits))  # type: ignore[arg-type] # as above


@pytest.mark.parametrize(
    "change, named",
    [
        ({"started_at": NOW - dt.timedelta(days=15)}, "14 days back"),
        ({"started_at": dt.datetime.min.replace(tzinfo=dt.UTC)}, "started_at"),
        ({"started_at": dt.datetime.max.replace(tzinfo=dt.UTC)}, "started_at"),
        ({"model": "a\0b"}, "model"),
        ({"note": "a\0b"}, "note"),
        ({"stable": "a\0b"}, "stable"),
        ({"stable": "v" * 300}, "stable"),
        ({"gates": [GateWish("finish_reason", "a\0b")]}, "NUL"),
        ({"gates": [GateWish("finish_reason", "a" * 200)]}, "about"),
        ({"gates": [GateWish("cost"), GateWish("cost")]}, "cost is there twice"),
        ({"stages": [StageWish(0.5, least_calls=2**40)]}, "least_calls"),
        ({"stages": [StageWish(0.5, 60 * 24 * 8), StageWish(1.0, 60 * 24 * 8)]}, "14 days"),
        ({"stages": [StageWish(0.5, math.nan)]}, "least_minutes"),
    ],
)
def test_a_wish_without_sense_names_the_field(change: dict[str, Any], named: str) -> None:
    wish = Wish(**{"model": "qwen", "canary": "v2", "stable": "v1", "stages": [StageWish(1.0)], **change})
    with pytest.raises(BadReleaseError, match=named):
        check_wish(wish, wish.stages, NOW)
