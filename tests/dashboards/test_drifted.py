"""The sentence at the top of the drift page, and what those that learn still need."""

import datetime as dt
from typing import Any

import pytest

from dashboards.drifted import learning, verdict
from monitor.drift.read import SignalRow, Stream
from tests.fixtures.fix_cast import NOON


def row(state: str, **more: Any) -> SignalRow:
    known = state in {"ok", "warning", "drift"}
    fields: dict[str, Any] = {
        "id": 1, "model": "qwen", "version": "v1", "kind": "topic", "label": "topic", "scale": "points",
        "enabled": True, "state": state, "reason": "", "at": NOON, "effect": 0.08 if known else None,
        "low": -0.03, "high": 0.03, "evidence": 1.0, "streams": (Stream("chat", 0.08, 1.0),), "since": NOON,
        "maturity": "full", "reference": None, "ready": None, "full": None, "selector": "", "last_ok": None,
        "last_error": "",
    }  # fmt: skip
    return SignalRow(**{**fields, **more})


@pytest.mark.parametrize(
    ("states", "tone", "words"),
    [
        (["drift", "warning", "ok"], "bad", "v1: topic “chat”: +8.0 points (normal -3.0 points … +3.0 points)."),
        (["drift", "drift"], "bad", "1 more signal moved."),
        (["warning", "ok"], "warn", "Not sure enough for a page."),
        (["ok", "ok", "learning", "unknown"], "good", "Nothing has moved: 2 signals are as always."),
        (["learning", "unknown"], "unknown", "Too early to say"),
        (["unknown"], "unknown", "Nothing can be said"),
    ],
)  # fmt: skip
def test_the_worst_that_is_known_is_the_verdict(states: list[str], tone: str, words: str) -> None:
    found = verdict([row(state) for state in states])
    assert found is not None
    assert found.tone == tone
    assert words in found.text


def test_without_signals_there_is_no_verdict_and_what_is_off_has_none() -> None:
    assert verdict([]) is None
    assert verdict([row("drift", enabled=False)]) is None


def test_who_is_ready_first_comes_first_and_who_does_not_know_last() -> None:
    later = NOON + dt.timedelta(hours=3)
    found = learning([
        row("learning", version="v3"), row("learning", version="v2", ready=later),
        row("learning", ready=NOON), row("learning", ready=None), row("ok", version="v0"),
    ])  # fmt: skip
    assert [(one.version, one.n, one.ready) for one in found] == [
        ("v1", 2, NOON),
        ("v2", 1, later),
        ("v3", 1, None),
    ]
