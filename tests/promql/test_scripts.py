"""Every eval of every script beside this file."""

from pathlib import Path

import pytest

from tests.promql.language import Case, cases, failure

SCRIPTS = sorted(Path(__file__).parent.glob("*.test"))
ALL = [case for script in SCRIPTS for case in cases(script)]


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.where} {case.expr}")
def test_the_answer_is_the_expected_one(case: Case) -> None:
    assert failure(case) is None


def test_a_wrong_expectation_is_noticed() -> None:
    (case,) = (case for case in ALL if case.where.startswith("selectors.test") and case.expr == "up")
    case.expected[0][1][0] = 12345.0
    assert failure(case) is not None
