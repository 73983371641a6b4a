"""The agent as a process: with hardly a package installed, and through what happens to it and to Vigil."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.live_server_helper import LiveServer

from monitor import query
from monitor.core import clock
from monitor.gpu.agent import wire
from monitor.gpu.agent.__main__ import BadArgumentsError, main, settings
from monitor.outside.http import Caller
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_gpu import Start
from tests.fixtures.fix_outside import Answer, Outside, Received

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
# everything but the standard library, our own modules and the two packages of the extra is not to be found
BARE = """
import sys
class Bare:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in {*sys.stdlib_module_names, "monitor", "pynvml", "cramjam"}:
            raise ImportError("not installed on a GPU host: " + name)
sys.meta_path.insert(0, Bare())
from monitor.gpu.agent import wire
from monitor.gpu.agent.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


class Agents:
    """Agents of one host, one after the other, on one spool."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: subprocess.Popen[bytes] | None = None

    def start(self, url: str, key: str = "k") -> None:
        command = [
            sys.executable, "-c", BARE, "--simulate", "--url", url, "--host", "gpu-1", "--interval", "0.5",
            "--push-every", "0.2", "--spool", str(self.folder),
        ]  # fmt: skip
        environment = {**os.environ, "VIGIL_KEY": key}
        self.running = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)

    def end(self, number: signal.Signals) -> None:
        if self.running is not None:
            self.running.send_signal(number)
            self.running.wait(timeout=PATIENCE)
            self.running = None

    def kept(self) -> tuple[int, int]:
        """How many readings were ever kept, and how many wait."""
        try:
            with sqlite3.connect(f"file:{self.folder}/readings.sqlite3?mode=ro", uri=True) as spool:
                ever = spool.execute("SELECT seq FROM sqlite_sequence WHERE name = 'readings'").fetchone()
                (waiting,) = spool.execute("SELECT count(*) FROM readings").fetchone()
        except sqlite3.OperationalError:
            return 0, 0
        return (ever[0] if ever else 0), waiting


@pytest.fixture
def agents(tmp_path: Path) -> Iterator[Agents]:
    made = Agents(tmp_path)
    yield made
    made.end(signal.SIGKILL)


def until(true: Callable[[], bool], what: str) -> None:
    deadline = clock.monotonic() + PATIENCE
    while not true():
        assert clock.monotonic() < deadline, what
        threading.Event().wait(0.05)


@pytest.mark.processes
@pytest.mark.django_db(transaction=True)
def test_nothing_is_lost_or_doubled_while_vigil_is_away_and_the_agent_is_killed(
    agents: Agents, outside: Callable[[], Outside], live_server: LiveServer, cast: Cast
) -> None:
    door = outside()
    door.respond = lambda _: Answer(503, b"busy")
    agents.start(door.url)
    until(lambda: agents.kept()[0] >= 2 and bool(door.received), "no reading was kept while Vigil was busy")
    agents.end(signal.SIGKILL)

    # Vigil takes a parcel, but the agent dies before it hears of that
    received: list[Received] = []

    def swallow(request: Received) -> Answer:
        received.append(request)
        return Answer(hang=True)

    door.respond = swallow
    agents.start(door.url)
    until(lambda: bool(received), "nothing was sent after the restart")
    agents.end(signal.SIGKILL)
    assert agents.kept()[1] >= 2
    headers = {"authorization": f"Bearer {cast.key}", **wire.HEADERS}
    taken = Caller(trusted=True).request("POST", f"{live_server.url}/api/v1/write", received[0].body, headers)
    assert taken.status < 300

    before = agents.kept()[0]
    agents.start(live_server.url, cast.key)
    until(lambda: agents.kept()[0] > before and agents.kept()[1] == 0, "the spool was not emptied")
    agents.end(signal.SIGTERM)
    ever, waiting = agents.kept()
    (stored,) = query.instant(
        cast.project.id, 'count_over_time(gpu_driver_restarts_total{host="gpu-1"}[10m])', clock.now()
    ).points()
    assert (stored[2][-1], waiting) == (ever, 0)


def test_one_reading_can_be_printed_with_only_two_packages() -> None:
    command = [sys.executable, "-c", BARE, "--print", "--simulate"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert (told["state"], told["cards"]) == ("ok", 5)


def test_without_a_driver_one_reading_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--print"]) == 1
    assert json.loads(capsys.readouterr().out)["state"] == "no_driver"


def test_one_reading_is_sent_and_the_agent_stops(
    gpus: Start, outside: Callable[[], Outside], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gpus("h100")
    server = outside()
    server.answer(204)
    assert main(["--once", "--url", server.url, "--key", "k", "--spool", str(tmp_path)]) == 0
    assert "ok: 1 cards" in capsys.readouterr().out
    assert len(server.received) == 1


def test_the_command_needs_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIGIL_KEY", raising=False)
    with pytest.raises(CommandError, match="VIGIL_KEY_FILE"):
        call_command("gpu_agent", url="http://127.0.0.1:9", once=True)


@pytest.mark.parametrize("change", [{"interval": 0.1}, {"spool_mib": 0}, {"push_every": 0.0}])
def test_senseless_numbers_are_refused(change: dict[str, float], tmp_path: Path) -> None:
    usual = {"host": "h", "spool": tmp_path, "interval": 5.0, "push_every": 5.0, "spool_mib": 1, "proc": None}
    with pytest.raises(BadArgumentsError):
        settings({**usual, **change})
