"""The expression tree: frozen, hashable, free of the parser's own types. Times are milliseconds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from monitor.core.labels import Matcher

if TYPE_CHECKING:
    from monitor.promql.values import Vector

Kind = Literal["scalar", "string", "vector", "matrix"]
Cardinality = Literal["one-to-one", "many-to-one", "one-to-many", "many-to-many"]
Anchor = int | Literal["start", "end"] | None
Edges = Literal["", "anchored", "smoothed"]


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Text:
    value: str


@dataclass(frozen=True, slots=True)
class Selector:
    """An instant vector selector; ``at`` pins the time (milliseconds, or the query's start or end).

    ``edges`` says what stands at the ends of a range: nothing (samples within), the sample before it (anchored),
    or what lies between the samples on both sides (smoothed).
    """

    matchers: tuple[Matcher, ...]
    offset: int = 0
    at: Anchor = None
    edges: Edges = ""


@dataclass(frozen=True, slots=True)
class Range:
    selector: Selector
    width: int


@dataclass(frozen=True, slots=True)
class Subquery:
    """``step`` 0 stands for the default resolution."""

    expr: "Node"
    width: int
    step: int = 0
    offset: int = 0
    at: Anchor = None


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    args: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Aggregation:
    op: str
    expr: "Node"
    param: "Node | None"
    labels: tuple[str, ...]
    without: bool


@dataclass(frozen=True, slots=True)
class Binary:
    """``on`` says that ``labels`` are the ones to match, else the ones to ignore.

    ``include`` are the labels that group_left or group_right take from the "one" side; ``fill_left`` and
    ``fill_right`` stand in for a missing partner.
    """

    op: str
    left: "Node"
    right: "Node"
    returns_bool: bool = False
    cardinality: Cardinality = "one-to-one"
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Negation:
    expr: "Node"


@dataclass(frozen=True, slots=True)
class Fixed:
    """A part whose value is the same at every step: evaluated once and repeated."""

    expr: "Node"


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A part that was worked out before, on the grid on which it stands."""

    value: "Vector"


Node = Number | Text | Selector | Range | Subquery | Call | Aggregation | Binary | Negation | Fixed | Given


def children(node: Node) -> tuple[Node, ...]:
    match node:
        case Call(args=args):
            return args
        case Aggregation(expr=expr, param=param):
            return (expr,) if param is None else (param, expr)
        case Binary(left=left, right=right):
            return (left, right)
        case Subquery(expr=expr) | Negation(expr=expr) | Fixed(expr=expr):
            return (expr,)
        case Range(selector=selector):
            return (selector,)
        case _:
            return ()


def weight(node: Node) -> int:
    """What it costs to keep, in nodes; an expression to match labels by costs as much as three of them."""
    own = (
        sum(3 if one.op in {"=~", "!~"} else 1 for one in node.matchers) if isinstance(node, Selector) else 0
    )
    return 1 + own + sum(weight(child) for child in children(node))


def word(node: Node) -> str:
    """The function or operator that the node is; empty for what is neither."""
    match node:
        case Call(name=name) | Aggregation(op=name) | Binary(op=name):
            return name
        case _:
            return ""


def mapped(node: Node, change: Callable[[Any], Any]) -> Node:
    """The node with its children changed; the very same node where none is."""
    before = children(node)
    after = tuple(change(child) for child in before)
    if all(new is old for new, old in zip(after, before, strict=True)):
        return node
    match node:
        case Call():
            return replace(node, args=after)
        case Aggregation(param=param):
            return replace(node, expr=after[-1], param=None if param is None else after[0])
        case Binary():
            return replace(node, left=after[0], right=after[1])
        case Range():
            return replace(node, selector=after[0])
        case _:
            return replace(node, expr=after[0])
