"""Pure: the limit that an alert's expression ends in, ``LEFT > 0.5 and GUARD``: to move it, draw it, and judge it."""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.promql import parse, tree
from monitor.promql.errors import QueryError
from monitor.promql.scan import Token, scan

COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
FLIPPED = {">": "<", ">=": "<=", "<": ">", "<=": ">=", "==": "==", "!=": "!="}
_SETS = frozenset({"and", "or", "unless"})


@dataclass(frozen=True, slots=True)
class Threshold:
    """``left op limit``, and what else must hold (``rest`` begins with ``and`` or ``unless``, or is empty)."""

    left: str
    op: str
    limit: float
    rest: str = ""

    @property
    def bare(self) -> str:
        """The expression without its limit: what is compared, where the rest holds."""
        return f"({self.left}) {self.rest}" if self.rest else self.left

    def moved(self, limit: float) -> str:
        """The expression with another limit."""
        return f"{self.left} {self.op} {limit:.12g}" + (f"\n{self.rest}" if self.rest else "")

    def holds(self, values: Any) -> Any:
        return COMPARE[self.op](values, self.limit)


def find(expr: str) -> Threshold | None:
    """The one limit of the expression; None when there is none, or it is not that simple."""
    try:
        parse.parse(expr)
        tokens = scan(expr)
    except QueryError:
        return None
    top = [token for token, depth in _depths(tokens) if depth == 0]
    sets = [token for token in top if token.text.lower() in _SETS]
    if any(token.text.lower() == "or" for token in sets):
        return None
    end = sets[0].position if sets else len(expr)
    compares = [token for token in top if token.text in COMPARE and token.position < end]
    if len(compares) != 1:
        return None
    (compare,) = compares
    left = expr[: compare.position].strip()
    right = expr[compare.position + len(compare.text) : end].strip()
    rest = expr[end:].strip()
    number = _number(right)
    if number is not None:
        return Threshold(left, compare.text, number, rest)
    number = _number(left)
    return None if number is None else Threshold(right, FLIPPED[compare.text], number, rest)


def _depths(tokens: Sequence[Token]) -> list[tuple[Token, int]]:
    found, depth = [], 0
    for token in tokens:
        depth -= token.text in {")", "]", "}"}
        found.append((token, depth))
        depth += token.text in {"(", "[", "{"}
    return found


def _number(text: str) -> float | None:
    """A plain number, signed or in brackets."""
    try:
        node = parse.parse(text)
    except QueryError:
        return None
    sign = 1.0
    if isinstance(node, tree.Negation):
        node, sign = node.expr, -1.0
    return sign * node.value if isinstance(node, tree.Number) else None
