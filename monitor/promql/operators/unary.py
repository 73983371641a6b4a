"""Negation."""

from monitor.promql.functions.labels import same_labels
from monitor.promql.values import Cells, Floats, Vector, nameless


def negated(value: Vector | Floats) -> Vector | Floats:
    if not isinstance(value, Vector):
        return -value
    labels = nameless(value.labels)
    if len(set(labels)) < len(labels):
        raise same_labels(labels[0])
    cells = tuple(Cells(cells.place, cells.block.times(-1.0)) for cells in value.histograms)
    return Vector(labels, -value.values, value.floats, cells)
