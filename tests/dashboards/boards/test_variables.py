"""What variables offer, which of it is chosen, and how one follows another."""

import datetime as dt
from typing import Any

import pytest

from dashboards.boards import known, variables
from dashboards.boards.document import Variable
from dashboards.boards.fill import Scope
from dashboards.boards.variables import Offer
from dashboards.span import Span
from tests.fixtures.fix_cast import NOON

DAY = Scope(Span(NOON - dt.timedelta(hours=24), NOON, "24h"))


def offers(*listed: Variable, project: int = 0, **params: str) -> dict[str, Offer]:
    found = variables.resolve(
        project, listed, {name.replace("_", "-"): one for name, one in params.items()}, DAY
    )
    return {one.variable.name: one for one in found}


@pytest.fixture
def chained(monkeypatch: pytest.MonkeyPatch) -> list[Variable]:
    """Versions of the model that is chosen; the later variable stands first, as some boards have it."""
    versions_of = {"m1": ["v1", "v2"], "m2": ["v2", "v3"]}
    monkeypatch.setattr(known, "names", lambda *_at: frozenset())
    monkeypatch.setattr(
        known, "values_of", lambda _project, selector, *_rest: versions_of[selector.split('"')[1]]
    )
    versions = Variable("version", query='label_values(x{model="$model"}, version)')
    return [versions, Variable("model", "custom", query="m1, m2")]


def test_a_variable_sees_another_wherever_that_stands(chained: list[Variable]) -> None:
    found = offers(*chained, var_model="m2")
    assert list(found) == ["version", "model"]
    assert [one.value for one in found["version"].choices] == ["v2", "v3"]
    assert (found["version"].needs, found["model"].needs) == (["model"], [])


@pytest.mark.parametrize("was, now", [("v2", "v2"), ("v1", "v2")])
def test_after_a_change_a_choice_stays_where_it_is_still_offered(
    chained: list[Variable], was: str, now: str
) -> None:
    assert offers(*chained, var_model="m2", was_version=was)["version"].value.values == (now,)


def test_what_a_link_names_counts_and_is_shown_even_where_nothing_offers_it(chained: list[Variable]) -> None:
    found = offers(*chained, var_model="m2", var_version="v1")["version"]
    assert (found.value.values, found.strays) == (("v1",), ["v1"])


def test_variables_that_need_each_other_end() -> None:
    assert list(offers(Variable("a", "custom", query="$b"), Variable("b", "custom", query="$a"))) == [
        "a",
        "b",
    ]


@pytest.mark.parametrize("params, typed", [({}, "first"), ({"var_t": "x"}, "x"), ({"var_t": ""}, "")])
def test_a_text_can_be_emptied(params: dict[str, Any], typed: str) -> None:
    assert offers(Variable("t", "text", query="first"), **params)["t"].value.values == (typed,)


def test_an_automatic_interval_follows_the_time_range_and_is_shown_as_chosen() -> None:
    found = offers(Variable("i", "interval", query="auto : $__auto,1m,1h", chosen=["$__auto"]))["i"]
    assert (found.value.values, found.value.texts) == (("1h",), ("auto",))
    assert found.chosen == {"$__auto"}
