"""Which series a query needs, over which span, and at which steps each part is evaluated."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from monitor.core.samples import LOOKBACK_MS, Selection
from monitor.promql import tree
from monitor.promql.errors import TooMuchError
from monitor.promql.remembered import Remembered
from monitor.promql.values import Grid

DEFAULT_RESOLUTION_MS = 60_000
# functions whose result depends on the evaluation time even when their argument does not
_TIMED = frozenset(
    {"days_in_month", "day_of_month", "day_of_week", "day_of_year", "hour", "minute", "month", "year"}
    | {"info", "predict_linear", "time", "timestamp", "start", "end", "range", "step"}
)


@dataclass(frozen=True, slots=True)
class Read:
    """One selector on one grid: the key under which its series are found."""

    selector: tree.Selector
    width: int
    grid: Grid


@dataclass(frozen=True, slots=True)
class Plan:
    root: tree.Node
    grid: Grid
    selections: dict[Read, Selection]
    lookback: int = LOOKBACK_MS


def plan(
    root: tree.Node, grid: Grid, *, max_samples: int, lookback: int = LOOKBACK_MS, whole: Grid | None = None
) -> Plan:
    """The plan for ``root`` on ``grid``; refuses with TooMuchError what could only end over the limit.

    ``whole`` is the grid of the question of which this one is a part.
    """
    more = 0 if whole is None else (whole.steps - grid.steps) * grid.step
    fixed = _settled(root, grid)
    selections: dict[Read, Selection] = {}
    for read in _reads(fixed, grid, max_samples):
        selections[read] = _selection(read, lookback, more)
    return Plan(fixed, grid, selections, lookback)


def reference_times(node: tree.Selector | tree.Subquery, grid: Grid) -> tuple[int, int]:
    """First and last moment that ``node`` looks at, offset and @ applied."""
    if isinstance(node.at, int):
        return node.at - node.offset, node.at - node.offset
    return grid.start - node.offset, grid.start + (grid.steps - 1) * grid.step - node.offset


def inner_grid(node: tree.Subquery, grid: Grid) -> Grid:
    """The steps of a subquery: multiples of its resolution, left-open like every range."""
    step = node.step or DEFAULT_RESOLUTION_MS
    first, last = reference_times(node, grid)
    return Grid(((first - node.width) // step + 1) * step, last, step)


def _settled(root: tree.Node, grid: Grid) -> tree.Node:
    """The tree as it is evaluated. The same text is asked again and again, and mostly stands for itself."""
    known = _known.get(id(root))
    if known is not None and known[0] is root:
        return known[1]
    anchored = _anchored(root, grid)
    fixed = _fixed(anchored)
    if anchored is root and not _has_given(root):
        # with the root kept beside it, its id stays its own
        _known.put(id(root), (root, fixed), tree.weight(root))
    return fixed


_known: Remembered[int, tuple[tree.Node, tree.Node]] = Remembered(200_000)


def _has_given(node: tree.Node) -> bool:
    return isinstance(node, tree.Given) or any(_has_given(child) for child in tree.children(node))


def _anchored(node: tree.Node, grid: Grid) -> tree.Node:
    """``@ start()`` and ``@ end()`` of the whole query as times."""
    match node:
        case tree.Selector(at="start") | tree.Subquery(at="start"):
            node = replace(node, at=grid.start)
        case tree.Selector(at="end") | tree.Subquery(at="end"):
            node = replace(node, at=grid.end)
    return tree.mapped(node, lambda child: _anchored(child, grid))


def _fixed(node: tree.Node) -> tree.Node:
    """Wraps the largest parts that are the same at every step."""
    if _is_fixed(node) and not isinstance(node, tree.Number | tree.Text | tree.Range | tree.Subquery):
        return tree.Fixed(tree.mapped(node, _within_fixed))
    if isinstance(node, tree.Call) and node.name == "info":
        # its second argument is no vector but a way to name series
        return replace(node, args=(_fixed(node.args[0]), *node.args[1:]))
    return tree.mapped(node, lambda child: child if isinstance(node, tree.Range) else _fixed(child))


def _within_fixed(node: tree.Node) -> tree.Node:
    """Inside a fixed part only subqueries can hold more to fix."""
    if isinstance(node, tree.Subquery):
        return replace(node, expr=_fixed(node.expr))
    return tree.mapped(node, _within_fixed)


def _is_fixed(node: tree.Node) -> bool:
    match node:
        case tree.Number() | tree.Text():
            return True
        case tree.Given():
            return False
        case tree.Selector(at=at) | tree.Subquery(at=at):
            return at is not None
        case tree.Call(name=name) if name in _TIMED:
            return False
        case _:
            return all(_is_fixed(child) for child in tree.children(node))


def _reads(node: tree.Node, grid: Grid, max_samples: int) -> Iterator[Read]:
    match node:
        case tree.Selector():
            yield Read(node, 0, grid)
        case tree.Range(selector=selector, width=width):
            yield Read(selector, width, grid)
        case tree.Fixed(expr=expr):
            yield from _reads(expr, Grid(grid.start, grid.start, grid.step), max_samples)
        case tree.Subquery(expr=expr):
            inner = inner_grid(node, grid)
            if inner.steps > max_samples:
                message = (
                    f"a subquery would be evaluated at {inner.steps} steps, more than the limit of"
                    f" {max_samples} samples; take a longer step or a shorter range"
                )
                raise TooMuchError(message)
            yield from _reads(expr, inner, max_samples)
        case _:
            for child in tree.children(node):
                yield from _reads(child, grid, max_samples)


def _selection(read: Read, lookback: int, more: int) -> Selection:
    first, last = reference_times(read.selector, read.grid)
    reach = read.width or lookback
    step = read.grid.step if read.grid.steps > 1 else 0
    begin = first - reach + 1
    edges = read.selector.edges
    if edges and read.width:
        begin -= lookback
    if edges == "smoothed":
        last += lookback
    return Selection(read.selector.matchers, begin, last, read.width, step, last - begin + more)
