"""Functions that look at one value at a time, and the bridges between scalars and vectors."""

from collections.abc import Callable

import numpy as np

from monitor.core.labels import NAME, Labels
from monitor.promql import tree
from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Floats, Vector


def _mapped(vector: Vector, change: Callable[[Floats], Floats]) -> Vector:
    with np.errstate(all="ignore"):
        return vector.with_floats(np.asarray(change(vector.values)))


@function("vector")
def abs_(_: Context, vector: Vector) -> Vector:
    """Absolute value."""
    return _mapped(vector, np.abs)


@function("vector")
def ceil(_: Context, vector: Vector) -> Vector:
    """Rounded up to the nearest whole number."""
    return _mapped(vector, np.ceil)


@function("vector")
def floor(_: Context, vector: Vector) -> Vector:
    """Rounded down to the nearest whole number."""
    return _mapped(vector, np.floor)


@function("vector")
def exp(_: Context, vector: Vector) -> Vector:
    """Exponential, e to the power of the value."""
    return _mapped(vector, np.exp)


@function("vector")
def sqrt(_: Context, vector: Vector) -> Vector:
    """Square root."""
    return _mapped(vector, np.sqrt)


@function("vector")
def ln(_: Context, vector: Vector) -> Vector:
    """Natural logarithm."""
    return _mapped(vector, np.log)


@function("vector")
def log2(_: Context, vector: Vector) -> Vector:
    """Logarithm to base 2."""
    return _mapped(vector, np.log2)


@function("vector")
def log10(_: Context, vector: Vector) -> Vector:
    """Logarithm to base 10."""
    return _mapped(vector, np.log10)


@function("vector")
def sgn(_: Context, vector: Vector) -> Vector:
    """Sign: 1, 0 or -1."""
    return _mapped(vector, np.sign)


@function("vector", "scalar", optional=1)
def round_(_: Context, vector: Vector, nearest: Floats | None = None) -> Vector:
    """Rounded to the nearest multiple of the second argument (1 if absent); ties go up."""
    with np.errstate(all="ignore"):
        inverse = 1.0 if nearest is None else 1.0 / nearest
        return _mapped(vector, lambda values: np.floor(values * inverse + 0.5) / inverse)


@function("vector", "scalar", "scalar")
def clamp(_: Context, vector: Vector, low: Floats, high: Floats) -> Vector:
    """Values held between a minimum and a maximum."""
    values = np.maximum(low, np.minimum(high, vector.values))
    return vector.with_floats(values, vector.floats & ~(high < low))


@function("vector", "scalar")
def clamp_min(_: Context, vector: Vector, low: Floats) -> Vector:
    """Values held at or above a minimum."""
    return _mapped(vector, lambda values: np.maximum(low, values))


@function("vector", "scalar")
def clamp_max(_: Context, vector: Vector, high: Floats) -> Vector:
    """Values held at or below a maximum."""
    return _mapped(vector, lambda values: np.minimum(high, values))


@function("scalar", name="vector")
def vector_of(_: Context, scalar: Floats) -> Vector:
    """The scalar as a vector of one element without labels."""
    return Vector([Labels()], scalar[None, :], np.ones((1, len(scalar)), dtype=bool))


@function("vector", returns="scalar", name="scalar")
def scalar_of(_: Context, vector: Vector) -> Floats:
    """The value of the only float element; NaN if there is none or more than one."""
    single = vector.floats.sum(axis=0) == 1
    with np.errstate(all="ignore"):
        total = np.where(vector.floats, vector.values, 0.0).sum(axis=0)
    return np.where(single, total, np.nan)


@function("vector")
def absent(context: Context, vector: Vector) -> Vector:
    """1 wherever the vector has no element; labels come from the selector's equality matchers."""
    missing = ~np.logical_or.reduce(vector.present(), axis=0)
    return Vector([_promised(context.node)], np.ones((1, len(missing))), missing[None, :])


def _promised(call: tree.Call) -> Labels:
    argument = call.args[0]
    if isinstance(argument, tree.Fixed):
        argument = argument.expr
    if isinstance(argument, tree.Range):
        argument = argument.selector
    if not isinstance(argument, tree.Selector):
        return Labels()
    known: dict[str, str] = {}
    seen: set[str] = set()
    for matcher in argument.matchers:
        if matcher.label == NAME:
            continue
        if matcher.op == "=" and matcher.label not in seen:
            known[matcher.label] = matcher.value
            seen.add(matcher.label)
        else:
            known.pop(matcher.label, None)
    return Labels(known)


@function("vector")
def timestamp(context: Context, vector: Vector) -> Vector:
    """Time of each element in seconds: of its sample, if it comes straight from a selector."""
    seconds = np.broadcast_to(context.grid.times / 1000, vector.values.shape)
    return vector.with_floats(seconds.copy(), vector.present())


@function("scalar", "scalar", returns="scalar")
def max_of(_: Context, one: Floats, other: Floats) -> Floats:
    """The larger of two scalars."""
    return np.maximum(one, other)


@function("scalar", "scalar", returns="scalar")
def min_of(_: Context, one: Floats, other: Floats) -> Floats:
    """The smaller of two scalars."""
    return np.minimum(one, other)
