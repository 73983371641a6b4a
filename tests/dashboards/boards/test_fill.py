import datetime as dt
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.boards.fill import Scope, Value, escaped, put, used
from dashboards.span import Span
from tests.fixtures.fix_cast import NOON

SCOPE = Scope(
    Span(NOON - dt.timedelta(hours=1), NOON, "1h"),
    {
        "one": Value(("a.b",)),
        "many": Value(("a.b", 'c"d'), ("A", "C"), many=True),
        "all": Value(("x", "y"), ("All",), many=True, whole=".*", everything=True),
    },
    step_seconds=30,
)


@pytest.mark.parametrize(
    "text, found",
    [
        ("$one ${one} [[one]]", "a.b a.b a.b"),
        ('{x=~"$many"}', '{x=~"(a\\\\.b|c\\"d)"}'),
        ('{x=~"$all"}', '{x=~".*"}'),
        ("${many:csv} ${many:pipe} ${one:regex}", 'a.b,c"d a.b|c"d a\\.b'),
        ("rate(x[$__rate_interval]) + y[$__interval] + z[$__range]", "rate(x[1m]) + y[30s] + z[3600s]"),
        ("$unknown stays", "$unknown stays"),
    ],
)
def test_variables_are_put_into_promql(text: str, found: str) -> None:
    assert put(text, SCOPE) == found


def test_windows_are_wider_where_samples_are_sparse() -> None:
    assert put("x[$__interval] y[$__rate_interval]", replace(SCOPE, widening=5)) == "x[2m30s] y[5m]"


def test_a_title_shows_what_people_chose() -> None:
    assert put("of $many", SCOPE, "text") == "of A + C"


def test_an_address_is_escaped() -> None:
    assert put("/x?y=$many", SCOPE, "url") == "/x?y=a.b%2Cc%22d"


@pytest.mark.parametrize(
    "text, found",
    [
        ("/x?${many:queryparam}", "/x?var-many=a.b&var-many=c%22d"),
        ("/x?${all:queryparam}", "/x?var-all=%24__all"),
        ("/x?${__url_time_range}", "/x?range=1h"),
        ("/x?$__all_variables", "/x?var-one=a.b&var-many=a.b&var-many=c%22d&var-all=%24__all"),
    ],
)
def test_an_address_carries_time_and_choices_on(text: str, found: str) -> None:
    assert put(text, SCOPE, "url") == found


def test_the_names_in_a_text_are_known() -> None:
    assert used("$a ${b:csv} [[c]]") == {"a", "b", "c"}


@given(st.text(min_size=1, max_size=20))
def test_an_escaped_text_means_itself(text: str) -> None:
    import re

    assert re.fullmatch(escaped(text), text)
