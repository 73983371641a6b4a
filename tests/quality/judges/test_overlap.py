from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.quality.judges.overlap import chrf
from tests.kits.judge import ITEM, Script, made


def test_the_same_text_is_five() -> None:
    verdict = made("overlap").judge(
        replace(ITEM, output="巴黎是法国的首都", reference="巴黎是法国的首都"), Script()
    )
    assert verdict is not None
    assert verdict.value == 5


def test_a_call_without_a_reference_is_passed_over() -> None:
    assert made("overlap").judge(replace(ITEM, reference=" "), Script()) is None


def test_chrf_of_short_texts_equals_the_sum_by_hand() -> None:
    # grams of 1: 2 of 3 and 2 of 2; of 2: 1 of 2 and 1 of 1; longer ones do not exist in both
    precision, recall = (2 / 3 + 1 / 2) / 2, 1.0
    assert chrf("abc", "ab") == pytest.approx(5 * precision * recall / (4 * precision + recall))


def test_chinese_answers_that_share_words_are_nearer_than_those_that_do_not() -> None:
    wanted = "订单会在三个工作日内送达"
    assert chrf("订单三个工作日送达", wanted) > 0.3 > chrf("请联系人工客服", wanted)


@given(st.text(max_size=40), st.text(max_size=40))
def test_likeness_is_never_outside_its_range(answer: str, reference: str) -> None:
    assert 0 <= chrf(answer, reference) <= 1
