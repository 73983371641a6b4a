"""What a finder hands back, and how a text looks to the next finder once something is taken out of it."""

from collections.abc import Sequence
from typing import NamedTuple

# stands where something was found: no finder reads across it, as none reads across a placeholder
BLANK = "\x1e"


class Find(NamedTuple):
    """Something personal at ``start:end``. ``key`` is its value written one way, so that equal things are equal."""

    kind: str
    start: int
    end: int
    key: str


def apart(found: Sequence[Find]) -> list[Find]:
    """In the order of the text; of two that overlap the one that begins first, then the longer."""
    kept: list[Find] = []
    for one in sorted(found, key=lambda one: (one.start, -one.end)):
        if one.end > one.start and (not kept or one.start >= kept[-1].end):
            kept.append(one)
    return kept


def blanked(text: str, found: Sequence[Find]) -> str:
    """``text`` with every find blanked, places unchanged; ``found`` in the order of the text."""
    parts: list[str] = []
    done = 0
    for one in found:
        parts += (text[done : one.start], BLANK * (one.end - one.start))
        done = one.end
    return "".join((*parts, text[done:]))
