from dataclasses import replace

import pytest

from tests.kits.judge import ITEM, Script, made


def mark(answer: str, expected: str) -> float:
    verdict = made("rouge_l").judge(replace(ITEM, output=answer, reference=expected), Script())
    assert verdict is not None
    return verdict.value


@pytest.mark.parametrize("text", ["The order arrives in three days.", "订单会在三个工作日内送达。"])
def test_the_expected_answer_gets_five_and_another_little(text: str) -> None:
    assert mark(text, text) == pytest.approx(5.0)
    assert mark("完全不同" if text.isascii() else "Nothing alike", text) < 1.0


def test_chinese_answers_that_share_words_are_nearer_than_those_that_do_not() -> None:
    wanted = "订单会在三个工作日内送达"
    assert mark("订单三个工作日送达", wanted) > mark("请您联系人工客服处理", wanted) + 0.5


def test_a_call_without_an_expected_answer_is_passed_over() -> None:
    assert made("rouge_l").judge(replace(ITEM, reference=" "), Script()) is None
