"""Windows and chunks: when times are closed, how much a chunk covers, and one series' part of a block as a chunk."""

from dataclasses import dataclass

import numpy as np

from monitor.store.models import BatchKind
from monitor.store.samples import blocks
from monitor.store.samples.blocks import Block

# times close four hours at a time; chunks of derived series are as long, for their totals are counted from there on
WINDOW_MS = 14_400_000
# a row costs some 150 bytes whatever it holds, so one of pushed samples holds a day and is written anew as it grows
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class ChunkData:
    """The columns of one row of the chunk table."""

    series_id: int
    window: int
    kind: BatchKind
    min_ms: int
    max_ms: int
    n: int
    head: bytes | None
    data: bytes


def window_of(milliseconds: int) -> int:
    return milliseconds // WINDOW_MS * WINDOW_MS


def width(kind: BatchKind) -> int:
    """How much time one chunk covers."""
    return DAY_MS if kind == BatchKind.SAMPLES else WINDOW_MS


def seal(series_id: int, window: int, kind: BatchKind, block: Block) -> ChunkData:
    """The chunk of one series over one window; the series column is left out, the row knows it."""
    first, last = block.span()
    head = _bare(totals(block)).encode() if kind == BatchKind.DELTAS else None
    return ChunkData(series_id, window, kind, first, last, block.n, head, _bare(block).encode())


def _bare(block: Block) -> Block:
    """The columns that the row does not know."""
    return Block({
        name: {column: values for column, values in table.items() if column != "series"}
        for name, table in block.tables.items()
    })  # fmt: skip


def totals(block: Block) -> Block:
    """All deltas of a series added over time: one row per counter, per histogram and per bucket."""
    still = Block({name: {**table, "t": np.zeros_like(table["t"])} for name, table in block.tables.items()})
    return blocks.add_up(still)
