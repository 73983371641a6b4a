"""Parts of expressions that were worked out a moment ago, for whoever asks the same of the same samples.

Percentiles of one histogram, shares of one total: the questions of a page have most of their work in common.
"""

from collections.abc import Callable

from monitor.core.histograms import HistogramBlock
from monitor.promql import tree
from monitor.promql.values import Grid, Notes, Value, Vector

# numbers that are kept; a larger part is worked out each time
NUMBERS_KEPT = 4_000_000
# (the grid of the whole question, the grid and look-back of the part of it that is under way)
Frame = tuple[Grid, Grid, int]


class Worked:
    """Values by what was asked; they must not be written to, and their arrays refuse it."""

    def __init__(self) -> None:
        self.room = NUMBERS_KEPT
        self.known: dict[tuple[Frame, tree.Node, Grid], tuple[Value, Notes]] = {}

    def value(
        self, frame: Frame, node: tree.Node, grid: Grid, notes: Notes, work: Callable[[Notes], Value]
    ) -> Value:
        """The node's value, by ``work`` if it is new; what is to be noted about it is noted each time."""
        key = (frame, node, grid)
        found = self.known.get(key)
        if found is None:
            fresh = Notes()
            found = (work(fresh), fresh)
            size = _numbers(found[0])
            if size <= self.room:
                self.room -= size
                _protect(found[0])
                self.known[key] = found
        notes.warnings.update(found[1].warnings)
        notes.infos.update(found[1].infos)
        return found[0]


def _numbers(value: Value) -> int:
    if not isinstance(value, Vector):
        return len(value)
    histograms = sum(
        len(cells.place) * (int(cells.block.positive.shape[1]) + int(cells.block.negative.shape[1]) + 4)
        for cells in value.histograms
    )
    return int(value.values.size) + histograms


def _protect(value: Value) -> None:
    if isinstance(value, Vector):
        value.values.flags.writeable = value.floats.flags.writeable = False
        for cells in value.histograms:
            cells.place.flags.writeable = False
            _protect_block(cells.block)
    elif not isinstance(value, str):
        value.flags.writeable = False


def _protect_block(block: HistogramBlock) -> None:
    for part in (block.count, block.total, block.zero, block.positive, block.negative):
        part.flags.writeable = False
