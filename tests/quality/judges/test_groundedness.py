from dataclasses import replace

import pytest

from monitor.quality.judges.groundedness import ASKING
from tests.kits.judge import ITEM, Script, made


def said(*supported: bool) -> dict[str, object]:
    return {
        "statements": [{"statement": f"claim {n}", "supported": one} for n, one in enumerate(supported)],
        "reason": "so it is",
    }


def test_the_mark_is_the_share_of_supported_statements() -> None:
    verdict = made("groundedness").judge(ITEM, Script(said(True, False, True, True)))
    assert verdict is not None
    assert verdict.value == pytest.approx(3.75)
    assert "claim 1" in verdict.reason


def test_a_call_without_retrieval_is_passed_over_unasked() -> None:
    script = Script()
    assert made("groundedness").judge(replace(ITEM, contexts=None), script) is None
    assert script.asked == []


def test_a_search_that_found_nothing_is_judged() -> None:
    script = Script(said(False))
    verdict = made("groundedness").judge(replace(ITEM, contexts=()), script)
    assert verdict is not None
    assert verdict.value == 0
    assert "found nothing" in script.asked[0][0][1]["content"]


def test_an_answer_that_claims_nothing_is_grounded() -> None:
    verdict = made("groundedness").judge(ITEM, Script(said()))
    assert verdict is not None
    assert verdict.value == 5


def test_in_doubt_alone_the_model_is_asked() -> None:
    document = "整机保修三年。"
    clear = replace(ITEM, output="整机保修三年。", contexts=(document,))
    doubtful = replace(ITEM, output="The warranty lasts 3 years.", contexts=(document,))
    script = Script(said(True))
    assert ASKING.default == "when in doubt"
    judge = made("groundedness", ask=ASKING.default)
    verdict = judge.judge(clear, script)
    assert script.asked == []
    assert verdict is not None
    assert (verdict.value, verdict.reason[:10]) == (5.0, "Not asked:")
    judge.judge(doubtful, script)
    assert len(script.asked) == 1
