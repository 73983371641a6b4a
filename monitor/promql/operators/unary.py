"""Negation."""

from monitor.promql.functions.labels import same_labels
from monitor.promql.values import Cells, Floats, Vector, merged, nameless


def negated(value: Vector | Floats) -> Vector | Floats:
    if not isinstance(value, Vector):
        return -value
    cells = tuple(Cells(cells.place, cells.block.times(-1.0)) for cells in value.histograms)
    return merged(Vector(nameless(value.labels), -value.values, value.floats, cells), same_labels)
