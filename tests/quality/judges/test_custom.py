from dataclasses import replace

import pytest

from monitor.quality.judges.base import MisconfiguredError
from tests.kits.judge import ITEM, Script, made


def test_the_scale_of_the_people_becomes_ours() -> None:
    judge = made("custom", worst=1, best=10)
    verdict = judge.judge(ITEM, Script({"reason": "fine", "score": 10}))
    assert verdict is not None
    assert verdict.value == 5
    verdict = judge.judge(ITEM, Script({"reason": "bad", "score": 1}))
    assert verdict is not None
    assert verdict.value == 0


def test_a_scale_may_count_faults() -> None:
    verdict = made("custom", worst=20, best=0).judge(ITEM, Script({"reason": "five faults", "score": 5}))
    assert verdict is not None
    assert verdict.value == pytest.approx(3.75)


def test_only_the_wanted_texts_are_shown() -> None:
    script = Script({"reason": "x", "score": 3})
    made("custom", shown="answer, documents").judge(ITEM, script)
    user = script.asked[0][0][1]["content"]
    assert "Paris is the capital" in user
    assert "What is the capital" not in user


def test_a_call_without_a_wanted_text_is_passed_over() -> None:
    assert made("custom", shown="answer, expected").judge(replace(ITEM, reference=""), Script()) is None


@pytest.mark.parametrize("wrong", [{"worst": 5, "best": 5}, {"shown": "answer, horoscope"}])
def test_what_makes_no_judge_is_refused_when_it_is_set_up(wrong: dict[str, object]) -> None:
    with pytest.raises(MisconfiguredError):
        made("custom", **wrong)
