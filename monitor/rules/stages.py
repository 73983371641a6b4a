"""Pure: which rules of a group may be asked together. A rule waits for the series that an earlier one records."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from monitor.core.labels import NAME, Matcher
from monitor.promql import parse, tree
from monitor.promql.errors import QueryError

ALERT_SERIES = ("ALERTS", "ALERTS_FOR_STATE")


def stages(rules: Iterable[tuple[str, tuple[str, ...]]]) -> tuple[tuple[int, ...], ...]:
    """Positions of rules, (expression, names it writes), in stages: within one, none reads what another writes.

    The order of the rules is kept, so that a group answers as if its rules were asked one after the other.
    """
    return _stages(tuple(rules))


@lru_cache(maxsize=1024)
def _stages(rules: Sequence[tuple[str, tuple[str, ...]]]) -> tuple[tuple[int, ...], ...]:
    found: list[list[int]] = [[]]
    written: list[str] = []
    for place, (expr, writes) in enumerate(rules):
        if written and _reads_any(expr, written):
            found.append([])
            written = []
        found[-1].append(place)
        written += writes
    return tuple(tuple(stage) for stage in found if stage)


def _reads_any(expr: str, names: Sequence[str]) -> bool:
    try:
        root = parse.parse(expr)
    except QueryError:
        return False
    return any(
        all(matcher.matches(name) for matcher in matchers if matcher.label == NAME)
        for matchers in _matchers(root)
        for name in names
    )


def _matchers(node: tree.Node) -> Iterator[tuple[Matcher, ...]]:
    if isinstance(node, tree.Selector):
        yield node.matchers
    for child in tree.children(node):
        yield from _matchers(child)
