"""Stops a statement that is still running when its time is up, or when nobody waits for its answer any more.

The server gives it up, not only we.
"""

import contextlib
import heapq
import itertools
import os
import threading
from collections.abc import Iterator

import psycopg
from django.db import DEFAULT_DB_ALIAS, OperationalError, connections

from monitor.core import clock, patience

CANCEL_SECONDS = 5.0


class StoppedError(Exception):
    """The statement did not end in time, or nobody waits for it: it was cancelled in the server."""


class Asker:
    """Whoever waits for what a thread works on. Once it has left, the thread's statements are given up."""

    def __init__(self) -> None:
        self.gone = False
        self._turn: _Turn | None = None
        self._lock = threading.Lock()

    def leave(self) -> None:
        """Nobody waits any more; from any thread."""
        with self._lock:
            self.gone = True
            turn = self._turn
        if turn is not None:
            turn.stop()

    def waits_for(self, turn: "_Turn | None") -> None:
        with self._lock:
            self._turn = turn
        if turn is not None and self.gone:
            raise StoppedError


_asking = threading.local()


@contextlib.contextmanager
def asked_by(asker: Asker) -> Iterator[None]:
    """What this thread does meanwhile is done for that one."""
    _asking.one = asker
    try:
        yield
    finally:
        _asking.one = None


def _asker() -> Asker | None:
    found: Asker | None = getattr(_asking, "one", None)
    return found


def deserted() -> bool:
    """Whether nobody waits any more for what this thread works on."""
    asker = _asker()
    return asker is not None and asker.gone


class _Watch:
    """One thread for all deadlines of the process: starting one for each statement would cost more than most take."""

    def __init__(self) -> None:
        self.due: list[tuple[float, int, _Turn]] = []
        self.numbers = itertools.count()
        self.changed = threading.Condition()
        self.running = False

    def stop_at(self, moment: float, turn: "_Turn") -> None:
        with self.changed:
            heapq.heappush(self.due, (moment, next(self.numbers), turn))
            if not self.running:
                self.running = True
                threading.Thread(target=self._run, daemon=True, name="deadlines").start()
            elif self.due[0][0] == moment:
                self.changed.notify()

    def _run(self) -> None:
        while True:
            with self.changed:
                while not self.due:
                    self.changed.wait()
                moment, _, turn = self.due[0]
                left = moment - clock.monotonic()
                if left > 0 and turn.running is not None:
                    self.changed.wait(left)
                    continue
                heapq.heappop(self.due)
            if turn.running is not None:
                # several may be due at once, and to cancel one takes a moment
                threading.Thread(target=turn.stop, daemon=True).start()


_watch = _Watch()


def _renew() -> None:
    """A forked process has none of its parent's threads."""
    global _watch  # noqa: PLW0603 - one for each process
    _watch = _Watch()


os.register_at_fork(after_in_child=_renew)


class _Turn:
    """One use of a connection: it may be stopped until it is done."""

    def __init__(self, running: "psycopg.Connection[object]") -> None:
        self.running: psycopg.Connection[object] | None = running
        self.stopped, self.lock = False, threading.Lock()

    def stop(self) -> None:
        with self.lock:
            # a statement of somebody else's turn on the same connection must not be hit
            if self.running is not None:
                self.stopped = True
                self.running.cancel_safe(timeout=CANCEL_SECONDS)

    def end(self) -> None:
        with self.lock:
            self.running = None


class stopped_after:  # noqa: N801 — used like a function
    """Cancel what runs on this thread's connection after ``seconds``, or sooner where whoever waits for it has less
    time, or nobody waits any more; raises StoppedError when that happened.
    """

    __slots__ = ("asker", "seconds", "turn")

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        here = connections[DEFAULT_DB_ALIAS]
        here.ensure_connection()
        self.turn, self.asker = _Turn(here.connection), _asker()
        _watch.stop_at(clock.monotonic() + max(min(self.seconds, patience.left()), 0.001), self.turn)
        if self.asker is not None:
            try:
                self.asker.waits_for(self.turn)
            except StoppedError:
                self._end()
                raise

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self._end()
        if not isinstance(error, OperationalError) or not self.turn.stopped:
            return
        if isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise StoppedError from error

    def _end(self) -> None:
        if self.asker is not None:
            self.asker.waits_for(None)
        self.turn.end()
