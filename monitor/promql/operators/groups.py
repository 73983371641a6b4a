"""Which rows of a vector an aggregation puts together."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from monitor.core import patience
from monitor.core.labels import NAME, Labels, Roster, once
from monitor.promql import tree
from monitor.promql.values import Ints

# told how many rows there will be; raises where those are too many
Afford = Callable[[int], None]
FEW_NAMES = 20


@dataclass(slots=True)
class Grouping:
    """``group`` (n,) says where each row belongs; ``order`` sorts rows by group, ``starts`` cuts that order into
    the ``rows`` of each group.
    """

    labels: list[Labels]
    group: Ints
    order: Ints
    starts: Ints
    rows: list[Ints]


@lru_cache(maxsize=50_000)
def _key(labels: Labels, names: frozenset[str], without: bool) -> tuple[tuple[str, str], ...]:  # noqa: FBT001 - cached by position
    """The labels by which a series is grouped; the same series are grouped again and again."""
    if without:
        dropped = names | {NAME}
        return tuple(pair for pair in labels.items_sorted if pair[0] not in dropped)
    return tuple(pair for pair in labels.items_sorted if pair[0] in names)


def grouping(rows: list[Labels], node: tree.Aggregation) -> Grouping:
    names, without = frozenset(node.labels), node.without
    return once(rows, ("groups", names, without), lambda: _grouped(rows, names, without=without))


def _grouped(rows: list[Labels], names: frozenset[str], *, without: bool) -> Grouping:
    places: dict[tuple[tuple[str, str], ...], int] = {}
    group = np.empty(len(rows), dtype=np.int64)
    # nobody groups by so many again and again
    work = _key if len(names) <= FEW_NAMES else _key.__wrapped__
    for row, labels in enumerate(patience.each(rows)):
        key = work(labels, names, without) if names or without else ()
        group[row] = places.setdefault(key, len(places))
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(len(places)))
    members = np.split(order, starts[1:])
    return Grouping(Roster(Labels(key) for key in places), group, order, starts, members)
