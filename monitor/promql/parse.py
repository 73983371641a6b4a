"""Text to tree. The parser wheel does the grammar; its tree is copied into ours at once."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import promql_parser as wheel

from monitor.core.labels import NAME, BadMatcherError, Matcher, Op
from monitor.promql import bare, edges, tree, trims
from monitor.promql.blame import SCALAR_FUNCTIONS, blame
from monitor.promql.edges import marked
from monitor.promql.errors import BadQueryError
from monitor.promql.remembered import Remembered
from monitor.promql.scan import NEGATIVE_AT, Token, failure, rewritten, scan, signed
from monitor.promql.spans import Question

_CARDINALITIES: dict[str, tree.Cardinality] = {
    "VectorMatchCardinality.OneToOne": "one-to-one",
    "VectorMatchCardinality.ManyToOne": "many-to-one",
    "VectorMatchCardinality.OneToMany": "one-to-many",
    "VectorMatchCardinality.ManyToMany": "many-to-many",
}
_MATCHES: dict[str, Op] = {
    "MatchOp.Equal": "=",
    "MatchOp.NotEqual": "!=",
    "MatchOp.Re": "=~",
    "MatchOp.NotRe": "!~",
}
_MARKS: dict[str, tree.Edges] = {
    edges.MARK.format("anchored"): "anchored",
    edges.MARK.format("smoothed"): "smoothed",
}
EXTENDED = {
    "anchored": ("changes", "delta", "increase", "rate", "resets"),
    "smoothed": ("delta", "increase", "rate"),
}
FILLS = frozenset({"fill", "fill_left", "fill_right"})
SETS = frozenset({"and", "or", "unless"})
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MS = dt.timedelta(milliseconds=1)


# what step() and range() are taken for where nobody asks yet
_ANY = Question(1.0, 1.0)
_DEPENDS = re.compile(r"\b(?:step|range)\s*\(", re.IGNORECASE)


def parse(text: str, question: Question = _ANY) -> tree.Node:
    """The expression's tree; raises BadQueryError with a position."""
    key = text, question if question is not _ANY and _DEPENDS.search(text) else _ANY
    known = _trees.get(key)
    if known is not None:
        return known
    try:
        found = _parsed(*key)
        _trees.put(key, found, tree.weight(found))
    except RecursionError as error:
        raise too_deep() from error
    return found


# thousands of alert rules are asked again and again, in turn; a node takes about a kilobyte
_trees: Remembered[tuple[str, Question], tree.Node] = Remembered(200_000)


def too_deep() -> BadQueryError:
    """Neither reading nor working out an expression goes down without an end."""
    return BadQueryError(
        "nested too deeply; record parts of it by rules, or join halves of a long chain in parentheses"
    )


def _parsed(text: str, question: Question) -> tree.Node:
    tokens = scan(text)
    try:
        spelled = bare.anchored(text, marked(text, tokens))
        root = _copy(wheel.parse(rewritten(text, spelled, question)))
        if strict := signed(spelled):
            wheel.parse(rewritten(text, strict, question))
    except BadMatcherError as error:
        raise failure(text, tokens[0].position, str(error)) from error
    except (ValueError, OverflowError) as error:
        raise blame(text, tokens, str(error)) from error
    except BaseException as error:
        # the wheel's panics are BaseExceptions of a class it does not export
        if type(error).__name__ != "PanicException":
            raise
        raise failure(text, tokens[0].position, "a number or duration is out of range") from error
    misuse = _misuse(root) or _misfilled(root)
    if misuse is not None:
        raise failure(text, _position_of(tokens, edges.WORDS | FILLS), misuse)
    return trims.restored(root, tokens)


def _position_of(tokens: Sequence[Token], words: frozenset[str]) -> int:
    return next((token.position for token in tokens if token.text.lower() in words), 0)


def _misuse(node: tree.Node, caller: str = "") -> str | None:
    """What is wrong with an ``anchored`` or ``smoothed`` below the node, or None."""
    match node:
        case tree.Range(selector=tree.Selector(edges=word)) if word and caller:
            allowed = EXTENDED[word]
            if caller not in allowed:
                return f"{word} modifier can only be used with: {', '.join(allowed)} - not with {caller}"
            return None
        case tree.Range():
            return None
        case tree.Selector(edges="anchored"):
            return "anchored modifier can only be used with range vector selectors"
        case tree.Subquery(expr=tree.Selector(edges=word)) if word:
            return f"{word} modifier is not supported in a subquery"
        case _:
            name = node.name if isinstance(node, tree.Call) else ""
            found = (_misuse(child, name) for child in tree.children(node))
            return next((one for one in found if one is not None), None)


def _misfilled(node: tree.Node) -> str | None:
    """A fill() at a set operator, which fills nothing in."""
    if (
        isinstance(node, tree.Binary)
        and node.op in SETS
        and (node.fill_left, node.fill_right) != (None, None)
    ):
        return f"filling in missing series is not allowed for set operators such as {node.op}"
    return next((found for child in tree.children(node) if (found := _misfilled(child))), None)


def selector(text: str) -> tuple[Matcher, ...]:
    """The matchers of a bare series selector; raises BadQueryError."""
    node = parse(text)
    if not isinstance(node, tree.Selector) or node.at is not None or node.offset or node.edges:
        raise failure(text, 0, 'expected a series selector such as up{job="api"}')
    return node.matchers


