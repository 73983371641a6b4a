"""XID events: a thread waits for what the driver reports of broken cards, and counts it.

NVML tells each event once and keeps none: what happened while nobody waited is only in the host's kernel log.
"""

import contextlib
import ctypes
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from monitor.gpu.card import Card
from monitor.gpu.nvml import TIMEOUT, CardLostError, Driver, DriverGoneError, NoAnswerError, UnsupportedError
from monitor.gpu.reading import Sheet

XID_EVENT = 8
WAIT_MS = 500
# a driver that answers at once with an error must not make the thread spin
PAUSE_SECONDS = 0.5


@dataclass(slots=True)
class Tally:
    """What happened to one card since the reader began."""

    by_code: Counter[int] = field(default_factory=Counter)
    last_code: int | None = None
    last_ms: int = 0


class Xids:
    """Counts outlive a re-opened driver; the thread does not."""

    def __init__(self, driver: Driver, clock: Callable[[], int]) -> None:
        self.driver = driver
        self.clock = clock
        self.tallies: dict[str, Tally] = {}
        self._set: Any = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._owners: dict[int, str] = {}

    def start(self, cards: list[Card]) -> None:
        """Wait for events of these cards; those that can't tell any have no counter."""
        try:
            events = self.driver.ask("host", "nvmlEventSetCreate")
        except (NoAnswerError, CardLostError):
            return
        self._set = events
        for card in cards:
            if self._register(card, events):
                self._owners[_address(card.handle)] = card.uuid
                self.tallies.setdefault(card.uuid, Tally())
        if not self._owners:
            self.stop()
            return
        self._stop.clear()
        self._thread = threading.Thread(target=self._wait, name="gpu-xids", daemon=True)
        self._thread.start()

    def stop(self) -> bool:
        """Whether the thread is out of the library, which must not be let go before."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=10 * WAIT_MS / 1000)
            if self._thread.is_alive():
                return False
        self._thread = None
        self._owners.clear()
        if self._set is not None:
            # it may have gone with its driver
            with contextlib.suppress(RuntimeError):
                self.driver.ask("host", "nvmlEventSetFree", self._set)
            self._set = None
        return True

    def put(self, uuid: str, sheet: Sheet) -> None:
        with self._lock:
            tally = self.tallies.get(uuid)
            if tally is None:
                return
            sheet.put("gpu_xid_errors_total", tally.by_code.total())
            for code, count in sorted(tally.by_code.items()):
                sheet.put("gpu_xid_code_errors_total", count, (("xid", str(code)),))
            sheet.put("gpu_xid_last_code", tally.last_code)
            if tally.last_code is not None:
                sheet.put("gpu_xid_last_timestamp_seconds", tally.last_ms / 1000.0)

    def _register(self, card: Card, events: Any) -> bool:
        try:
            known = self.driver.ask(card.uuid, "nvmlDeviceGetSupportedEventTypes", card.handle)
            if not known & XID_EVENT:
                return False
            self.driver.ask(card.uuid, "nvmlDeviceRegisterEvents", card.handle, XID_EVENT, events)
        except (NoAnswerError, CardLostError):
            return False
        return True

    def _wait(self) -> None:
        while not self._stop.is_set():
            try:
                event = self.driver.ask("host", "nvmlEventSetWait_v2", self._set, WAIT_MS)
            except UnsupportedError:
                self._deaf()
                return
            except (NoAnswerError, CardLostError) as error:
                # a timeout has waited by itself; the others may come at once, again and again
                if getattr(error, "code", None) != TIMEOUT:
                    self._stop.wait(PAUSE_SECONDS)
                continue
            except DriverGoneError:
                return
            if event.eventType & XID_EVENT:
                self._count(event)

    def _deaf(self) -> None:
        """Nobody counts any more, so a zero would be a lie; what was counted did happen."""
        with self._lock:
            self.tallies = {uuid: tally for uuid, tally in self.tallies.items() if tally.by_code}

    def _count(self, event: Any) -> None:
        code = int(event.eventData)
        with self._lock:
            uuid = self._owners.get(_address(event.device))
            if uuid is None:
                return
            tally = self.tallies[uuid]
            tally.by_code[code] += 1
            tally.last_code, tally.last_ms = code, self.clock()


def _address(handle: Any) -> int:
    """A handle is a pointer; two of the same card are equal only by where they point."""
    return ctypes.cast(handle, ctypes.c_void_p).value or 0
