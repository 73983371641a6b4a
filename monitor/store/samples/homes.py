"""What a process remembers of the series of one shard of a project: their spans and their newest samples.

It saves questions, never answers: what it does not know for certain is looked up in the store.
"""

from dataclasses import dataclass
from threading import Lock
from uuid import UUID

import numpy as np
import numpy.typing as npt

from monitor.store.samples import blocks
from monitor.store.samples.blocks import Block, Ints

LIMIT = 500_000
FAR = 2**62
NOWHERE = UUID(int=0)
# batches of others whose times have not mattered yet are kept as they came, so many at most
UNREAD = 64


@dataclass(frozen=True, slots=True)
class Looked:
    """Of each series asked: after which time nothing of it is stored, and the span the table covers."""

    newest: Ints
    first: Ints
    last: Ints


class Home:
    """Three numbers for each series, in the order of their ids. One lock: the threads of a process share it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.ids: Ints = np.empty(0, dtype=np.int64)
        # newest sample, first and last moment that the table of series is known to cover
        self.facts: Ints = np.empty((3, 0), dtype=np.int64)
        # a series that is not known here has nothing after this
        self.base = -FAR
        # every batch up to this one was heard, at that moment
        self.heard = NOWHERE
        self.heard_ms = -FAR
        self.unread: list[tuple[int, bytes]] = []

    def look(self, ids: Ints, since: int) -> Looked:
        """Facts of these series (sorted) for samples from ``since`` on."""
        with self.lock:
            if any(until >= since for until, _ in self.unread):
                self._read()
            places, known = self._places(ids)
            newest, first, last = (
                self.facts[:, places] if len(self.ids) else np.zeros((3, len(ids)), np.int64)
            )
            return Looked(
                np.where(known, newest, self.base), np.where(known, first, FAR), np.where(known, last, -FAR)
            )

    def remember(self, ids: Ints, newest: Ints, made: Ints | None = None) -> None:
        """These were written; ``made``: those of them that nobody had written before."""
        with self.lock:
            unknown = ids[~self._places(ids)[1]]
            places = self._made(ids)
            if made is not None and len(made):
                self.facts[0, places[np.isin(ids, made) & np.isin(ids, unknown)]] = -FAR
            self.facts[0, places] = np.maximum(self.facts[0, places], newest)

    def cover(self, ids: Ints, first: Ints, last: Ints) -> None:
        """The table of series covers these spans."""
        with self.lock:
            places = self._made(ids)
            self.facts[1, places] = np.minimum(self.facts[1, places], first)
            self.facts[2, places] = np.maximum(self.facts[2, places], last)

    def hear(self, until: int, data: bytes) -> None:
        """Somebody else has written this batch, whose last sample is at ``until``."""
        with self.lock:
            self.unread.append((until, data))
            if len(self.unread) > UNREAD:
                self._read()

    def heard_to(self, identity: UUID, now_ms: int) -> None:
        """Every batch up to this one is known here."""
        with self.lock:
            self.heard = max(self.heard, identity)
            self.heard_ms = max(self.heard_ms, now_ms)

    def missed(self, until: int) -> None:
        """Others may have written any series up to this time unheard."""
        with self.lock:
            self.base = max(self.base, until)
            np.maximum(self.facts[0], until, out=self.facts[0])

    def _read(self) -> None:
        for _, data in self.unread:
            self._take(blocks.decode(data))
        self.unread.clear()

    def _take(self, block: Block) -> None:
        """Samples of another writer count for the series known here, and all that is unknown lies before them."""
        for table in (block.tables["f"], block.tables["h"]):
            series = table["series"]
            if not len(series):
                continue
            ends = np.flatnonzero(np.append(series[1:] != series[:-1], [True]))
            ids, newest = series[ends], table["t"][ends]
            places = self._made(ids)
            self.facts[0, places] = np.maximum(self.facts[0, places], newest)

    def _places(self, ids: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
        """Where these series stand, and which of them do."""
        if not len(self.ids):
            return np.zeros(len(ids), dtype=np.int64), np.zeros(len(ids), dtype=bool)
        places = np.minimum(np.searchsorted(self.ids, ids), len(self.ids) - 1)
        return places, self.ids[places] == ids

    def _made(self, ids: Ints) -> Ints:
        """Where these series stand, after all of them do."""
        places, known = self._places(ids)
        if known.all():
            return places
        if len(self.ids) + len(ids) > LIMIT:
            self.base = max(self.base, int(self.facts[0].max(initial=self.base)))
            self.ids, self.facts = self.ids[:0], self.facts[:, :0]
            known = np.zeros(len(ids), dtype=bool)
        new = np.unique(ids[~known])
        at = np.searchsorted(self.ids, new)
        blank = np.repeat(np.array([[self.base], [FAR], [-FAR]], dtype=np.int64), len(new), axis=1)
        self.facts = np.insert(self.facts, at, blank, axis=1)
        self.ids = np.insert(self.ids, at, new)
        return np.searchsorted(self.ids, ids)


_homes: dict[tuple[int, int], Home] = {}


def home(project_id: int, shard: int) -> Home:
    """The one of this process."""
    return _homes.get((project_id, shard)) or _homes.setdefault((project_id, shard), Home())


def forget() -> None:
    """Drop what this process remembers; after a restore or a deleted project."""
    _homes.clear()
