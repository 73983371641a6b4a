"""The table of functions and the decorator that fills it. Names the parser lacks are taught to it here."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import promql_parser as wheel

from monitor.promql import tree
from monitor.promql.values import Grid, Notes

Run = TypeVar("Run", bound=Callable[..., Any])

FUNCTIONS: dict[str, "Function"] = {}
_WHEEL_KINDS = {
    "scalar": wheel.ValueType.Scalar,
    "string": wheel.ValueType.String,
    "vector": wheel.ValueType.Vector,
    "matrix": wheel.ValueType.Matrix,
}


@dataclass(frozen=True, slots=True)
class Context:
    """What a function may know besides its arguments."""

    node: tree.Call
    grid: Grid
    query: Grid
    notes: Notes
    max_samples: int


@dataclass(frozen=True, slots=True)
class Function:
    """``kinds`` are the argument kinds. The last ``optional`` may be missing; with -1, or more than there are
    kinds, the last one may be repeated.
    """

    name: str
    kinds: tuple[tree.Kind, ...]
    optional: int
    returns: tree.Kind
    keeps_name: bool
    own: bool
    run: Callable[..., Any]

    @property
    def help(self) -> str:
        return (self.run.__doc__ or "").strip()

    @property
    def signature(self) -> str:
        kinds: list[str] = list(self.kinds)
        if self.optional < 0 or self.optional > len(kinds):
            kinds.append(f"{kinds[-1]}...")
        elif self.optional:
            kinds[-self.optional :] = [f"[{kind}]" for kind in kinds[-self.optional :]]
        return f"{self.name}({', '.join(kinds)})"


def function(
    *kinds: tree.Kind,
    name: str = "",
    optional: int = 0,
    returns: tree.Kind = "vector",
    keeps_name: bool = False,
    own: bool = False,
) -> Callable[[Run], Run]:
    """Files a function under its name (a trailing underscore is dropped). ``own`` marks one that is not
    Prometheus', which the parser must be taught.
    """

    def file(run: Run) -> Run:
        known = name or run.__name__.rstrip("_")
        FUNCTIONS[known] = Function(known, kinds, optional, returns, keeps_name, own, run)
        if own:
            types = [_WHEEL_KINDS[kind] for kind in kinds]
            wheel.register_extra_functions(
                [wheel.Function(known, types, _WHEEL_KINDS[returns], optional, experimental=True)]
            )
        return run

    return file