def pretty(text: str) -> str:
    """The expression in its canonical layout."""
    root = parse(text)
    tokens = scan(text)
    if _has_edges(root) or any(token.text in trims.AS_COMPARISON for token in tokens):
        # the wheel's printer does not know them
        return text.strip()
    try:
        return str(wheel.parse(rewritten(text, tokens, _ANY)).prettify())
    except ValueError:
        # matchers of info() that the wheel takes only with a mark
        return text.strip()


def _has_edges(node: tree.Node) -> bool:
    if isinstance(node, tree.Selector):
        return node.edges != ""
    return any(_has_edges(child) for child in tree.children(node))


def result_kind(node: tree.Node) -> tree.Kind:
    match node:
        case tree.Number():
            return "scalar"
        case tree.Text():
            return "string"
        case tree.Range() | tree.Subquery():
            return "matrix"
        case tree.Binary(left=left, right=right):
            scalar = result_kind(left) == "scalar" and result_kind(right) == "scalar"
            return "scalar" if scalar else "vector"
        case tree.Negation(expr=expr) | tree.Fixed(expr=expr):
            return result_kind(expr)
        case tree.Call(name=name):
            return "scalar" if name in SCALAR_FUNCTIONS else "vector"
        case _:
            return "vector"


def _copy(node: Any) -> tree.Node:  # noqa: C901 - one line per kind of node
    match node:
        case wheel.NumberLiteral():
            return tree.Number(float(node.val))
        case wheel.StringLiteral():
            return tree.Text(node.val)
        case wheel.ParenExpr():
            return _copy(node.expr)
        case wheel.VectorSelector():
            return _selector(node)
        case wheel.MatrixSelector():
            return tree.Range(_selector(node.vector_selector), _milliseconds(node.range))
        case wheel.SubqueryExpr():
            step = _milliseconds(node.step) if node.step is not None else 0
            width, offset = _milliseconds(node.range), _milliseconds(node.offset)
            return tree.Subquery(_copy(node.expr), width, step, offset, _anchor(node.at))
        case wheel.UnaryExpr():
            return _negation(_copy(node.expr))
        case wheel.Call():
            return _call(node)
        case wheel.AggregateExpr():
            return _aggregation(node)
        case wheel.BinaryExpr():
            return _binary(node)
        case _:
            message = f"a {type(node).__name__} is not understood here"
            raise BadQueryError(message)


def _call(node: Any) -> tree.Call:
    args = tuple(_copy(arg) for arg in node.args)
    if node.func.name == "info":
        # its second argument names info metrics, by default target_info
        last = args[1] if len(args) > 1 else tree.Selector(())
        if isinstance(last, tree.Selector):
            args = (args[0], replace(last, matchers=_info_matchers(last.matchers)))
    return tree.Call(node.func.name, args)


def _info_matchers(given: tuple[Matcher, ...]) -> tuple[Matcher, ...]:
    """The matchers of info()'s second argument with the metric names it stands for."""
    names = [matcher for matcher in given if matcher.label == NAME]
    if not names:
        return (Matcher(NAME, "=", "target_info"), *given)
    if any(matcher.op in {"=", "=~"} for matcher in names):
        return given
    return (Matcher(NAME, "=~", ".+_info"), *given)


def _negation(expr: tree.Node) -> tree.Node:
    return tree.Number(-expr.value) if isinstance(expr, tree.Number) else tree.Negation(expr)


def _selector(node: Any) -> tree.Selector:
    matchers = [Matcher(m.name, _MATCHES[str(m.op)], m.value) for m in node.matchers.matchers]
    if node.name is not None:
        matchers.insert(0, Matcher(NAME, "=", node.name))
    word: tree.Edges = ""
    for matcher in matchers:
        word = _MARKS.get(matcher.label, word)
    kept = tuple(
        matcher for matcher in matchers if matcher.label not in _MARKS and matcher.label != bare.MARK
    )
    return tree.Selector(kept, _milliseconds(node.offset), _anchor(node.at), word)


def _milliseconds(delta: dt.timedelta | None) -> int:
    return 0 if delta is None else round(delta / _MS)


def _anchor(at: Any) -> tree.Anchor:
    if at is None:
        return None
    kind = str(at.type)
    if kind.endswith("Start"):
        return "start"
    if kind.endswith("End"):
        return "end"
    moment: int = round((at.at - _EPOCH) / _MS)
    limit = NEGATIVE_AT * 1000
    return limit - moment if moment >= limit else moment


def _aggregation(node: Any) -> tree.Aggregation:
    labels: tuple[str, ...] = ()
    without = False
    if node.modifier is not None:
        labels = tuple(node.modifier.labels)
        without = str(node.modifier.type).endswith("Without")
    param = None if node.param is None else _copy(node.param)
    return tree.Aggregation(str(node.op), _copy(node.expr), param, labels, without)


def _binary(node: Any) -> tree.Binary:
    left, right, op = _copy(node.lhs), _copy(node.rhs), str(node.op)
    modifier = node.modifier
    if modifier is None:
        default: tree.Cardinality = "many-to-many" if op in SETS else "one-to-one"
        return tree.Binary(op, left, right, cardinality=default)
    matching, fill = modifier.matching, modifier.fill_values
    return tree.Binary(
        op,
        left,
        right,
        returns_bool=modifier.return_bool,
        cardinality=_CARDINALITIES[str(modifier.card)],
        on=matching is not None and str(matching.type).endswith("Include"),
        labels=() if matching is None else tuple(matching.labels),
        include=tuple(modifier.group_labels or ()),
        fill_left=fill and fill.lhs,
        fill_right=fill and fill.rhs,
    )
