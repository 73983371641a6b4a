from typing import Any

import pytest

from monitor.outside.spending import Budget, Prices, SpentError, estimate

BODY = {"messages": [{"role": "user", "content": "x" * 3000}], "max_tokens": 500}


def reply(text: str = "y" * 300, **usage: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"model": "m-2", "choices": [{"message": {"content": text}}]}
    return said | ({"usage": usage} if usage else {})


def used(answer: Any) -> tuple[int, int]:
    budget = Budget(1)
    budget.take(BODY).settle(answer)
    return budget.spent.tokens_in, budget.spent.tokens_out


def test_what_is_reported_is_charged() -> None:
    assert used(reply(prompt_tokens=700, completion_tokens=90)) == (700, 90)


def test_who_reports_nothing_is_charged_by_the_texts() -> None:
    tokens_in, tokens_out = used(reply())
    assert 900 <= tokens_in <= 1100
    assert 50 <= tokens_out <= 150


@pytest.mark.parametrize("lie", [0, -5, True, "none"])
def test_an_impossibly_small_figure_does_not_stretch_the_budget(lie: Any) -> None:
    tokens_in, tokens_out = used(reply(prompt_tokens=lie, completion_tokens=lie))
    assert tokens_in >= 370
    assert tokens_out >= 25


def test_a_request_is_paid_as_if_it_used_all_it_may() -> None:
    budget = Budget(5, tokens=sum(estimate(BODY)) + 10)
    budget.take(BODY)
    with pytest.raises(SpentError):
        budget.take(BODY)


def test_what_was_not_computed_comes_back() -> None:
    budget = Budget(5, tokens=sum(estimate(BODY)))
    budget.take(BODY).back()
    budget.take(BODY)
    assert budget.spent.requests == 2


def test_money_is_a_limit_of_its_own() -> None:
    tokens_in, tokens_out = estimate(BODY)
    prices = Prices(1.0, 10.0)
    budget = Budget(5, usd=1.5 * prices.usd(tokens_in, tokens_out), prices=prices)
    budget.take(BODY)
    with pytest.raises(SpentError):
        budget.take(BODY)


def test_as_which_model_it_answered_is_remembered() -> None:
    budget = Budget(1)
    budget.take(BODY).settle(reply())
    assert budget.spent.models == {"m-2"}
