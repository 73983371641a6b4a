"""The thread that waits for XID events, run here without a thread."""

import threading

import pytest

from monitor.gpu.card import Card
from monitor.gpu.fake.abi import SYMBOLS
from monitor.gpu.reading import Names
from monitor.gpu.xids import Tally, Xids
from tests.fixtures.fix_gpu import Bench, Start

FEW = 3


class Pauses(threading.Event):
    """Counts the pauses and sets itself after a few; without pauses, after many looks."""

    def __init__(self) -> None:
        super().__init__()
        self.made = 0
        self.looks = 0

    def is_set(self) -> bool:
        self.looks += 1
        return self.made >= FEW or self.looks > 100

    def wait(self, timeout: float | None = None) -> bool:
        self.made += bool(timeout)
        return self.is_set()


def waited(bench: Bench, xids: Xids | None = None) -> Pauses:
    driver = bench.driver()
    driver.open()
    found = xids or Xids(driver, lambda: 0)
    pauses = Pauses()
    found._stop = pauses
    found._wait()
    return pauses


def test_an_error_that_comes_at_once_makes_it_pause(gpus: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SYMBOLS, "nvmlEventSetWait_v2", lambda *_: 999)
    assert waited(gpus("h100")).made == FEW


def test_a_timeout_needs_no_pause(gpus: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SYMBOLS, "nvmlEventSetWait_v2", lambda *_: 10)
    assert waited(gpus("h100")).made == 0


def test_what_is_not_supported_ends_it_and_its_zeros(gpus: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = gpus("h100")
    driver = bench.driver()
    driver.open()
    xids = Xids(driver, lambda: 0)
    heard = Tally()
    heard.by_code[79] += 1
    xids.tallies = {"GPU-1": Tally(), "GPU-2": heard}
    monkeypatch.setitem(SYMBOLS, "nvmlEventSetWait_v2", lambda *_: 3)
    assert waited(bench, xids).looks == 1
    assert set(xids.tallies) == {"GPU-2"}


def test_without_a_card_that_tells_events_nobody_waits(gpus: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = gpus("h100")
    monkeypatch.setitem(SYMBOLS, "nvmlDeviceGetSupportedEventTypes", lambda *_: 3)
    driver = bench.driver()
    driver.open()
    handle = driver.ask("host", "nvmlDeviceGetHandleByIndex", 0)
    xids = Xids(driver, lambda: 0)
    xids.start([Card(driver, 0, handle, "GPU-1", "H100", Names(()))])
    assert xids._thread is None
    assert bench.host.calls["nvmlEventSetFree"] == 1
