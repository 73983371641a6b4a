"""``</`` and ``>/`` behind the parser wheel's back: it reads them as comparisons, which bind as tightly, and they
are put back by their order in the text.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from monitor.promql import tree
from monitor.promql.scan import Token

AS_COMPARISON = {"</": "<", ">/": ">"}
_READ_AS = frozenset(AS_COMPARISON.values())


def restored(root: tree.Node, tokens: Sequence[Token]) -> tree.Node:
    """The tree with the operators that stand in the text."""
    written = [token.text for token in tokens if token.kind == "operator" and _plain(token.text) in _READ_AS]
    if not any(text in AS_COMPARISON for text in written):
        return root
    return _walked(root, iter(written))


def _plain(text: str) -> str:
    return AS_COMPARISON.get(text, text)


def _walked(node: tree.Node, written: Iterator[str]) -> tree.Node:
    """In the order of the text: an operator stands between its sides."""
    if isinstance(node, tree.Binary):
        left = _walked(node.left, written)
        op = next(written) if node.op in _READ_AS else node.op
        return replace(node, left=left, op=op, right=_walked(node.right, written))
    if isinstance(node, tree.Aggregation) and node.param is not None:
        param = _walked(node.param, written)
        return replace(node, param=param, expr=_walked(node.expr, written))
    return tree.mapped(node, lambda child: _walked(child, written))
