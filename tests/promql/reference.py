"""A naive evaluator: plain Python, one step and one sample at a time, to hold the fast one against.

Floats only. It shares no code with the engine but the tree.
"""

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from monitor.core.labels import NAME, Labels
from monitor.core.samples import STALE, Series
from monitor.promql import tree

Vector = dict[Labels, float]
Samples = list[tuple[int, float]]
LOOKBACK = 300_000


class NoAnswerError(Exception):
    """The query has no meaning over this data, and the engine must say so too."""


@dataclass
class Reference:
    series: Sequence[Series]

    def at(self, node: tree.Node, moment: int) -> Vector | float:
        match node:
            case tree.Number(value=value):
                return value
            case tree.Selector():
                return self.instant(node, moment)
            case tree.Negation(expr=expr):
                return unique((bare(labels), -value) for labels, value in self.vector(expr, moment).items())
            case tree.Call(name=name, args=args):
                function = OVER_TIME[name]
                found = (
                    (labels if name == "last_over_time" else bare(labels), function(samples, start, end))
                    for labels, samples, start, end in self.windows(args[-1], moment)
                )
                return unique((labels, value) for labels, value in found if value is not None)
            case tree.Aggregation():
                return aggregated(node, self.vector(node.expr, moment), self._param(node, moment))
            case tree.Binary():
                return binary(node, self.at(node.left, moment), self.at(node.right, moment))
        raise AssertionError(node)

    def vector(self, node: tree.Node, moment: int) -> Vector:
        value = self.at(node, moment)
        assert isinstance(value, dict)
        return value

    def _param(self, node: tree.Aggregation, moment: int) -> float:
        value = 0.0 if node.param is None else self.at(node.param, moment)
        assert isinstance(value, float)
        return value

    def chosen(self, node: tree.Selector) -> list[Series]:
        return [
            one
            for one in self.series
            if all(matcher.matches(one.labels.get(matcher.label, "")) for matcher in node.matchers)
        ]

    def instant(self, node: tree.Selector, moment: int) -> Vector:
        when = moment - node.offset
        found = {}
        for one in self.chosen(node):
            recent = [pair for pair in samples_of(one) if when - LOOKBACK < pair[0] <= when]
            if recent and not stale(recent[-1][1]):
                found[one.labels] = recent[-1][1]
        return found

    def windows(self, node: tree.Node, moment: int) -> list[tuple[Labels, Samples, int, int]]:
        if isinstance(node, tree.Range):
            end = moment - node.selector.offset
            start = end - node.width
            return [
                (
                    one.labels,
                    [p for p in samples_of(one) if start < p[0] <= end and not stale(p[1])],
                    start,
                    end,
                )
                for one in self.chosen(node.selector)
            ]
        assert isinstance(node, tree.Subquery)
        end, step = moment - node.offset, node.step or 60_000
        start = end - node.width
        lines: dict[Labels, Samples] = {}
        for when in range((start // step + 1) * step, end + 1, step):
            for labels, value in self.vector(node.expr, when).items():
                lines.setdefault(labels, []).append((when, value))
        return [(labels, samples, start, end) for labels, samples in lines.items()]


def samples_of(series: Series) -> Samples:
    return list(zip(series.times.tolist(), series.values.tolist(), strict=True))


def stale(value: float) -> bool:
    import struct

    return struct.pack("<d", value) == struct.pack("<d", float(STALE))


def bare(labels: Labels) -> Labels:
    return labels.drop((NAME,))


def unique(pairs: object) -> Vector:
    found: Vector = {}
    for labels, value in pairs:  # type: ignore[attr-defined] # an iterable of pairs
        if labels in found:
            raise NoAnswerError
        found[labels] = value
    return found


def extrapolated(samples: Samples, start: int, end: int, *, counter: bool) -> float | None:
    if len(samples) < 2:
        return None
    gained = samples[-1][1] - samples[0][1]
    if counter:
        for (_, before), (_, after) in pairwise(samples):
            if after < before:
                gained += before
    covered = (samples[-1][0] - samples[0][0]) / 1000
    typical = covered / (len(samples) - 1)
    to_start, to_end = (samples[0][0] - start) / 1000, (end - samples[-1][0]) / 1000
    if to_start >= typical * 1.1:
        to_start = typical / 2
    if counter and gained > 0 and samples[0][1] >= 0:
        to_start = min(to_start, covered * samples[0][1] / gained)
    if to_end >= typical * 1.1:
        to_end = typical / 2
    return gained * (covered + to_start + to_end) / covered


def rate(samples: Samples, start: int, end: int) -> float | None:
    gained = extrapolated(samples, start, end, counter=True)
    return None if gained is None else gained / ((end - start) / 1000)


def irate(samples: Samples, _: int, __: int) -> float | None:
    if len(samples) < 2:
        return None
    (before_at, before), (now_at, now) = samples[-2:]
    return (now if now < before else now - before) / ((now_at - before_at) / 1000)


def variance(values: Sequence[float]) -> float:
    mean = sum(values) / len(values)
    return sum((value - mean) ** 2 for value in values) / len(values)


def plain(function: Callable[[list[float]], float]) -> Callable[[Samples, int, int], float | None]:
    return lambda samples, _, __: function([value for _, value in samples]) if samples else None


def jumps(compare: Callable[[float, float], bool]) -> Callable[[list[float]], float]:
    return lambda values: float(sum(compare(b, a) for a, b in pairwise(values)))


OVER_TIME: dict[str, Callable[[Samples, int, int], float | None]] = {
    "rate": rate,
    "increase": lambda samples, start, end: extrapolated(samples, start, end, counter=True),
    "delta": lambda samples, start, end: extrapolated(samples, start, end, counter=False),
    "irate": irate,
    "sum_over_time": plain(math.fsum),
    "avg_over_time": plain(lambda values: math.fsum(values) / len(values)),
    "min_over_time": plain(min),
    "max_over_time": plain(max),
    "count_over_time": plain(lambda values: float(len(values))),
    "last_over_time": plain(lambda values: values[-1]),
    "stdvar_over_time": plain(variance),
    "changes": plain(jumps(operator.ne)),
    "resets": plain(jumps(operator.lt)),
}
AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
    "count": lambda values: float(len(values)),
    "group": lambda _: 1.0,
    "stdvar": variance,
}
OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    ">": operator.gt,
    "<=": operator.le,
    "==": operator.eq,
}


