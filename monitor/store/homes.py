"""What a process remembers of the series of one shard of a project: their spans and their newest samples.

It saves questions, never answers: what it does not know for certain is looked up in the store.
"""

from threading import Lock
from uuid import UUID

import numpy as np

from monitor.store.blocks import Block, Ints

LIMIT = 500_000
FAR = 2**62
# newest sample, first and last moment that the table of series is known to cover
_NOTHING = np.array([[-FAR], [FAR], [-FAR]], dtype=np.int64)


class Home:
    """Three numbers for each series, found by its slot. One lock: the threads of a process share it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.slots: dict[int, int] = {}
        self.facts = np.repeat(_NOTHING, 1024, axis=1)
        # up to which moment of writing other processes' batches were looked at, in Unix milliseconds
        self.looked_ms = 0
        self.heard: set[UUID] = set()

    def look(self, ids: Ints) -> tuple[Ints, Ints, Ints]:
        """Of each series the newest sample, and the span in the table.

        A series unknown here has a newest sample after all others, so each of its samples is looked up.
        """
        with self.lock:
            slots = self._slots(ids)
            newest, first, last = self.facts[:, slots]
        unknown = slots < 0
        return np.where(unknown, FAR, newest), np.where(unknown, FAR, first), np.where(unknown, -FAR, last)

    def remember(self, ids: Ints, newest: Ints) -> None:
        """These were written: there is nothing after ``newest`` but what was remembered before."""
        with self.lock:
            slots = self._made(ids)
            self.facts[0, slots] = np.maximum(self.facts[0, slots], newest)

    def cover(self, ids: Ints, first: Ints, last: Ints) -> None:
        """The table of series covers these spans."""
        with self.lock:
            slots = self._made(ids)
            self.facts[1, slots] = np.minimum(self.facts[1, slots], first)
            self.facts[2, slots] = np.maximum(self.facts[2, slots], last)

    def hear(self, block: Block) -> None:
        """Another process has written this; it counts for the series that are known here."""
        table = block.tables["f"]
        series = table["series"]
        ends = np.flatnonzero(
            np.append(series[1:] != series[:-1], np.full(min(1, len(series)), fill_value=True))
        )
        ids, newest = series[ends], table["t"][ends]
        with self.lock:
            slots = self._slots(ids)
            known = slots >= 0
            self.facts[0, slots[known]] = np.maximum(self.facts[0, slots[known]], newest[known])

    def _slots(self, ids: Ints) -> Ints:
        find = self.slots.get
        return np.array([find(identity, -1) for identity in ids.tolist()], dtype=np.int64)

    def _made(self, ids: Ints) -> Ints:
        slots = self._slots(ids)
        new = ids[slots < 0].tolist()
        if not new:
            return slots
        if len(self.slots) + len(new) > LIMIT:
            self.slots.clear()
            self.facts[:] = _NOTHING
            new = ids.tolist()
        for identity in new:
            self.slots.setdefault(identity, len(self.slots))
        while len(self.slots) > self.facts.shape[1]:
            self.facts = np.concatenate(
                (self.facts, np.repeat(_NOTHING, self.facts.shape[1], axis=1)), axis=1
            )
        return self._slots(ids)


_homes: dict[tuple[int, int], Home] = {}


def home(project_id: int, shard: int) -> Home:
    """The one of this process."""
    return _homes.get((project_id, shard)) or _homes.setdefault((project_id, shard), Home())


def forget() -> None:
    """Drop what this process remembers; after a restore or a deleted project."""
    _homes.clear()
