from collections.abc import Callable, Iterator
from typing import Any

import pytest
import stamina

from monitor.outside.llm import Budget, Endpoint, MisconfiguredError, UnavailableError, ask, embed
from tests.fixtures.fix_outside import Outside

SCHEMA = {"type": "object"}
MESSAGES = [{"role": "user", "content": "2 + 2?"}]
Start = Callable[[], Outside]


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    """The retries stay; only the waiting between them goes."""
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def said(content: str, finish: str = "stop") -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}, "finish_reason": finish}]}


def endpoint(server: Outside, **more: Any) -> Endpoint:
    return Endpoint(f"{server.url}/v1", "judge-1", key="sk-very-secret", **more)


def asked(server: Outside, **more: Any) -> Any:
    return ask(endpoint(server, **more), MESSAGES, SCHEMA, lambda answer: answer["sum"])


def test_an_answer_in_json_comes_back_checked(outside: Start) -> None:
    server = outside()
    server.answer(body=said('{"sum": 4}'))
    assert asked(server) == 4


def test_the_request_is_repeatable_and_carries_the_schema_and_the_key(outside: Start) -> None:
    server = outside()
    server.always(body=said('{"sum": 4}'))
    asked(server)
    asked(server)
    first, second = server.received
    assert first.body == second.body
    assert (first.path, first.headers["authorization"]) == ("/v1/chat/completions", "Bearer sk-very-secret")
    assert first.json["temperature"] == 0
    assert first.json["response_format"]["json_schema"]["schema"] == SCHEMA


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_endpoint_is_asked_again(outside: Start, status: int) -> None:
    server = outside()
    server.answer(status, b"busy")
    server.answer(body=said('{"sum": 4}'))
    assert (asked(server), len(server.received)) == (4, 2)


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        said("I think it is 4."),
        said('{"total": 4}'),
        {"choices": []},
        said('{"sum": 4}', "length"),
        [1],
    ],
)
def test_a_wrong_answer_is_retried_and_then_counted_as_one(outside: Start, body: Any) -> None:
    server = outside()
    server.always(body=body)
    with pytest.raises(UnavailableError) as caught:
        asked(server)
    assert (caught.value.reason, len(server.received)) == ("bad_answer", 3)


def test_a_wrong_answer_followed_by_a_right_one_is_right(outside: Start) -> None:
    server = outside()
    server.answer(body=said("4"))
    server.answer(body=said('{"sum": 4}'))
    assert asked(server) == 4


def test_a_late_answer_is_a_timeout(outside: Start) -> None:
    server = outside()
    server.always(hang=True)
    with pytest.raises(UnavailableError, match=r"no answer within 0\.1 s") as caught:
        asked(server, timeout_seconds=0.1, attempts=2)
    assert (caught.value.reason, len(server.received)) == ("timeout", 2)


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_retried_and_hides_the_key(outside: Start, status: int) -> None:
    server = outside()
    server.always(status, b"no such key: sk-very-secret")
    with pytest.raises(MisconfiguredError) as caught:
        asked(server)
    assert len(server.received) == 1
    assert "sk-very-secret" not in str(caught.value)
    assert str(status) in str(caught.value)


def test_nobody_listening_is_a_connection_failure() -> None:
    with pytest.raises(UnavailableError) as caught:
        ask(Endpoint("http://127.0.0.1:9/v1", "m"), MESSAGES, SCHEMA, lambda answer: answer)
    assert caught.value.reason == "connection"


def test_an_address_that_is_none_is_a_mistake_of_the_configuration() -> None:
    with pytest.raises(MisconfiguredError, match="not an http"):
        ask(Endpoint("gopher://x", "m"), MESSAGES, SCHEMA, lambda answer: answer)


def test_retries_use_up_the_budget_and_stop_with_it(outside: Start) -> None:
    server = outside()
    server.always(503)
    with pytest.raises(UnavailableError) as caught:
        ask(endpoint(server), MESSAGES, SCHEMA, lambda answer: answer, budget=Budget(2))
    assert (caught.value.reason, len(server.received)) == ("budget", 2)


def test_a_huge_answer_is_cut_off(outside: Start) -> None:
    server = outside()
    server.always(body=b" " * 10_100_000)
    with pytest.raises(UnavailableError, match="more than"):
        asked(server, attempts=1)


def test_vectors_come_back_in_the_order_of_the_texts(outside: Start) -> None:
    server = outside()
    rows = [{"index": 1, "embedding": [0, 1]}, {"index": 0, "embedding": [1, 0]}]
    server.answer(body={"data": rows})
    assert embed(endpoint(server), ["a", "b"]) == [[1.0, 0.0], [0.0, 1.0]]
    assert server.received[0].json["input"] == ["a", "b"]


def test_a_vector_too_few_is_a_wrong_answer(outside: Start) -> None:
    server = outside()
    server.always(body={"data": [{"index": 0, "embedding": [1]}]})
    with pytest.raises(UnavailableError, match="1 vectors for 2 texts"):
        embed(endpoint(server), ["a", "b"])


def test_a_number_longer_than_any_float_is_a_wrong_answer(outside: Start) -> None:
    server = outside()
    server.always(body={"data": [{"index": 0, "embedding": [10**400]}]})
    with pytest.raises(UnavailableError, match="OverflowError"):
        embed(endpoint(server), ["a"])


def test_the_key_is_not_in_the_endpoints_own_text() -> None:
    assert "secret" not in repr(Endpoint("http://x/v1", "m", key="sk-secret"))
