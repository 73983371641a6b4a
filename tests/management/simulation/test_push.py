from collections.abc import Callable

import pytest

from monitor.management.simulation.push import Pusher, RefusedError
from tests.fixtures.fix_outside import Outside


def test_a_failed_push_is_sent_again_as_it_was(outside: Callable[[], Outside]) -> None:
    server, waits = outside(), list[float]()
    server.answer(503)
    server.answer(500)
    pusher = Pusher(server.url, "key", wait=waits.append)
    pusher.post_json("/api/v1/generations", {"generations": [{"id": "one", "model": "m"}]})
    assert len(server.received) == 3
    assert len({request.body for request in server.received}) == 1
    assert waits == [0.5, 1.0]


def test_the_server_may_ask_for_a_longer_wait(outside: Callable[[], Outside]) -> None:
    server, waits = outside(), list[float]()
    server.answer(429, retry_after="7")
    Pusher(server.url, "key", wait=waits.append).post_json("/api/v1/points", {"points": []})
    assert waits == [7.0]


def test_nobody_listening_is_waited_for() -> None:
    waits: list[float] = []

    def give_up_after_three(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            raise KeyboardInterrupt

    # port 9 of loopback: nobody is there
    with pytest.raises(KeyboardInterrupt):
        Pusher("http://127.0.0.1:9", "key", wait=give_up_after_three).post_json("/", {})
    assert waits == [0.5, 1.0, 2.0]


def test_a_refusal_is_not_repeated(outside: Callable[[], Outside]) -> None:
    server = outside()
    server.answer(401, {"status": "error"})
    with pytest.raises(RefusedError, match="401") as refused:
        Pusher(server.url, "wrong", wait=lambda _: None).post_json("/api/v1/generations", {})
    assert refused.value.status == 401
    assert len(server.received) == 1


def test_the_key_travels_as_a_bearer_token(outside: Callable[[], Outside]) -> None:
    server = outside()
    Pusher(server.url + "/vigil", "vgl_abc").post_json("/api/v1/points", {})
    assert server.received[0].headers["authorization"] == "Bearer vgl_abc"
    assert server.received[0].path == "/vigil/api/v1/points"


def test_an_address_without_a_host_is_refused() -> None:
    with pytest.raises(ValueError, match="not an address"):
        Pusher("localhost:8000", "key")
