"""Trigonometry, in radians unless the name says otherwise."""

from collections.abc import Callable

import numpy as np

from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Floats, Vector

_PLAIN: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "sin": (np.sin, "Sine."),
    "cos": (np.cos, "Cosine."),
    "tan": (np.tan, "Tangent."),
    "asin": (np.arcsin, "Inverse sine."),
    "acos": (np.arccos, "Inverse cosine."),
    "atan": (np.arctan, "Inverse tangent."),
    "sinh": (np.sinh, "Hyperbolic sine."),
    "cosh": (np.cosh, "Hyperbolic cosine."),
    "tanh": (np.tanh, "Hyperbolic tangent."),
    "asinh": (np.arcsinh, "Inverse hyperbolic sine."),
    "acosh": (np.arccosh, "Inverse hyperbolic cosine."),
    "atanh": (np.arctanh, "Inverse hyperbolic tangent."),
    "deg": (np.degrees, "Radians as degrees."),
    "rad": (np.radians, "Degrees as radians."),
}


def _filed(name: str, change: Callable[[Floats], Floats], text: str) -> None:
    def run(_: Context, vector: Vector) -> Vector:
        with np.errstate(all="ignore"):
            return vector.with_floats(change(vector.values))

    run.__doc__ = text
    function("vector", name=name)(run)


for _name, (_change, _text) in _PLAIN.items():
    _filed(_name, _change, _text)


@function(returns="scalar")
def pi(context: Context) -> Floats:
    """The number pi."""
    return np.full(context.grid.steps, np.pi)
