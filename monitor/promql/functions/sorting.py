"""Functions that order the elements of an instant query's answer."""

import re
from functools import cmp_to_key

import numpy as np

from monitor.core import patience
from monitor.core.labels import Labels
from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Vector

_CHUNK = re.compile(r"\d+|\D+")


@function("vector", keeps_name=True)
def sort(_: Context, vector: Vector) -> Vector:
    """Elements by ascending value; NaN last. No effect on range queries."""
    return _by_value(vector, sign=1.0)


@function("vector", keeps_name=True)
def sort_desc(_: Context, vector: Vector) -> Vector:
    """Elements by descending value; NaN last. No effect on range queries."""
    return _by_value(vector, sign=-1.0)


def _by_value(vector: Vector, *, sign: float) -> Vector:
    floats = vector.where(vector.floats)
    if vector.steps != 1:
        return floats
    keys = np.where(floats.floats[:, 0], floats.values[:, 0] * sign, np.nan)
    return floats.rows(np.argsort(keys, kind="stable"))


@function("vector", "string", optional=-1, keeps_name=True)
def sort_by_label(_: Context, vector: Vector, *names: str) -> Vector:
    """Elements by the values of the given labels, numbers in them by size. No effect on range queries."""
    return _by_label(vector, names, sign=1)


@function("vector", "string", optional=-1, keeps_name=True)
def sort_by_label_desc(_: Context, vector: Vector, *names: str) -> Vector:
    """As sort_by_label, backwards."""
    return _by_label(vector, names, sign=-1)


def _by_label(vector: Vector, names: tuple[str, ...], *, sign: int) -> Vector:
    if vector.steps != 1:
        return vector

    def compare(one: int, other: int) -> int:
        patience.look()
        return sign * _compare(vector.labels[one], vector.labels[other], names)

    return vector.rows(sorted(range(len(vector.labels)), key=cmp_to_key(compare)))


def _compare(one: Labels, other: Labels, names: tuple[str, ...]) -> int:
    for name in names:
        left, right = one.get(name, ""), other.get(name, "")
        if left != right:
            return -1 if _natural_less(left, right) else 1
    return (one.items_sorted > other.items_sorted) - (one.items_sorted < other.items_sorted)


def _natural_less(left: str, right: str) -> bool:
    """Whether ``left`` comes first when runs of digits count as numbers."""
    mine, theirs = _CHUNK.findall(left), _CHUNK.findall(right)
    for one, other in zip(mine, theirs, strict=False):
        if one == other:
            continue
        if one[0].isdigit() and other[0].isdigit() and int(one) != int(other):
            return int(one) < int(other)
        return str(one) < str(other)
    return len(mine) < len(theirs)
