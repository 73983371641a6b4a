"""Unsealed batches as blocks: decoded once, for they never change once written."""

from collections import OrderedDict
from threading import Lock
from uuid import UUID

from monitor.store.samples import blocks
from monitor.store.samples.blocks import Block

NUMBERS_KEPT = 12_000_000
NUMBERS_PER_ROW = 5


def of_batch(identity: UUID, data: bytes | None, held: dict[UUID, Block]) -> Block:
    """The batch as a block, from its bytes or from what was ``held`` when they were asked for."""
    block = held[identity] if data is None else blocks.decode(bytes(data))
    kept.keep(identity, block)
    return block


class Batches:
    """Decoded batches; least recently used ones go first."""

    def __init__(self, numbers: int) -> None:
        self.room, self.used = numbers, 0
        self.kept: OrderedDict[UUID, Block] = OrderedDict()
        self.lock = Lock()

    def held(self) -> dict[UUID, Block]:
        """What is kept now; the caller's copy stays whole whatever is evicted meanwhile."""
        with self.lock:
            return dict(self.kept)

    def keep(self, identity: UUID, block: Block) -> None:
        with self.lock:
            if identity not in self.kept:
                self.kept[identity] = block
                self.used += block.n * NUMBERS_PER_ROW
            self.kept.move_to_end(identity)
            while self.used > self.room and len(self.kept) > 1:
                self.used -= self.kept.popitem(last=False)[1].n * NUMBERS_PER_ROW

    def clear(self) -> None:
        with self.lock:
            self.kept.clear()
            self.used = 0


kept = Batches(NUMBERS_KEPT)
