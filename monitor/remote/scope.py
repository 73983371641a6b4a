"""One cluster, many projects: every series carries a label with its project's number, every selector asks for it.

The label is put on when samples leave, demanded of every selector, and hidden in answers. It never takes part
in matching two sides, so an expression means what it means over series without it.
"""

from collections.abc import Sequence
from dataclasses import replace

from monitor.core.labels import Labels, Matcher
from monitor.promql import tree
from monitor.promql.parse import result_kind


def scoped(node: tree.Node, label: str, project_id: int) -> tree.Node:
    """The expression over the series of one project alone."""

    def change(part: tree.Node) -> tree.Node:
        if isinstance(part, tree.Selector):
            return replace(part, matchers=narrowed(part.matchers, label, project_id))
        inner = tree.mapped(part, change)
        if isinstance(inner, tree.Binary) and not inner.on and _both_vectors(inner):
            return replace(inner, labels=(*inner.labels, label))
        return inner

    return change(node)


def narrowed(matchers: Sequence[Matcher], label: str, project_id: int) -> tuple[Matcher, ...]:
    """These conditions, and the one on the project."""
    return (*matchers, Matcher(label, "=", str(project_id)))


def shown(labels: Labels, label: str) -> Labels:
    """A label set as its project knows it."""
    return labels.drop((label,)) if label in labels else labels


def _both_vectors(node: tree.Binary) -> bool:
    return result_kind(node.left) == result_kind(node.right) == "vector"
