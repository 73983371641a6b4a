from dataclasses import replace

import pytest

from tests.kits.judge import ITEM, Script, made


def mark(answer: str, expected: str, **settings: object) -> float:
    verdict = made("exact", **settings).judge(replace(ITEM, output=answer, reference=expected), Script())
    assert verdict is not None
    return verdict.value


@pytest.mark.parametrize("answer", ["Paris", " paris.", "ＰＡＲＩＳ！", "“Paris”"])
def test_what_reads_the_same_is_the_same(answer: str) -> None:
    assert mark(answer, "Paris") == 5


def test_to_the_letter_means_to_the_letter() -> None:
    assert mark("paris", "Paris", strict=True) == 0


def test_another_answer_is_not_the_expected_one() -> None:
    assert mark("Paris or Lyon", "Paris") == 0


def test_a_call_without_an_expected_answer_is_passed_over() -> None:
    assert made("exact").judge(replace(ITEM, reference=""), Script()) is None