def aggregated(node: tree.Aggregation, vector: Vector, param: float) -> Vector:
    groups: dict[Labels, list[tuple[Labels, float]]] = {}
    for labels, value in vector.items():
        key = labels.drop([*node.labels, NAME]) if node.without else labels.keep(node.labels)
        groups.setdefault(key, []).append((labels, value))
    if node.op in {"topk", "bottomk"}:
        best: Vector = {}
        for members in groups.values():
            members.sort(key=lambda pair: pair[1], reverse=node.op == "topk")
            best |= dict(members[: max(0, int(param))])
        return best
    function = AGGREGATES[node.op]
    return {key: function([value for _, value in members]) for key, members in groups.items()}


def binary(node: tree.Binary, left: Vector | float, right: Vector | float) -> Vector | float:
    compares = node.op in {">", "<=", "=="}
    operation = OPERATIONS.get(node.op)
    if isinstance(left, float) and isinstance(right, float):
        assert operation is not None
        return float(operation(left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return matched(node, left, right)
    vector = left if isinstance(left, dict) else right
    assert isinstance(vector, dict)
    assert operation is not None
    pairs = []
    for labels, value in vector.items():
        a, b = (value, right) if isinstance(left, dict) else (left, value)
        result = operation(a, b)  # type: ignore[arg-type] # one of them is a float
        if compares and not node.returns_bool:
            if result:
                pairs.append((labels, value))
        else:
            pairs.append((bare(labels), float(result)))
    return unique(pairs)


def matched(node: tree.Binary, left: Vector, right: Vector) -> Vector:
    def key(labels: Labels) -> Labels:
        return labels.keep(node.labels) if node.on else labels.drop([*node.labels, NAME])

    partners: dict[Labels, float] = {}
    for labels, value in right.items():
        if key(labels) in partners and left and node.op not in {"and", "or", "unless"}:
            raise NoAnswerError
        partners[key(labels)] = value
    if node.op in {"and", "or", "unless"}:
        keys = {key(labels) for labels in left}
        return {
            "and": {labels: value for labels, value in left.items() if key(labels) in partners},
            "unless": {labels: value for labels, value in left.items() if key(labels) not in partners},
            "or": left | {labels: value for labels, value in right.items() if key(labels) not in keys},
        }[node.op]
    return one_to_one(node, left, partners, key)


def one_to_one(
    node: tree.Binary, left: Vector, partners: dict[Labels, float], key: Callable[[Labels], Labels]
) -> Vector:
    found: Vector = {}
    used = set()
    for labels, value in left.items():
        if key(labels) not in partners:
            continue
        result = OPERATIONS[node.op](value, partners[key(labels)])
        compares = node.op in {">", "<=", "=="}
        if compares and not node.returns_bool and not result:
            continue
        if key(labels) in used:
            raise NoAnswerError
        used.add(key(labels))
        name = labels if compares and not node.returns_bool else bare(labels)
        name = name.keep(node.labels) if node.on else name.drop(node.labels)
        if name in found:
            raise NoAnswerError
        found[name] = value if compares and not node.returns_bool else float(result)
    return found
