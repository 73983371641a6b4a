"""What a process remembers of the series of one shard of a project: their spans and their newest samples.

It saves questions, never answers: what it does not know for certain is looked up in the store.
"""

import hashlib
from collections import OrderedDict
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
# of so many sets of series that others write again and again it is known which they are; larger ones are read
SETS, LARGEST_BYTES = 64, 200_000
COMPARED = 4_096


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
        self.unread: list[tuple[int, bytes | Ints]] = []
        # sets of series by their number, the last heard at the end; None: met once
        self.sets: OrderedDict[int, Ints | None] = OrderedDict()
        # of two numbers whether their sets share a series
        self.shares: dict[tuple[int, int], bool] = {}

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

    def acquainted(self, ids: Ints) -> tuple[int, list[int], list[int]]:
        """The number of this set of series, those of the sets known here, and those that share no series with it."""
        mine = _number(ids)
        with self.lock:
            known = [number for number, theirs in self.sets.items() if theirs is not None]
            return mine, known, [number for number in known if not self._share(mine, ids, number)]

    def hear(self, until: int, data: bytes | None, number: int | None = None) -> None:
        """Somebody else has written this batch, whose last sample is at ``until``; of a known set without its bytes."""
        with self.lock:
            if data is not None:
                self.unread.append((until, data))
                if number is not None and len(data) <= LARGEST_BYTES:
                    self._meet(number, data)
            else:
                theirs = None if number is None else self.sets.get(number)
                if theirs is None:
                    self._miss(until)
                else:
                    self.unread.append((until, theirs))
            if len(self.unread) > UNREAD:
                self._read()

    def _meet(self, number: int, data: bytes) -> None:
        """Who comes a second time will come again: from now on its series are known."""
        if number in self.sets and self.sets[number] is None:
            self.sets[number] = blocks.decode(data).series_ids()
        self.sets.setdefault(number, None)
        self.sets.move_to_end(number)
        while len(self.sets) > SETS:
            self.sets.popitem(last=False)

    def _share(self, mine: int, ids: Ints, number: int) -> bool:
        pair = mine, number
        found = self.shares.get(pair)
        if found is None:
            if len(self.shares) > COMPARED:
                self.shares.clear()
            theirs = self.sets[number]
            assert theirs is not None
            found = self.shares[pair] = bool(np.isin(ids, theirs, assume_unique=True).any())
        return found

    def heard_to(self, identity: UUID, now_ms: int) -> None:
        """Every batch up to this one is known here."""
        with self.lock:
            self.heard = max(self.heard, identity)
            self.heard_ms = max(self.heard_ms, now_ms)

    def missed(self, until: int) -> None:
        """Others may have written any series up to this time unheard."""
        with self.lock:
            self._miss(until)

    def _miss(self, until: int) -> None:
        self.base = max(self.base, until)
        np.maximum(self.facts[0], until, out=self.facts[0])

    def _read(self) -> None:
        for until, told in self.unread:
            if isinstance(told, bytes):
                self._take(blocks.decode(told))
            else:
                # none of them is later than the last
                places = self._made(told)
                self.facts[0, places] = np.maximum(self.facts[0, places], until)
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


def _number(ids: Ints) -> int:
    """What stands for a set of series; two sets with one number are as unlikely as two series with one id."""
    return int.from_bytes(hashlib.blake2b(ids.tobytes(), digest_size=8).digest(), "big", signed=True)


_homes: dict[tuple[int, int], Home] = {}


def home(project_id: int, shard: int) -> Home:
    """The one of this process."""
    return _homes.get((project_id, shard)) or _homes.setdefault((project_id, shard), Home())


def forget() -> None:
    """Drop what this process remembers; after a restore or a deleted project."""
    _homes.clear()
