"""Did the answer use the retrieved documents? The cheap first look: shared words, on every call. Pure.

Lexical containment: the share of the answer's content words (and Chinese bigrams) that stand in the
documents. It sees wording, not meaning; the groundedness judge looks closer on a sample.
"""

import re
from collections.abc import Sequence

USED = 0.35
LEAST_TERMS = 3
# of a long answer so many terms are looked up, evenly spread over it
MOST_TERMS = 64
_TERM = re.compile(r"[a-z0-9à-öø-ÿ]{4,}|[\u4e00-\u9fff]+")


class Grounds:
    """Looks at the calls of one batch; documents that come again are read once."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, ...], str] = {}

    def of(self, output: str, contexts: Sequence[str] | None, *, claim: bool | None) -> str:
        """As ``grounding``."""
        if not contexts or claim is not None:
            return grounding(output, contexts, claim=claim)
        key = tuple(contexts)
        shown = self._shown.get(key)
        if shown is None:
            shown = self._shown[key] = "\n".join(contexts).lower()
        return _judged(output, shown)


def grounding(output: str, contexts: Sequence[str] | None, *, claim: bool | None) -> str:
    """``used``, ``unused`` or ``empty``; the empty text when no retrieval ran or nothing can be said.

    ``contexts`` None: no retrieval; an empty list: it found nothing. ``claim`` is the caller's own word.
    """
    if contexts is None:
        return ""
    if not contexts:
        return "empty"
    if claim is not None:
        return "used" if claim else "unused"
    return _judged(output, "\n".join(contexts).lower())


def _judged(output: str, shown: str) -> str:
    said = _terms(output)
    if len(said) < LEAST_TERMS:
        return ""
    said = said[:: -(-len(said) // MOST_TERMS)]
    return "used" if _reaches(said, shown, USED * len(said)) else "unused"


def _reaches(said: Sequence[str], shown: str, enough: float) -> bool:
    """Whether so many of the terms stand in the documents; stops as soon as that is certain."""
    found = 0
    for left, term in zip(range(len(said) - 1, -1, -1), said, strict=True):
        found += term in shown
        if found >= enough:
            return True
        if found + left < enough:
            return False
    return False


def _terms(text: str) -> list[str]:
    """Each term once, in the order of the text."""
    found: list[str] = []
    for term in _TERM.findall(text.lower()):
        if term[0] < "\u4e00" or len(term) == 1:
            found.append(term)
        else:
            found += [term[at : at + 2] for at in range(len(term) - 1)]
    return list(dict.fromkeys(found))
