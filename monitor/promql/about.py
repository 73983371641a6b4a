"""What holds of an expression however often it is asked: found once for each tree that the parser keeps."""

from dataclasses import dataclass

from monitor.promql import tree

KEPT = 8_192


@dataclass(frozen=True, slots=True)
class About:
    """Whether its value depends on any series, and whether there are subqueries in it."""

    reads: bool
    nested: bool


def about(root: tree.Node) -> About:
    known = _known.get(id(root))
    if known is not None:
        return known[1]
    found = About(_holds(root, tree.Selector), _holds(root, tree.Subquery))
    # what was worked out already is not the parser's, and may be large
    if not _holds(root, tree.Given):
        if len(_known) >= KEPT:
            _known.clear()
        # with the root kept beside it, its id stays its own
        _known[id(root)] = (root, found)
    return found


_known: dict[int, tuple[tree.Node, About]] = {}


def _holds(node: tree.Node, kind: type) -> bool:
    return isinstance(node, kind) or any(_holds(child, kind) for child in tree.children(node))
