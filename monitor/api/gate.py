"""How much one web process takes in at once. What is beyond waits a moment, then is told to come again.

A request passes before its body is read, so that memory is bounded by what has passed, not by who connects.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from monitor.core import clock


class BusyError(Exception):
    """There was no room within the time a request may wait; nothing of it was taken."""


class Ticket:
    """One request inside; it may turn out larger than it said."""

    def __init__(self, gate: "Gate") -> None:
        self.gate, self.size = gate, 0

    def grow(self, size: int) -> None:
        """Make room for this many bytes in all; raises BusyError."""
        if size > self.size:
            self.gate.take(size - self.size, requests=0)
            self.size = size


class Gate:
    """At most so many requests and so many bytes of them at a time, and how long a request waits for that."""

    def __init__(self, *, requests: int, size: int, patience: float) -> None:
        self.requests, self.size, self.patience = requests, size, patience
        self._changed = threading.Condition()
        self._inside = self._held = 0

    @contextmanager
    def passed(self, size: int) -> Iterator[Ticket]:
        """Inside from here on, with this many bytes; raises BusyError."""
        ticket = Ticket(self)
        self.take(size, requests=1)
        ticket.size = size
        try:
            yield ticket
        finally:
            with self._changed:
                self._inside -= 1
                self._held -= ticket.size
                self._changed.notify_all()

    def take(self, size: int, *, requests: int) -> None:
        """Wait for room and occupy it; raises BusyError."""
        until = clock.monotonic() + self.patience
        with self._changed:
            while not self._fits(size, requests):
                left = until - clock.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    message = f"{self._inside} requests with {self._held} bytes are being stored"
                    raise BusyError(message)
            self._inside += requests
            self._held += size

    def _fits(self, size: int, requests: int) -> bool:
        if self._inside + requests > self.requests:
            return False
        # one alone always fits, or a body of the largest size allowed would never do
        return self._held + size <= self.size or self._held == 0
