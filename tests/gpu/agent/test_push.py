import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.gpu.agent.push import BadAddressError, Door, NotTakenError, RefusedError, Sender
from monitor.gpu.agent.spool import Parcel, Spool
from monitor.gpu.reading import NAME, Reading
from tests.fixtures.fix_outside import Outside

Start = Callable[[], Outside]
PARCEL = Parcel(1, 1, {((NAME, "gpu_up"),): [(1_000, 1.0)]})


def filled(path: Path, readings: int = 3) -> Spool:
    spool = Spool(path / "s", 2**20)
    for at in range(readings):
        spool.add(Reading(at, [(((NAME, "gpu_up"),), 1.0)]))
    return spool


def test_a_parcel_is_posted_with_the_key(outside: Start) -> None:
    server = outside()
    server.answer(204)
    Door(server.url, "vgl_key").deliver(PARCEL)
    (sent,) = server.received
    assert (sent.path, sent.headers["authorization"]) == ("/api/v1/write", "Bearer vgl_key")
    assert sent.headers["content-encoding"] == "snappy"


@pytest.mark.parametrize(
    "status, kind",
    [(503, NotTakenError), (429, NotTakenError), (401, NotTakenError), (403, NotTakenError), (302, NotTakenError),
     (400, RefusedError), (413, RefusedError)],
)  # fmt: skip
def test_only_what_is_never_taken_is_given_up(outside: Start, status: int, kind: type[Exception]) -> None:
    server = outside()
    server.answer(status, b"no")
    with pytest.raises(kind, match=str(status)):
        Door(server.url, "vgl_secret").deliver(PARCEL)


def test_nobody_at_the_address_is_worth_another_try() -> None:
    with pytest.raises(NotTakenError, match="was not reached"):
        Door("http://127.0.0.1:9", "vgl_secret").deliver(PARCEL)


def test_an_address_that_is_none_is_said_at_once() -> None:
    with pytest.raises(BadAddressError, match="http"):
        Door("ftp://vigil", "k")


def test_readings_stay_while_they_are_not_taken(tmp_path: Path) -> None:
    def busy(_parcel: Parcel) -> None:
        message = "busy"
        raise NotTakenError(message, after=7.0)

    spool = filled(tmp_path)
    sender = Sender(spool, busy, every=5)
    assert sender.once() == 7
    assert "busy" in sender.problem
    assert spool.oldest(100).samples == 3


def test_what_is_never_taken_does_not_hold_up_the_rest(tmp_path: Path) -> None:
    def never(_parcel: Parcel) -> None:
        message = "bad"
        raise RefusedError(message)

    spool = filled(tmp_path)
    Sender(spool, never, every=5).once()
    assert (spool.oldest(100).last, spool.dropped["refused"]) == (0, 3)


def test_an_error_that_nobody_foresaw_does_not_end_the_sender(tmp_path: Path) -> None:
    sent = threading.Event()
    failures = [KeyError(1), ValueError("odd")]

    def odd(_parcel: Parcel) -> None:
        if failures:
            raise failures.pop()
        sent.set()

    sender = Sender(filled(tmp_path), odd, every=5)
    assert sender.once(3.0) == 3
    assert "ValueError: odd" in sender.problem
    sender.start()
    assert sent.wait(60)
    sender.stop(60)
    assert (sender.sent, sender.problem) == (3, "")


def test_the_wait_doubles_up_to_a_minute(tmp_path: Path) -> None:
    def away(_parcel: Parcel) -> None:
        message = "away"
        raise NotTakenError(message)

    sender = Sender(filled(tmp_path), away, every=5)
    assert [sender.once(wait) for wait in (1.0, 2.0, 60.0)] == [1, 2, 60]
