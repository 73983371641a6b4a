from dataclasses import replace

import pytest

from monitor.quality.judges.base import MisconfiguredError
from tests.kits.judge import ITEM, Script, made

SCHEMA = """{"type": "object", "required": ["city"], "properties": {
    "city": {"type": "string", "pattern": "^(a+)+$"}, "people": {"type": "integer"}}}"""


def verdict(answer: str) -> tuple[float, str]:
    found = made("json_schema", schema=SCHEMA).judge(replace(ITEM, output=answer), Script())
    assert found is not None
    return found.value, found.reason


def test_an_answer_that_fits_gets_five() -> None:
    assert verdict('{"city": "aaa"}')[0] == 5


@pytest.mark.parametrize(
    "answer, why", [("Paris", "Not JSON"), ("{}", "city"), ('{"city": "a", "people": "many"}', "people")]
)
def test_what_does_not_fit_gets_zero_and_its_place(answer: str, why: str) -> None:
    value, reason = verdict(answer)
    assert value == 0
    assert why in reason


def test_no_answer_makes_a_pattern_run_for_ever() -> None:
    assert verdict(f'{{"city": "{"a" * 5000}!"}}')[0] == 0


@pytest.mark.parametrize("wrong", ["{", '{"type": "no such type"}', '{"$ref": "http://127.0.0.1:9/s"}'])
def test_a_schema_that_is_none_or_lies_elsewhere_is_refused(wrong: str) -> None:
    with pytest.raises(MisconfiguredError, match="not a usable JSON schema"):
        made("json_schema", schema=wrong)
