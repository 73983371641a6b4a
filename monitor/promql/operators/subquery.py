"""A subquery's result, seen as windows of samples."""

from collections.abc import Iterator

import numpy as np

from monitor.promql import tree
from monitor.promql.plan import reference_times
from monitor.promql.values import Grid, Vector
from monitor.promql.windows import Frame, Windows, of_vector


def frame(node: tree.Selector | tree.Subquery, width: int, grid: Grid) -> Frame:
    """Where the windows of a range lie on this grid."""
    first, last = reference_times(node, grid)
    ends = np.full(grid.steps, first) if first == last else np.arange(first, last + 1, grid.step)
    return Frame(ends.astype(np.int64), grid.times, width)


def windows(node: tree.Subquery, inner: Vector, inner_grid: Grid, grid: Grid) -> Iterator[Windows]:
    return of_vector(inner, inner_grid, frame(node, node.width, grid))
