"""Who hangs up has left: what was asked is given up, and what others asked goes on."""

import socket
import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import RequestFactory

from monitor.api import leaving
from monitor.api.leaving import Line, Question
from monitor.core import clock, patience
from monitor.promql.errors import DeadlineError
from monitor.query.answer import Limits
from monitor.query.stored import timer
from monitor.store.deadline import Asker, StoppedError, asked_by, stopped_after

HERE, PORT = "10.0.0.1", 8000


def line(heard_ms: int, *, surely: bool = True, peer: str = HERE) -> Line:
    return Line(peer, PORT, heard_ms, True, surely)


def question() -> Question:
    return Question(HERE, PORT, Asker(), began=0.0)


def test_a_question_is_deserted_once_the_last_connection_it_may_have_come_by_has_gone() -> None:
    asked = question()
    asked.look({1: line(1_000), 2: line(1_004)}, now=1.0)
    asked.look({2: line(2_004)}, now=2.0)
    assert not asked.deserted
    asked.look({}, now=3.0)
    assert asked.deserted


def test_a_connection_that_is_answered_or_asked_anew_was_another_s() -> None:
    asked = question()
    asked.look({1: line(1_000), 2: line(1_004), 3: line(1_008)}, now=1.0)
    answered = Line(HERE, PORT, heard_ms=2_004, waits=False, surely=False)
    asked.look({1: line(2_000), 2: answered, 3: line(50)}, now=2.0)
    asked.look({2: answered, 3: line(1_050)}, now=3.0)
    assert asked.deserted


@pytest.mark.parametrize(
    "other",
    [
        line(200),
        line(9_000),
        line(1_000, peer="10.0.0.2"),
        line(1_500, surely=False),
    ],
    ids=["heard later", "heard long ago", "of another client", "seems to wait, and fits badly"],
)
def test_others_connections_tell_nothing(other: Line) -> None:
    asked = question()
    asked.look({1: line(1_010), 2: other}, now=1.0)
    asked.look({1: line(2_010)}, now=2.0)
    assert not asked.deserted
    asked.look({2: other}, now=3.0)
    assert asked.deserted


def test_nothing_is_known_where_no_connection_that_waits_fits() -> None:
    asked = question()
    for now in (1.0, 2.0):
        asked.look({1: line(100)}, now)
    assert not asked.deserted


def test_who_left_before_the_first_look_has_left() -> None:
    asked = question()
    asked.look({1: line(1_000, peer="10.0.0.2")}, now=1.0)
    assert asked.deserted


def test_where_the_server_s_connections_cannot_be_seen_nobody_is_watched() -> None:
    watch = leaving.Watch()
    watch.add(question())
    assert not watch.questions


def test_an_evaluation_ends_when_nobody_waits_for_it() -> None:
    asker = Asker()
    with asked_by(asker), patience.under(timer(Limits())):
        patience.look()
        asker.leave()
        with pytest.raises(DeadlineError):
            patience.look()
    patience.look()


def server(work: Callable[[int], None], done: threading.Event) -> int:
    """A server of one request: it works, and closes the connection as soon as its client has; the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]

    def serve() -> None:
        one, _ = listener.accept()
        one.recv(100)

        def run() -> None:
            try:
                work(port)
            finally:
                connection.close()
                done.set()

        threading.Thread(target=run).start()
        one.recv(100)
        one.close()
        listener.close()

    threading.Thread(target=serve).start()
    return port


@pytest.mark.django_db(transaction=True)
def test_a_statement_is_cancelled_when_its_client_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leaving, "YOUNG", 0.1)
    monkeypatch.setattr(leaving, "EVERY", 0.05)
    # between the request and the question a busy machine may need its time
    monkeypatch.setattr(leaving, "WAITED_MS", 60_000)
    stopped, done = threading.Event(), threading.Event()

    def work(port: int) -> None:
        request = RequestFactory().get("/api/v1/query", REMOTE_ADDR="127.0.0.1", SERVER_PORT=str(port))
        with leaving.watched(request):
            try:
                with stopped_after(60), connection.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(60)")
            except StoppedError:
                stopped.set()

    began = clock.monotonic()
    port = server(work, done)
    client = socket.create_connection(("127.0.0.1", port))
    client.sendall(b"a question")
    assert not done.wait(0.5)
    client.close()
    assert done.wait(30)
    assert stopped.is_set()
    assert clock.monotonic() - began < 40
