"""Pure: what people write in files: which texts can be stored, and how much a YAML document is with its aliases."""

from typing import Any


class TooMuchError(ValueError):
    """Aliases make too much of a document; ``endless``: one leads into what it stands in itself."""

    def __init__(self, node: Any, *, endless: bool) -> None:
        super().__init__("an alias without end" if endless else "too many things")
        self.node, self.endless = node, endless


def storable(text: str) -> bool:
    """Whether a text column takes it: no NUL, no half of a surrogate pair."""
    return "\0" not in text and (text.isascii() or not any("\ud800" <= one <= "\udfff" for one in text))


def counted(node: Any, most: int, known: dict[int, int] | None = None) -> int:
    """How many nodes a document has, aliases counted as what they repeat; raises TooMuchError beyond ``most``.

    ``node``: of PyYAML's tree; its value is a text, a list of nodes, or a list of pairs of them.
    """
    known = {} if known is None else known
    if id(node) in known:
        if known[id(node)] < 0:
            raise TooMuchError(node, endless=True)
        return known[id(node)]
    known[id(node)] = -1
    found = () if isinstance(node.value, str) else node.value
    parts = [part for one in found for part in (one if isinstance(one, tuple) else (one,))]
    size = 1 + sum(counted(part, most, known) for part in parts)
    if size > most:
        raise TooMuchError(node, endless=False)
    known[id(node)] = size
    return size
