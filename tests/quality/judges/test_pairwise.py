from dataclasses import replace

import pytest

from tests.kits.judge import ITEM, Script, made


def said(better: str) -> dict[str, str]:
    return {"reason": "because", "better": better}


@pytest.mark.parametrize(
    "ahead, behind, mark, tag",
    [
        ("first", "second", 5.0, "won"),
        ("second", "first", 0.0, "lost"),
        ("first", "first", 2.5, "first_won"),
        ("second", "second", 2.5, "second_won"),
        ("tie", "first", 2.5, "tie"),
        ("tie", "tie", 2.5, "tie"),
    ],
)
def test_only_an_answer_that_wins_in_both_orders_has_won(
    ahead: str, behind: str, mark: float, tag: str
) -> None:
    verdict = made("pairwise").judge(ITEM, Script(said(ahead), said(behind)))
    assert verdict is not None
    assert (verdict.value, verdict.tag) == (mark, tag)


def test_each_answer_stands_first_once() -> None:
    script = Script(said("first"), said("second"))
    made("pairwise").judge(ITEM, script)
    one, two = (messages[1]["content"] for messages, _ in script.asked)
    assert one.index("Paris") < one.index("Lyon")
    assert two.index("Lyon") < two.index("Paris")


def test_a_call_without_a_rival_is_passed_over() -> None:
    assert made("pairwise").judge(replace(ITEM, rival=None), Script()) is None


def test_versions_are_never_named() -> None:
    script = Script(said("tie"), said("tie"))
    made("pairwise", baseline="v1-secret-name").judge(ITEM, script)
    assert "v1-secret-name" not in str(script.asked)
