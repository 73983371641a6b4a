"""The gate: so many requests, so many bytes, and a word to those who must come again."""

import threading

import pytest

from monitor.api.gate import BusyError, Gate


def gate(**changes: float) -> Gate:
    return Gate(requests=int(changes.get("requests", 2)), size=int(changes.get("size", 100)), patience=0.0)


def test_beyond_so_many_requests_one_is_sent_away() -> None:
    door = gate(requests=1)
    with door.passed(1), pytest.raises(BusyError), door.passed(1):
        pass
    with door.passed(1):
        pass


def test_beyond_so_many_bytes_one_is_sent_away() -> None:
    door = gate()
    with door.passed(60), pytest.raises(BusyError), door.passed(60):
        pass


def test_one_alone_may_be_of_any_size() -> None:
    with gate().passed(1000):
        pass


def test_a_body_that_unpacks_to_more_needs_more_room() -> None:
    door = gate()
    with door.passed(60), door.passed(10) as small, pytest.raises(BusyError):
        small.grow(50)
    with door.passed(100):
        pass


def test_who_waits_gets_in_when_another_leaves() -> None:
    door = Gate(requests=1, size=100, patience=10)
    inside = threading.Event()

    def second() -> None:
        with door.passed(1):
            inside.set()

    with door.passed(1):
        thread = threading.Thread(target=second)
        thread.start()
        assert not inside.wait(0.05)
    thread.join(10)
    assert inside.is_set()
