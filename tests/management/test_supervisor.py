"""A child that falls is started again, later each time, and a failed start is not the end."""

import os
import socket
import subprocess
import sys

import pytest

from monitor.management import supervisor
from monitor.management.supervisor import Child
from monitor.store.servers.embedded import EmbeddedServerError
from tests.fixtures.fix_product import free_port

WHY = "read postgres.log"


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(supervisor, "say", lines.append)
    return lines


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock of the supervisor, moved by hand."""
    moment = [0.0]
    monkeypatch.setattr("monitor.core.clock.monotonic", lambda: moment[0])
    return moment


def ended() -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"], start_new_session=True)
    process.wait()
    return process


def test_it_waits_longer_after_each_fall(said: list[str], time: list[float]) -> None:
    child = Child("web", ended)
    child.launch()
    waits = []
    for _ in range(6):
        child.watch()
        waits.append(child.backoff)
        time[0] = child.due
        child.watch()
    assert waits == [1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    assert said[0] == "web ended with 3; starting it again in 1 s"


def test_a_start_that_fails_is_tried_again(said: list[str], time: list[float]) -> None:
    starts = []

    def start() -> subprocess.Popen[bytes]:
        starts.append(time[0])
        if len(starts) == 2:
            raise EmbeddedServerError(WHY)
        return ended()

    child = Child("postgres", start)
    child.launch()
    for _ in range(4):
        child.watch()
        time[0] = child.due
    assert len(starts) >= 3
    assert any("did not start (read postgres.log)" in line for line in said)


def test_a_long_life_forgives_the_past(said: list[str], time: list[float]) -> None:
    child = Child("web", ended, backoff=8.0)
    child.launch()
    time[0] = 120.0
    child.watch()
    assert child.backoff == 0.5


def test_of_two_that_start_on_one_port_the_second_is_refused_before_anyone_listens() -> None:
    port = free_port()
    held = supervisor._take_port("127.0.0.1", port)
    try:
        with pytest.raises(supervisor.PortTakenError, match="already in use"):
            supervisor._take_port("127.0.0.1", port)
        # what the web server does
        with socket.socket() as sharing:
            sharing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sharing.bind(("127.0.0.1", port))
            sharing.listen()
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
    finally:
        held.close()


def test_a_child_that_yields_is_nice_from_its_start() -> None:
    child = supervisor.spawner("nice", [sys.executable, "-c", "import time; time.sleep(60)"], yields=5)()
    try:
        assert os.getpriority(os.PRIO_PROCESS, child.pid) == os.getpriority(os.PRIO_PROCESS, 0) + 5
    finally:
        child.kill()
        child.wait()
