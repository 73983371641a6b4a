"""Kept-alive connections spread evenly over the web processes of a machine.

Each process has a listener of its own, and the kernel deals new connections by a hash: of four busy ones all may
lie with one process while the others rest. So all note in one small page how many requests they had in progress
of late. Who has clearly more than one of the others ends an answer with ``Connection: close``: HTTP lets clients
do nothing but open the next connection for it, and that one is dealt anew. No request is lost or refused.
"""

import fcntl
import math
import mmap
import os
import struct
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from monitor.core import clock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

# where the page lies; set by whoever starts the processes
PAGE = "VIGIL_LOAD_PAGE"
SLOTS = 64
# requests in progress; what they were on the mean of late; when that was
_SLOT = struct.Struct("=ddd")
# seconds over which the mean is taken, and between two connections that are ended
LATELY, PAUSE = 0.1, 0.1
# one connection less here and one more there makes it more even
APART = 1.5


class FullError(RuntimeError):
    """More processes than the page has room for; they are not balanced."""


class Load:
    """One process' place in the page."""

    def __init__(self, path: Path, now: Callable[[], float] = clock.monotonic) -> None:
        self.now = now
        self.file: IO[bytes] = path.open("r+b")
        self.place = next((place for place in range(SLOTS) if self._held(place)), -1)
        if self.place < 0:
            self.file.close()
            message = f"{SLOTS} processes share {path} already; start fewer web processes"
            raise FullError(message)
        self.page = mmap.mmap(self.file.fileno(), SLOTS * _SLOT.size)
        self.lock = threading.Lock()
        self.running, self.mean, self.at = 0.0, 0.0, now()
        self.ended = 0.0
        self._step(0)

    def enter(self) -> None:
        """A request begins."""
        self._step(1)

    def leave(self) -> None:
        """It has been answered."""
        self._step(-1)

    def close(self) -> None:
        """Give the place up."""
        self.page.close()
        self.file.close()

    def heavy(self) -> bool:
        """Whether the connection of this answer should rather be another process'; at most one in a while."""
        if max(self.running, self.mean) < APART:
            return False
        now = self.now()
        if now - self.ended < PAUSE:
            return False
        mine = _lately(self.running, self.mean, now - self.at)
        # every busy answer comes by here: nearly all of the places are empty, and one look at the page tells which
        taken = [place for place, (_, _, at) in enumerate(_SLOT.iter_unpack(self.page[:])) if at > 0]
        if not any(self._lighter(place, mine - APART, now) for place in taken):
            return False
        self.ended = now
        return True

    def _lighter(self, place: int, least: float, now: float) -> bool:
        running, mean, at = _SLOT.unpack_from(self.page, place * _SLOT.size)
        return (
            at > 0
            and place != self.place
            and _lately(running, mean, now - at) <= least
            and self._lives(place)
        )

    def _lives(self, place: int) -> bool:
        """Whether a process holds that place: the kernel takes it from one that ends, however it ends."""
        if not self._held(place):
            return True
        _SLOT.pack_into(self.page, place * _SLOT.size, 0.0, 0.0, 0.0)
        fcntl.lockf(self.file, fcntl.LOCK_UN, 1, place)
        return False

    def _held(self, place: int) -> bool:
        """Whether the place is ours now."""
        try:
            fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except OSError:
            return False
        return True

    def _step(self, change: int) -> None:
        with self.lock:
            now = self.now()
            self.mean = _lately(self.running, self.mean, now - self.at)
            self.running, self.at = self.running + change, now
            _SLOT.pack_into(self.page, self.place * _SLOT.size, self.running, self.mean, now)


def _lately(running: float, mean: float, seconds: float) -> float:
    """The mean that long after it was noted."""
    return running + (mean - running) * math.exp(-seconds / LATELY)


def fresh(path: Path) -> str:
    """An empty page for processes that are about to be started; its path as they read it from ``PAGE``."""
    path.write_bytes(bytes(SLOTS * _SLOT.size))
    return str(path)


def spread(application: "WSGIApplication") -> "WSGIApplication":
    """The application, its connections spread where there is a page to share."""
    path = os.environ.get(PAGE)
    return application if not path else balanced(application, Load(Path(path)))


def balanced(application: "WSGIApplication", load: Load) -> "WSGIApplication":
    """The application, which now and then gives a connection away."""

    def counted(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        def begin(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            # requests of HTTP/2 share their connection, and it has no such header
            if load.heavy() and environ.get("SERVER_PROTOCOL", "").startswith("HTTP/1"):
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, *more)

        load.enter()
        try:
            return application(environ, begin)
        finally:
            load.leave()

    return counted
