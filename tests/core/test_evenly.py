"""Busy connections move to a process that rests; nobody else's are touched."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from monitor.core import evenly
from monitor.core.evenly import Load

ROOT = Path(__file__).parents[2]


class Times:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return Path(evenly.fresh(tmp_path / "load"))


# a program of its own: what is forked off a process with threads may wait for ever for one of their locks
HOLD = """
import sys
from pathlib import Path
from monitor.core.evenly import Load
load = Load(Path(sys.argv[1]), lambda: float(sys.argv[2]))
for _ in range(int(sys.argv[3])):
    load.enter()
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def beside(page: Path, times: Times) -> Iterator[Callable[[int], Callable[[], None]]]:
    """Another process with so many requests; what is returned ends it."""
    started = []

    def start(busy: int = 0) -> Callable[[], None]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(page), str(times.seconds), str(busy)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        return partial(_ended, process)

    yield start
    for process in started:
        _ended(process)


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.communicate()


@pytest.fixture
def busy(page: Path, times: Times) -> Iterator[Callable[[int], Load]]:
    """Our own process, for a second with so many requests."""
    loads = []

    def start(requests: int) -> Load:
        loads.append(load := Load(page, times))
        for _ in range(requests):
            load.enter()
        times.seconds += 1
        return load

    yield start
    for load in loads:
        load.close()


def test_who_has_four_gives_some_to_who_has_none_but_not_all_at_once(
    busy: Callable[[int], Load], times: Times, beside: Callable[[int], object]
) -> None:
    beside(0)
    load = busy(4)
    assert load.heavy()
    assert not load.heavy()
    times.seconds += evenly.PAUSE + 0.001
    assert load.heavy()


@pytest.mark.parametrize(("mine", "other"), [(2, 2), (3, 2), (1, 0)])
def test_what_is_even_enough_stays(
    busy: Callable[[int], Load], beside: Callable[[int], object], mine: int, other: int
) -> None:
    beside(other)
    assert not busy(mine).heavy()


def test_one_alone_keeps_all(busy: Callable[[int], Load]) -> None:
    assert not busy(9).heavy()


def test_who_has_ended_is_not_who_rests(
    busy: Callable[[int], Load], beside: Callable[[int], Callable[[], None]]
) -> None:
    end = beside(0)
    load = busy(4)
    end()
    assert not load.heavy()


def test_a_moment_with_many_is_not_yet_much(
    busy: Callable[[int], Load], times: Times, beside: Callable[[int], object]
) -> None:
    beside(0)
    load = busy(0)
    for _ in range(6):
        load.enter()
    times.seconds += 0.001
    for _ in range(6):
        load.leave()
    assert not load.heavy()


def asked(load: Load, protocol: str) -> dict[str, str]:
    said: list[list[tuple[str, str]]] = []

    def start(_status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        said.append(headers)

    def application(_environ: Any, respond: Any) -> list[bytes]:
        respond("200 OK", [("Content-Length", "0")])
        return []

    list(evenly.balanced(application, load)({"SERVER_PROTOCOL": protocol}, start))
    return dict(said[0])


def test_a_connection_is_ended_with_its_answer_where_http_has_a_word_for_it(
    busy: Callable[[int], Load], times: Times, beside: Callable[[int], object]
) -> None:
    beside(0)
    load = busy(4)
    assert asked(load, "HTTP/2.0") == {"Content-Length": "0"}
    times.seconds += 1
    assert asked(load, "HTTP/1.1") == {"Content-Length": "0", "Connection": "close"}
    assert load.running == 4


def test_without_a_page_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(evenly.PAGE, raising=False)
    application: Any = object()
    assert evenly.spread(application) is application
