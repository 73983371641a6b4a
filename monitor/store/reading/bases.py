"""What derived series had counted before a window began, and since: kept, so that an answer need not read history.

A base covers everything before its end, sealed or not: added up before its boundary, row by row from there on. A
late batch drops the bases that it may change.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock

from monitor.store.samples import blocks, chunks
from monitor.store.samples.blocks import Block

ROWS_KEPT = 1_000_000
BOUNDARIES_KEPT = 64
# a longer stretch of history is read each time: kept, it would leave no room for any other
ROWS_OF_ONE = 700_000


@dataclass(frozen=True, slots=True)
class Base:
    """The totals of these series before ``boundary``, and by series their rows from there until ``end``."""

    boundary: int
    series: frozenset[int]
    totals: Block
    end: int
    rows: Mapping[int, Block]
    n: int

    def rows_of(self, series: Iterable[int]) -> dict[int, Block]:
        """The kept rows of these series."""
        return {identity: self.rows[identity] for identity in series if identity in self.rows}


def made(boundary: int, totals: Block, end: int, rows: Mapping[int, Block], series: Iterable[int]) -> Base:
    """What to keep of the rows at hand, which may go on beyond ``end``."""
    few = sum(block.n for block in rows.values()) <= ROWS_OF_ONE
    kept = {identity: block.within(boundary, end - 1) for identity, block in rows.items()} if few else {}
    n = totals.n + sum(block.n for block in kept.values())
    return Base(boundary, frozenset(series), totals, end if few else boundary, kept, n)


@dataclass(slots=True)
class Ledger:
    """The bases of one project, valid for one version of its samples."""

    version: int
    bases: list[Base] = field(default_factory=list)


class Bases:
    """Ledgers by project, the least recently asked dropped first."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.ledgers: OrderedDict[int, Ledger] = OrderedDict()
        self.lock = Lock()

    def version(self, project_id: int) -> int:
        with self.lock:
            ledger = self.ledgers.get(project_id)
            return -1 if ledger is None else ledger.version

    def follow(self, project_id: int, version: int, changed_from: int | None) -> None:
        """Drop what has changed since the ledger's version."""
        with self.lock:
            ledger = self.ledgers.setdefault(project_id, Ledger(version))
            if ledger.version < version:
                ledger.version = version
                if changed_from is not None:
                    ledger.bases = [base for base in ledger.bases if base.end <= changed_from]

    def latest(self, project_id: int, series: Iterable[int], boundary: int) -> Base | None:
        """The last base of all these series that ends at the boundary or before."""
        wanted = frozenset(series)
        with self.lock:
            ledger = self.ledgers.get(project_id)
            if ledger is None:
                return None
            self.ledgers.move_to_end(project_id)
            fitting = [base for base in ledger.bases if base.boundary <= boundary and wanted <= base.series]
            if not fitting:
                return None
            found = max(fitting, key=lambda base: (base.boundary, base.end))
            ledger.bases.remove(found)
            ledger.bases.append(found)
            return found

    def keep(self, project_id: int, version: int, base: Base) -> None:
        """Put in what was added up at that version; too late if samples have changed meanwhile."""
        with self.lock:
            ledger = self.ledgers.get(project_id)
            if ledger is None or ledger.version != version:
                return
            ledger.bases = [
                old
                for old in ledger.bases[1 - BOUNDARIES_KEPT :]
                if old.boundary != base.boundary or not old.series <= base.series
            ]
            ledger.bases.append(base)
            self._make_room()

    def _make_room(self) -> None:
        rows = sum(base.n for ledger in self.ledgers.values() for base in ledger.bases)
        while rows > self.room:
            oldest = next(ledger for ledger in self.ledgers.values() if ledger.bases)
            rows -= oldest.bases.pop(0).n


def added(parts: Iterable[Block]) -> Block:
    """Totals of everything in the parts, whose rows may lie at any time."""
    return chunks.totals(blocks.join([blocks.empty(), *parts]))


kept = Bases(ROWS_KEPT)
