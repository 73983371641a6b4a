"""Tree to text: what other engines are asked. Everything is written out anew, nothing of the caller's text is left."""

import re

from monitor.core.labels import NAME, Matcher
from monitor.promql import tree
from monitor.promql.errors import BadQueryError
from monitor.promql.numbers import number_text

_PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text_of(node: tree.Node) -> str:
    """The expression as PromQL of any version; raises BadQueryError for what others can't read."""
    match node:
        case tree.Number(value=value):
            return number_text(value)
        case tree.Text(value=value):
            return quoted(value)
        case tree.Selector():
            return braces(node.matchers) + _edges(node) + _moved(node.offset, node.at)
        case tree.Range(selector=selector, width=width):
            inside = f"{braces(selector.matchers)}[{width}ms]"
            return inside + _edges(selector) + _moved(selector.offset, selector.at)
        case tree.Subquery():
            step = f"{node.step}ms" if node.step else ""
            return f"({text_of(node.expr)})[{node.width}ms:{step}]" + _moved(node.offset, node.at)
        case tree.Call():
            return _call(node)
        case tree.Aggregation():
            return _aggregation(node)
        case tree.Binary():
            return _binary(node)
        case tree.Negation(expr=expr):
            return f"-({text_of(expr)})"
        case _:
            message = f"a {type(node).__name__} has no text"
            raise BadQueryError(message)


def braces(matchers: tuple[Matcher, ...]) -> str:
    """A selector's matchers; a lone name needs no braces."""
    if (
        len(matchers) == 1
        and matchers[0].label == NAME
        and matchers[0].op == "="
        and _plain(matchers[0].value)
    ):
        return matchers[0].value
    return _listed(matchers)


def _listed(matchers: tuple[Matcher, ...]) -> str:
    return "{" + ", ".join(f"{_name(one.label)}{one.op}{quoted(one.value)}" for one in matchers) + "}"


def quoted(value: str) -> str:
    """A string literal."""
    return '"' + "".join(_ESCAPES.get(letter, letter) for letter in value) + '"'


def _call(node: tree.Call) -> str:
    match node:
        case tree.Call(name="info", args=(vector, tree.Selector(matchers=matchers) as known)):
            # matchers alone, never a name
            return f"info({text_of(vector)}, {_listed(matchers)}{_moved(known.offset, known.at)})"
        case _:
            return f"{node.name}({', '.join(map(text_of, node.args))})"


def _aggregation(node: tree.Aggregation) -> str:
    head = "without" if node.without else "by" if node.labels else ""
    grouping = f" {head} ({_names(node.labels)}) " if head else ""
    param = "" if node.param is None else text_of(node.param) + ", "
    return f"{node.op}{grouping}({param}{text_of(node.expr)})"


def _binary(node: tree.Binary) -> str:
    if node.fill_left is not None or node.fill_right is not None:
        message = "fill() is not understood by the series store that METRICS_URL names; use: or"
        raise BadQueryError(message)
    parts = [f"({text_of(node.left)})", node.op]
    if node.returns_bool:
        parts.append("bool")
    if node.on or node.labels:
        parts.append(f"{'on' if node.on else 'ignoring'} ({_names(node.labels)})")
    if node.cardinality in {"many-to-one", "one-to-many"}:
        side = "group_left" if node.cardinality == "many-to-one" else "group_right"
        parts.append(f"{side} ({_names(node.include)})")
    return " ".join([*parts, f"({text_of(node.right)})"])


def _moved(offset: int, at: tree.Anchor) -> str:
    pinned = "" if at is None else f" @ {at}()" if isinstance(at, str) else f" @ {at / 1000:.3f}"
    return pinned + (f" offset {offset}ms" if offset else "")


def _edges(node: tree.Selector) -> str:
    return f" {node.edges}" if node.edges else ""


def _names(labels: tuple[str, ...]) -> str:
    return ", ".join(map(_name, labels))


def _name(label: str) -> str:
    return label if _plain(label) else quoted(label)


def _plain(name: str) -> bool:
    return _PLAIN.fullmatch(name) is not None
