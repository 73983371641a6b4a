"""Regular expressions of boards: Grafana's manners, and none that runs for ever."""

import pytest

from dashboards.boards import patterns
from dashboards.boards.patterns import PatternError

BOMB, FOOD = "^(a|aa)+$", "a" * 60 + "!"


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^a+$", "aaa", True),
        ("^(?!foo)", "foobar", False),
        ("(?<=v)[0-9]", "v2", True),
        ("(?i)ABC", "xabc", True),
    ],
)
def test_an_expression_is_sought(pattern: str, text: str, *, found: bool) -> None:
    assert bool(patterns.compiled(pattern).search(text)) is found


@pytest.mark.parametrize("named", ["(?<value>a+)x", "(?P<value>a+)x"])
def test_groups_have_names_in_both_manners(named: str) -> None:
    assert patterns.compiled(named).search("aax").groupdict() == {"value": "aa"}


def test_the_first_occurrence_is_replaced() -> None:
    assert patterns.compiled("(a)(b)").replaced(r"\g<2>\g<1>", "ab ab") == "ba ab"


def test_one_that_would_run_for_ever_is_given_up_and_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "SECONDS", 0.02)
    for pattern in (patterns.compiled(BOMB), patterns.compiled(BOMB)):
        with pytest.raises(PatternError, match="would take too long"):
            pattern.search(FOOD)
    with pytest.raises(PatternError, match="would take too long"):
        patterns.compiled(BOMB).search("")


@pytest.mark.parametrize("wrong", ["(", "a{2,1}", "x" * 2_001])
def test_what_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(PatternError):
        patterns.compiled(wrong)


def test_a_replacement_by_a_group_that_there_is_not_is_refused() -> None:
    with pytest.raises(PatternError):
        patterns.compiled("(a)").replaced(r"\g<2>", "a")
