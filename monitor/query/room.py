"""What the questions of one process may hold at once: samples read and matrices worked out, in bytes.

Each is bounded by its own limits, but many at once add up. One for which there is no room waits a little while, and
is refused when none comes free. Large ones leave some room for small ones, which go first; after them those that
hold some, so that they end.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from threading import Condition

from django.conf import settings

from monitor import meters
from monitor.core import clock
from monitor.promql.errors import QueryError, TooMuchError

# measured at the peak of answering, which ``tests.bench.crowd`` does: samples that are read and decoded, values that
# are worked out, values that are written as text
SAMPLE_BYTES, CELL_BYTES, TEXT_BYTES = 24, 40, 80
# a question that holds no more is a small one
FREE_BYTES = 16_000_000
PIECE = 1_000_000
WAIT_SECONDS = 10.0
# large questions at once, waiting or answered; a web process has sixteen threads, and the others are for small ones
PLACES = 12
MB = 1_000_000


class BusyError(QueryError):
    """Other questions hold the memory; the same question a little later may be answered."""

    kind = "unavailable"

    def __init__(self, why: str) -> None:
        super().__init__(f"{why}; ask again in a moment, or for a shorter time, longer steps or fewer series")


@dataclass(slots=True, eq=False)
class Share:
    """What one question holds by its own count, what of the room it took for that, and what it waits to have."""

    room: "Room"
    until_end: bool = False
    counted: int = 0
    held: int = 0
    wants: int = 0

    @property
    def large(self) -> bool:
        return max(self.held, self.wants) > FREE_BYTES

    def count(self, size: int) -> None:
        """So much more is to be held, or less than was said; raises TooMuchError or BusyError."""
        if size < 0:
            self.back(self.counted + size)
            return
        if self.counted + size > self.held:
            self.room.grow(self, _pieces(self.counted + size))
        self.counted += size

    def back(self, counted: int) -> None:
        """Down to what was counted at an earlier moment."""
        self.counted = counted
        if self.held > _pieces(counted):
            self.room.give_back(self, _pieces(counted))


def _pieces(size: int) -> int:
    """Room is taken by the piece, so that small questions ask for it once."""
    return -(-size // PIECE) * PIECE


class Room:
    """The memory of one process; those who hold some of it, and those who wait, both the eldest first."""

    def __init__(self) -> None:
        self.held = 0
        self.holders: list[Share] = []
        self.waiting: list[Share] = []
        self.changed = Condition()

    def grow(self, share: Share, size: int) -> None:
        """Let the share hold so much, as soon as there is room."""
        total = settings.VIGIL_QUERY_MEMORY_MB * MB
        most = total if size <= FREE_BYTES else total - _kept_for_small(total)
        if size > most:
            message = (
                f"the query would hold {size // MB} MB, more than the {most // MB} MB that one may hold of what the queries"
                " of a process hold together (VIGIL_QUERY_MEMORY_MB); ask for a shorter time, longer steps or fewer series"
            )
            raise TooMuchError(message)
        deadline = clock.monotonic() + WAIT_SECONDS
        with self.changed:
            if size > FREE_BYTES >= share.held and sum(one.large for one in self._all()) >= PLACES:
                meters.queries_sent_away.inc()
                message = f"{PLACES} large queries are under way in this process"
                raise BusyError(message)
            share.wants = size
            self.waiting.append(share)
            if len(self.waiting) > 1:
                self.changed.notify_all()
            try:
                while not self._fits(share, total):
                    left = deadline - clock.monotonic()
                    if left <= 0 or self._must_yield(share):
                        meters.queries_sent_away.inc()
                        message = f"other queries hold {self.held // MB} of {total // MB} MB"
                        raise BusyError(message)
                    self.changed.wait(left)
                self._take(share, size)
            finally:
                share.wants = 0
                self.waiting.remove(share)
                if self.waiting:
                    self.changed.notify_all()

    def give_back(self, share: Share, size: int) -> None:
        """Let the share hold so little."""
        with self.changed:
            self._take(share, size)
            if self.waiting:
                self.changed.notify_all()

    def _take(self, share: Share, size: int) -> None:
        before, share.held = share.held, size
        self.held += size - before
        if not before:
            self.holders.append(share)
        if not size:
            self.holders.remove(share)
        meters.query_memory.set(self.held)

    def _all(self) -> set[Share]:
        return {*self.holders, *self.waiting}

    def _fits(self, share: Share, total: int) -> bool:
        first = min(self.waiting, key=lambda one: (one.large, not one.held))
        more = share.wants - share.held
        if first is not share or self.held + more > total:
            return False
        others = sum(one.held for one in self.holders if one.held > FREE_BYTES and one is not share)
        return not share.large or others + share.wants <= total - _kept_for_small(total)

    def _must_yield(self, share: Share) -> bool:
        """Everybody who holds some waits for the others: the youngest of them gives up."""
        stuck = bool(self.holders) and all(one in self.waiting for one in self.holders)
        return stuck and share is self.holders[-1]


def _kept_for_small(total: int) -> int:
    """What large questions leave, so that small ones find room beside them."""
    return min(total // 10, 4 * FREE_BYTES)


room = Room()
_mine: ContextVar[Share | None] = ContextVar("share", default=None)


@contextmanager
def share() -> Iterator[None]:
    """One question of this thread; what is counted within is given back at the end."""
    found = _mine.get()
    if found is None:
        with holding():
            yield
        return
    before = found.counted
    try:
        yield
    finally:
        if not found.until_end:
            found.back(before)


@contextmanager
def holding(*, until_end: bool = False) -> Iterator[None]:
    """Questions of this thread; ``until_end``: also what they are answered with is held until this ends."""
    found = Share(room, until_end)
    token = _mine.set(found)
    try:
        yield
    finally:
        _mine.reset(token)
        found.back(0)


def samples(number: int) -> None:
    """So many samples are to be read; raises TooMuchError or BusyError."""
    count(number * SAMPLE_BYTES)


def cells(number: int) -> None:
    """So many values are to be worked out; raises TooMuchError or BusyError."""
    count(number * CELL_BYTES)


def text(number: int) -> None:
    """So many values are to be written down; raises TooMuchError or BusyError."""
    count(number * TEXT_BYTES)


def count(size: int) -> None:
    found = _mine.get()
    if found is not None:
        found.count(size)


def counted() -> int:
    """What this thread's question counts so far; for ``back``."""
    found = _mine.get()
    return 0 if found is None else found.counted


def back(before: int) -> None:
    """What was counted since then is held no more."""
    found = _mine.get()
    if found is not None:
        found.back(before)
