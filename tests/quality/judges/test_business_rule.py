from dataclasses import replace
from typing import Any

import pytest

from monitor.quality.judges.base import MisconfiguredError
from tests.kits.judge import ITEM, Script, made


@pytest.mark.parametrize(
    "rule, output, kept",
    [
        ({"must_match": r"order \d+"}, "your order 17", True),
        ({"must_match": r"order \d+"}, "your order", False),
        ({"must_not_match": "(?i)as an ai"}, "As an AI, no", False),
        ({"longest": 5}, "123456", False),
        ({"longest": 6}, "123456", True),
        ({"must_be_json": True}, '{"a": [1]}', True),
        ({"must_be_json": True}, "a: 1", False),
    ],
)
def test_a_rule_is_kept_or_broken(rule: dict[str, Any], output: str, kept: bool) -> None:
    verdict = made("business_rule", **{"longest": None, **rule}).judge(replace(ITEM, output=output), Script())
    assert verdict is not None
    assert verdict.value == (5 if kept else 0)


def test_every_broken_rule_is_named() -> None:
    judge = made("business_rule", longest=3, must_match="zz")
    verdict = judge.judge(replace(ITEM, output="abcd"), Script())
    assert verdict is not None
    assert "4 characters, more than 3" in verdict.reason
    assert "/zz/" in verdict.reason


def test_a_rule_without_rules_is_a_mistake() -> None:
    with pytest.raises(MisconfiguredError, match="at least one"):
        made("business_rule", longest=None)


def test_a_bad_pattern_is_named() -> None:
    with pytest.raises(MisconfiguredError, match=r"\(unclosed"):
        made("business_rule", must_match="(unclosed")


def test_nesting_that_would_exhaust_the_stack_is_not_json() -> None:
    judge = made("business_rule", must_be_json=True, longest=None)
    verdict = judge.judge(replace(ITEM, output="[" * 100_000), Script())
    assert verdict is not None
    assert verdict.value == 0
