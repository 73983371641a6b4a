import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.quality import likeness

WORDS = st.lists(st.sampled_from("abc"), max_size=12)


def plain_common(one: list[str], other: list[str]) -> int:
    """The longest common subsequence as the textbook has it."""
    rows = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i, left in enumerate(one):
        for j, right in enumerate(other):
            rows[i + 1][j + 1] = rows[i][j] + 1 if left == right else max(rows[i][j + 1], rows[i + 1][j])
    return rows[-1][-1]


@given(WORDS, WORDS)
def test_the_longest_run_in_common_is_that_of_the_textbook(one: list[str], other: list[str]) -> None:
    assert likeness.common(one, other) == plain_common(one, other)


def test_rouge_l_of_words_is_its_f_measure() -> None:
    # in common: the cat … mat = 4 of 6 said and 5 wanted
    assert likeness.rouge_l("the cat is on the mat", "the cat was on mat") == pytest.approx(2 * 4 / 11)


def test_chinese_is_counted_by_character() -> None:
    assert likeness.tokens("订单 Order-7 已发") == ["订", "单", "order", "7", "已", "发"]
    assert likeness.rouge_l("已发货", "未发货") == pytest.approx(2 / 3)


def test_numbers_and_latin_words_inside_chinese_are_words_of_their_own() -> None:
    assert likeness.tokens("2023年增长12%，GPT4模型") == ["2023", "年", "增", "长", "12", "gpt4", "模", "型"]
    assert likeness.rouge_l("2023年营收增长12%", "2023年利润增长12%") > 0.7


def test_bleu_of_chinese_uses_the_chinese_tokenizer() -> None:
    # without it the sentence is one word and any change leaves nothing in common
    assert likeness.bleu("订单将在三天内送到", "订单将在三天内送达") > 0.7


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_is_never_outside_its_range(answer: str, expected: str) -> None:
    assert 0 <= likeness.rouge_l(answer, expected) <= 1


@pytest.mark.parametrize(
    ("measure", "answer", "expected", "value"),
    [
        # n-grams in common 5/6, 3/5, 1/4 and 0/3, the last smoothed to half of one
        (likeness.bleu, "the cat sat on the mat", "the cat is on the mat", (5 / 6 * 3 / 5 / 4 / 6) ** 0.25),
        # character by character: 5/6, 3/5, 2/4, 1/3
        (likeness.bleu, "猫坐在垫子上", "猫在垫子上", (5 / 6 * 3 / 5 / 2 / 3) ** 0.25),
        # shorter than expected by a quarter: exp(1 - 4/3) of the likeness
        (likeness.bleu, "a b c", "a b c d", math.exp(-1 / 3)),
        # the examples of Lin (2004)
        (likeness.rouge_l, "police kill the gunman", "police killed the gunman", 0.75),
        (likeness.rouge_l, "the gunman kill police", "police killed the gunman", 0.5),
        (likeness.rouge_l, "猫坐在垫子上", "猫在垫子上", 10 / 11),
        # letters, pairs and triples in common: 2/3, 1/2 and none
        (likeness.chrf, "abc", "abd", (2 / 3 + 1 / 2) / 3),
        (likeness.chrf, "订单三天送达", "订单三天送达", 1.0),
    ],
)
def test_values_are_those_of_the_formulas(
    measure: Callable[[str, str], float], answer: str, expected: str, value: float
) -> None:
    assert measure(answer, expected) == pytest.approx(value, abs=1e-4)
