"""Clients that leave before their answer: what they asked is given up.

The web server closes the connection of a client that hung up, but tells a WSGI application nothing, nor which
connection a request came by. So of a question that takes long those connections of this process are looked at
which it may have come by: on which this client was last heard when the question began, and has not been answered.
Once the last of them is closed, nobody waits any more. Quick questions cost an entry in a table.
"""

import contextlib
import os
import socket
import struct
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.http import HttpRequest

from monitor.core import clock
from monitor.store.deadline import Asker, asked_by

# a question younger than this is let be; an older one is looked after so often
YOUNG, EVERY = 0.2, 0.25
# so long a request may have waited for a thread. Connections tell their times in ticks of the kernel, so one that was
# heard and answered in the same tick looks like one that waits: it is taken for one only if it fits well
WAITED_MS, WELL_MS, TICK_MS = 2_000, 100, 20
# who looks may lose the processor for a while: what was seen then fits no time
HASTE = 0.05
# of Linux' struct tcp_info: the state; the milliseconds since we said and since we heard something; the segments said
_INFO = struct.Struct("=B43xI4xI100xI")
_ESTABLISHED = 1
_FOLDER = Path("/proc/self/fd")


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection: whose and to which port, since when it waits for an answer, and whether it surely does."""

    peer: str
    port: int
    heard_ms: int
    waits: bool
    surely: bool

    def fits(self, age_ms: float) -> bool:
        """Whether a question that began so long ago may have come this way."""
        before = self.heard_ms - age_ms
        return -TICK_MS <= before <= (WAITED_MS if self.surely else WELL_MS)

    def idle(self, age_ms: float) -> bool:
        """Whether it waits for nothing that long, as far as can be told."""
        return not self.waits or (not self.surely and self.heard_ms - age_ms > WAITED_MS)

    def still(self, age_ms: float) -> bool:
        """Whether it waits as it did then; what came since would have been heard."""
        return self.waits and self.heard_ms >= age_ms - WELL_MS


@dataclass(slots=True)
class Question:
    """What a client waits for, and by which connections it may have come; None: not looked for yet."""

    peer: str
    port: int
    asker: Asker
    began: float
    lines: set[int] | None = None
    left: bool = False

    def waiting(self, there: Mapping[int, Line], age_ms: float = 0.0) -> dict[int, Line]:
        """The connections of its client that wait for an answer: while the client waits, its own is among them."""
        whose = (self.peer, self.port)
        return {
            number: line
            for number, line in there.items()
            if (line.peer, line.port) == whose and not line.idle(age_ms)
        }

    def look(self, there: Mapping[int, Line], now: float) -> None:
        """Note which of its connections have gone; what was answered, or asked anew, was another's."""
        age = 1000 * (now - self.began)
        if self.lines is None:
            waiting = self.waiting(there, age)
            self.lines = {number for number, line in waiting.items() if line.fits(age)}
            # it left before the first look
            self.left = not waiting
            return
        self.left = self.left or not self.lines <= there.keys()
        self.lines = {number for number in self.lines if number in there and there[number].still(age)}

    @property
    def deserted(self) -> bool:
        return self.left and not self.lines


@dataclass(slots=True)
class Watch:
    """One thread for all questions of a process; where there are none it waits."""

    questions: dict[int, Question] = field(default_factory=dict)
    some: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    # whether the server's connections can be seen from here; another server may keep them elsewhere
    seen: bool = False

    def add(self, question: Question) -> None:
        self.seen = self.seen or bool(question.waiting(lines()))
        if not self.seen:
            return
        self.questions[id(question)] = question
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, daemon=True, name="leaving")
            self.thread.start()
        if not self.some.is_set():
            self.some.set()

    def drop(self, question: Question) -> None:
        self.questions.pop(id(question), None)

    def _run(self) -> None:
        while True:
            self.some.wait()
            clock.sleep(EVERY)
            if not self.questions:
                self.some.clear()
                # one may have come meanwhile
                if not self.questions:
                    continue
                self.some.set()
            self.look()

    def look(self) -> None:
        now = clock.monotonic()
        old = [one for one in list(self.questions.values()) if now - one.began >= YOUNG]
        there = lines() if old else {}
        if clock.monotonic() - now > HASTE:
            return
        for one in old:
            one.look(there, now)
            if one.deserted and not one.asker.gone:
                # to cancel a statement takes a moment
                threading.Thread(target=one.asker.leave, daemon=True).start()


def lines() -> dict[int, Line]:
    """The open connections of this process, by the number that the kernel gave them."""
    found: dict[int, Line] = {}
    for path in _FOLDER.iterdir():
        with contextlib.suppress(OSError):
            link = str(path.readlink())
            if link.startswith("socket:["):
                # a copy: the server may close its own at any moment
                with socket.socket(fileno=os.dup(int(path.name))) as copy:
                    line = _line(copy)
                if line is not None:
                    found[int(link[8:-1])] = line
    return found


def _line(one: socket.socket) -> Line | None:
    if one.family not in {socket.AF_INET, socket.AF_INET6} or one.type != socket.SOCK_STREAM:
        return None
    state, said_ms, heard_ms, segments = _INFO.unpack(
        one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
    )
    if state != _ESTABLISHED:
        return None
    surely = not segments or heard_ms < said_ms
    return Line(one.getpeername()[0], one.getsockname()[1], heard_ms, surely or heard_ms == said_ms, surely)


_watch = Watch()


def _renew() -> None:
    """A forked process has none of its parent's threads."""
    global _watch  # noqa: PLW0603 — one for each process
    _watch = Watch()


os.register_at_fork(after_in_child=_renew)


@contextlib.contextmanager
def watched(request: HttpRequest) -> Iterator[None]:
    """What is done within is given up when its client has left."""
    port = request.META.get("SERVER_PORT", "")
    # requests that share a connection can't be told apart
    if sys.platform != "linux" or request.META.get("SERVER_PROTOCOL") == "HTTP/2" or not port.isdecimal():
        yield
        return
    asker = Asker()
    question = Question(request.META.get("REMOTE_ADDR", ""), int(port), asker, clock.monotonic())
    watch = _watch
    watch.add(question)
    try:
        with asked_by(asker):
            yield
    finally:
        watch.drop(question)
