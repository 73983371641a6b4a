"""Questions about native histograms, put to a store that keeps each bucket as a series with a ``vmrange`` label.

Sums, rates and increases of histograms are those of their buckets, so an expression is turned by turning its
selectors; what can't be turned is refused by name. Answers that are histograms are put together again.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

from monitor.core.labels import NAME, Matcher
from monitor.promql import tree
from monitor.promql.errors import BadQueryError

BUCKET, COUNT, SUM = "_bucket", "_count", "_sum"
RANGE = "vmrange"
LINEAR = frozenset(
    {"rate", "increase", "irate", "delta", "idelta", "sum_over_time", "avg_over_time", "last_over_time"}
)
# these look at whether there is a sample, not at what it says
COUNTING_CALLS = frozenset(
    {"absent", "absent_over_time", "present_over_time", "count_over_time", "timestamp"}
)
COUNTING = frozenset({"count", "group"})
NAME_KEEPERS = frozenset({
    "ceil", "clamp", "clamp_max", "clamp_min", "floor", "round", "avg_over_time", "max_over_time", "min_over_time",
    "predict_linear", "quantile_over_time",
})  # fmt: skip
STRAIGHT = {"histogram_stddev": "histogram_stddev", "histogram_stdvar": "histogram_stdvar"}


def range_text(low: float, high: float) -> str:
    return f"{low!r}...{high!r}"


def range_of(text: str) -> tuple[float, float]:
    """The bounds in a label's value."""
    low, _, high = text.partition("...")
    return float(low), float(high)


def is_histogram(node: tree.Node, names: Collection[str]) -> bool:
    """Whether the expression's values are histograms."""
    match node:
        case tree.Selector(matchers=matchers):
            return _named(matchers) in names
        case tree.Range(selector=selector):
            return is_histogram(selector, names)
        case tree.Call(name=name, args=args):
            return name in LINEAR and is_histogram(args[-1], names)
        case tree.Aggregation(op=op, expr=expr):
            return op in {"sum", "avg", "topk", "bottomk"} and is_histogram(expr, names)
        case tree.Negation(expr=expr) | tree.Subquery(expr=expr):
            return is_histogram(expr, names)
        case tree.Binary(left=left, right=right):
            return is_histogram(left, names) or is_histogram(right, names)
        case _:
            return False


def turned(node: tree.Node, names: Collection[str]) -> tree.Node:
    """The expression with every use of a histogram turned to its series; raises BadQueryError."""
    match node:
        case tree.Call(name=name, args=args) if args and is_histogram(args[-1], names):
            return _call(name, args, names)
        case tree.Aggregation(op=op, expr=expr) if op in COUNTING and is_histogram(expr, names):
            return replace(node, expr=component(expr, COUNT))
    if is_histogram(node, names):
        return buckets(node)
    return tree.mapped(node, lambda part: turned(part, names))


def in_metricsql(node: tree.Node) -> tree.Node:
    """The expression so that MetricsQL's engine means by it what PromQL means.

    Its rate divides by the time between samples, so a counter's first steps look steep: by the whole window
    then. Some of its functions keep the metric name.
    """
    inner = tree.mapped(node, in_metricsql)
    if not isinstance(inner, tree.Call):
        return inner
    if inner.name == "rate":
        (over,) = inner.args
        assert isinstance(over, tree.Range | tree.Subquery)
        return tree.Binary("/", replace(inner, name="increase"), tree.Number(over.width / 1000))
    if inner.name in NAME_KEEPERS:
        return tree.Call("label_del", (inner, tree.Text(NAME)))
    return inner


def _call(name: str, args: tuple[tree.Node, ...], names: Collection[str]) -> tree.Node:
    of = args[-1]
    if name in LINEAR:
        return buckets(tree.Call(name, args))
    if name in COUNTING_CALLS:
        return tree.Call(name, (*args[:-1], component(of, COUNT)))
    if name == "histogram_quantile":
        return tree.Call(name, (turned(args[0], names), buckets(of)))
    if name == "histogram_count":
        return component(of, COUNT)
    if name == "histogram_sum":
        return component(of, SUM)
    if name == "histogram_avg":
        return tree.Binary("/", component(of, SUM), component(of, COUNT))
    if name == "histogram_fraction":
        low, high = (tree.Call("histogram_share", (turned(part, names), buckets(of))) for part in args[:2])
        return tree.Binary("-", high, low)
    if name in STRAIGHT:
        return tree.Call(STRAIGHT[name], (buckets(of),))
    raise _refusal(name + "()")


def buckets(node: tree.Node) -> tree.Node:
    """A histogram expression over its buckets, ``vmrange`` kept."""
    match node:
        case tree.Aggregation(op="sum", labels=labels, without=without):
            kept = labels if without or RANGE in labels else (*labels, RANGE)
            return replace(node, expr=buckets(node.expr), labels=kept)
        case tree.Aggregation(op=op):
            raise _refusal(op + "()")
        case _:
            return _turned(node, BUCKET, buckets)


def component(node: tree.Node, ending: str) -> tree.Node:
    """A histogram expression over its counts or its sums."""
    if isinstance(node, tree.Aggregation):
        return replace(node, expr=component(node.expr, ending))
    return _turned(node, ending, lambda part: component(part, ending))


def _turned(node: tree.Node, ending: str, again: Callable[[tree.Node], tree.Node]) -> tree.Node:
    match node:
        case tree.Selector(matchers=matchers):
            named = Matcher(NAME, "=", _named(matchers) + ending)
            return replace(node, matchers=(named, *(one for one in matchers if one.label != NAME)))
        case tree.Range(selector=selector):
            inner = again(selector)
            assert isinstance(inner, tree.Selector)
            return replace(node, selector=inner)
        case tree.Call(name=name, args=args) if name in LINEAR:
            return replace(node, args=(*args[:-1], again(args[-1])))
        case tree.Binary(op="*" | "/", left=left, right=tree.Number()):
            return replace(node, left=again(left))
        case tree.Binary(op="*", left=tree.Number(), right=right):
            return replace(node, right=again(right))
        case tree.Binary(op=op):
            raise _refusal(op + " between histograms")
        case tree.Call(name=name):
            raise _refusal(name + "()")
        case _:
            raise _refusal("a " + type(node).__name__.lower())


def _named(matchers: tuple[Matcher, ...]) -> str:
    """The metric name that the matchers fix, or the empty text."""
    return next((one.value for one in matchers if one.label == NAME and one.op == "="), "")


def _refusal(what: str) -> BadQueryError:
    return BadQueryError(
        f"{what} of a native histogram is not possible in the series store that METRICS_URL names: it keeps"
        " buckets as single series; ask for histogram_quantile, _count, _sum, _avg or _fraction of a sum of rates"
    )
