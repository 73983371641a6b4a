import re
from typing import Any

import pytest

from monitor.canary import words
from monitor.canary.words import Language

GATE = {
    "key": "error_ratio", "kind": "error_ratio", "about": "", "verdict": "fail", "reason": "worse", "needed": True,
    "effect": 3.1, "low": 1.6, "high": 6.0, "n_canary": 4120, "needs": None, "q": 0.0,
}  # fmt: skip
RELEASE: dict[str, Any] = {
    "canary": "v2", "stable": "v1", "verdict": "fail", "state": "open", "gates": [GATE], "seen": None,
    "lacks": [], "proof": None,
}  # fmt: skip


@pytest.mark.parametrize(
    "language, said",
    [
        ("en", "v2 must go back: errors ×3.1 (×1.6 to ×6); decided after 4\u202f120 of its calls."),
        ("zh", "v2 应当回滚：错误率 ×3.1（×1.6 至 ×6）；基于它的 4\u202f120 次调用。"),
    ],
)
def test_a_failure_names_what_is_worse_by_how_much(language: Language, said: str) -> None:
    assert words.sentence(RELEASE, language) == said


def test_an_undecided_gate_says_what_it_lacks() -> None:
    gate = GATE | {"verdict": "undecided", "reason": "too_few", "needs": 1234, "effect": None}
    said = words.sentence(RELEASE | {"verdict": "undecided", "gates": [gate]})
    assert (
        said
        == "Not decided yet whether v2 may go on: errors: not enough calls yet: about 1\u202f300 more needed."
    )


def test_a_share_that_did_not_arrive_comes_before_the_gates() -> None:
    seen = {"arrival": "missing", "share": 0.03, "planned": 0.2}
    said = words.sentence(RELEASE | {"verdict": "undecided", "seen": seen})
    assert "the planned share has not arrived: 3 % of 20 %" in said


def test_what_is_passed_says_what_is_lacking_beside() -> None:
    good = GATE | {"verdict": "pass", "reason": "good", "effect": 1.02}
    said = words.sentence(RELEASE | {"verdict": "pass", "gates": [good], "lacks": ["time", "share"]})
    assert said.endswith("it still lacks: time under observation, its share of the traffic.")


@pytest.mark.parametrize(
    "state, end",
    [
        ("open", "It may go on."), ("held", "It is held until somebody lets it go on."),
        ("ended", "The release has ended."), ("promoted", "It has been promoted."),
    ],
)  # fmt: skip
def test_only_what_is_on_its_way_may_go_on(state: str, end: str) -> None:
    good = GATE | {"verdict": "pass", "reason": "good", "effect": 1.02}
    passed = RELEASE | {"verdict": "pass", "gates": [good], "state": state}
    assert words.sentence(passed).endswith(end)


@pytest.mark.parametrize("reason", words.PROOFS)
def test_every_end_of_a_rollback_has_its_sentence(reason: str) -> None:
    proof = {"state": "unproved", "reason": reason, "share": 0.2, "gate": "error_ratio"}
    for language in ("en", "zh"):
        assert words.sentence(RELEASE | {"proof": proof}, language)


@pytest.mark.parametrize(
    "low, high, said", [(1.1, None, "at least ×1.1"), (0.0, 2.0, "at most ×2"), (None, None, "")]
)
def test_an_open_interval_is_said_in_words(low: float | None, high: float | None, said: str) -> None:
    assert words.interval(GATE | {"low": low, "high": high}) == said


def test_chinese_sentences_have_chinese_punctuation() -> None:
    waiting = GATE | {"verdict": "undecided", "reason": "too_few", "needs": 1234, "effect": None}
    tail = GATE | {"kind": "latency_tail", "q": 0.95, "key": "tail"}
    good = tail | {"verdict": "pass", "reason": "good", "effect": 1.02}
    ends: list[dict[str, Any]] = [
        {"gates": [GATE, tail]}, {"verdict": "undecided", "gates": [waiting, tail | {"verdict": "undecided"}]},
        {"verdict": "pass", "gates": [good], "lacks": ["time", "alike"]}, {"verdict": "pass", "gates": [good], "lacks": ["time"]},
        *({"proof": {"reason": reason, "share": 0.2, "gate": "error_ratio"}} for reason in words.PROOFS),
        *({"verdict": "undecided", "seen": {"arrival": one, "share": 0.1, "planned": 0.2}} for one in words.ARRIVALS),
    ]  # fmt: skip
    said = [words.sentence(RELEASE | end, "zh") for end in ends]
    said += [words.arrival({"arrival": one}, "zh") for one in words.ARRIVALS]
    said += [words.reason(GATE | {"reason": one, "needs": 9}, "zh") for one in words.REASONS]
    said.append(words.mixed({"language": 0.4, "topic": 0.3}, "zh"))
    assert [one for one in said if re.search(r"[,;:()]", one)] == []
