"""Pure: what an alert's expression is about, as a number that each call has; and which calls and times it means."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.core.labels import NAME, Matcher
from monitor.promql import tree
from monitor.promql.errors import QueryError
from monitor.promql.parse import parse

# size: positive, compared by ratio; share: 0 or 1; mark: as it is; calls: their number
Kind = Literal["size", "share", "mark", "calls"]
IDENTITY = ("model", "version", "environment", "operation", "provider", "route")
SIZES = {
    "llm_request_duration_seconds": "duration_seconds", "llm_ttft_seconds": "ttft_seconds",
    "llm_tpot_seconds": "tpot_seconds", "llm_inference_seconds": "inference_seconds",
    "llm_queue_seconds": "queue_seconds", "llm_output_tokens_per_second": "output_tokens_per_second",
    "llm_input_tokens": "input_tokens", "llm_output_tokens": "output_tokens",
    "llm_cost_usd_total": "cost_usd",
}  # fmt: skip
SHARES = {
    "llm_errors_total": "error", "llm_rag_requests_total": "grounding",
    "llm_cached_input_tokens_total": "cached",
}  # fmt: skip
MARKS = {"llm_token_logprob": "mean_logprob", "llm_score": "score"}
CALLS = "llm_requests_total"
# of a feature that drift watches
FEATURES = {
    "prompt_length": "llm_input_tokens", "output_length": "llm_output_tokens",
    "latency": "llm_request_duration_seconds", "latency_p95": "llm_request_duration_seconds",
    "latency_p99": "llm_request_duration_seconds", "ttft": "llm_ttft_seconds",
    "tokens_per_second": "llm_output_tokens_per_second", "error_rate": "llm_errors_total",
}  # fmt: skip
WIDTH_MS = 300_000
UP, DOWN = (">", ">="), ("<", "<=")
# how often a recorded series is looked up in turn
DEPTH = 4
Recorded = Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Measure:
    """``column``: where the number comes from; ``chosen``: which values of it count (errors, groundings).

    ``calls``: labels that the calls must have. ``score``: name and source of a mark. ``direction``: 1 where
    the alert minds a rise, -1 a fall, 0 unknown. ``width_ms``: how far back the expression looks.
    """

    kind: Kind
    column: str
    name: str
    direction: int = 0
    width_ms: int = WIDTH_MS
    calls: tuple[Matcher, ...] = ()
    chosen: tuple[Matcher, ...] = ()
    score: tuple[Matcher, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """A selector in an expression. ``way``: what a rise of it means for the comparison above it."""

    matchers: tuple[Matcher, ...]
    way: int
    width_ms: int
    counted: bool


def measure_of(expr: str, labels: Mapping[str, str], recorded: Recorded = lambda _: None) -> Measure | None:
    """What a rule measures of the calls; None where no series of it comes from calls.

    ``labels`` are the alert's: they narrow the calls. ``recorded`` gives the expression behind a recorded name.
    """
    places = list(_places(expr, recorded, DEPTH))
    found = [(one, measure) for one in places if (measure := _measure(one, labels)) is not None]
    if not found:
        return None
    told = [pair for pair in found if pair[1].kind != "calls"]
    return (told or found)[0][1]


def _places(expr: str, recorded: Recorded, depth: int) -> Iterator[_Place]:
    try:
        root = parse(expr)
    except QueryError:
        return
    for place in _walk(root, 0, 0, counted=False):
        name = _name(place.matchers)
        behind = recorded(name) if depth and name and ":" in name else None
        if behind is None:
            yield place
            continue
        for inner in _places(behind, recorded, depth - 1):
            kept = tuple(one for one in place.matchers if one.label != NAME)
            width = max(inner.width_ms, place.width_ms)
            yield _Place((*inner.matchers, *kept), place.way or inner.way, width, inner.counted)


def _walk(node: tree.Node, way: int, width: int, *, counted: bool) -> Iterator[_Place]:
    match node:
        case tree.Selector():
            yield _Place(node.matchers, way, width, counted)
        case tree.Range():
            yield _Place(node.selector.matchers, way, max(width, node.width), counted)
        case tree.Subquery():
            yield from _walk(node.expr, way, max(width, node.width), counted=counted)
        case tree.Call(name="absent" | "absent_over_time"):
            return
        case tree.Call(name="histogram_count"):
            yield from _children(node, way, width, counted=True)
        case tree.Binary():
            yield from _both(node, way, width, counted=counted)
        case tree.Negation():
            yield from _walk(node.expr, -way, width, counted=counted)
        case _:
            yield from _children(node, way, width, counted=counted)


def _children(node: tree.Node, way: int, width: int, *, counted: bool) -> Iterator[_Place]:
    for child in tree.children(node):
        yield from _walk(child, way, width, counted=counted)


def _both(node: tree.Binary, way: int, width: int, *, counted: bool) -> Iterator[_Place]:
    left = right = way
    if node.op in UP or node.op in DOWN:
        left, right = (1, -1) if node.op in UP else (-1, 1)
    elif node.op == "==" and node.right == tree.Number(0.0):
        left = -1
    elif node.op in {"-", "/"}:
        right = -way
    yield from _walk(node.left, left, width, counted=counted)
    if node.op != "unless":
        yield from _walk(node.right, right, width, counted=counted)


def _measure(place: _Place, labels: Mapping[str, str]) -> Measure | None:
    name, matchers = _name(place.matchers), place.matchers
    feature = _value(matchers, "feature") or labels.get("feature", "")
    if name.startswith("llm_drift_"):
        name = FEATURES.get(feature, "")
    width = place.width_ms or WIDTH_MS
    calls = _calls(matchers, labels)
    if name == CALLS or (place.counted and name in SIZES):
        return Measure("calls", "", CALLS, place.way, width, calls)
    if place.counted:
        return None
    if name in SIZES:
        return Measure("size", SIZES[name], name, place.way, width, calls)
    if name in SHARES:
        column = SHARES[name]
        return Measure("share", column, name, place.way, width, calls, _of(matchers, labels, (column,)))
    if name in MARKS:
        score = _of(matchers, labels, ("score", "source"))
        return Measure("mark", MARKS[name], name, place.way, width, calls, score=score)
    return None


def _calls(matchers: tuple[Matcher, ...], labels: Mapping[str, str]) -> tuple[Matcher, ...]:
    return _of(matchers, labels, IDENTITY)


def _of(
    matchers: tuple[Matcher, ...], labels: Mapping[str, str], names: tuple[str, ...]
) -> tuple[Matcher, ...]:
    """The conditions on these labels, those of the alert first: it is one of what the selector took."""
    told = {name: Matcher(name, "=", labels[name]) for name in names if name in labels}
    return (*told.values(), *(one for one in matchers if one.label in names and one.label not in told))


def _name(matchers: tuple[Matcher, ...]) -> str:
    return _value(matchers, NAME)


def _value(matchers: tuple[Matcher, ...], label: str) -> str:
    return next((one.value for one in matchers if one.label == label and one.op == "="), "")
