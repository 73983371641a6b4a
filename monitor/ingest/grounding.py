"""Did the answer use the retrieved documents? The cheap first look: shared words, on every call. Pure.

Lexical containment: the share of the answer's content words (and Chinese bigrams) that stand in the
documents. It sees wording, not meaning; the groundedness judge looks closer on a sample.
"""

import re
from collections.abc import Sequence

USED = 0.35
LEAST_TERMS = 3
_TERM = re.compile(r"[a-z0-9à-öø-ÿ]{4,}|[\u4e00-\u9fff]+")


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
    said = _terms(output)
    if len(said) < LEAST_TERMS:
        return ""
    shown = set().union(*(_terms(text) for text in contexts))
    return "used" if len(said & shown) >= USED * len(said) else "unused"


def _terms(text: str) -> set[str]:
    found: set[str] = set()
    for term in _TERM.findall(text.lower()):
        if term[0] < "\u4e00":
            found.add(term)
        else:
            found.update(term[i : i + 2] for i in range(max(1, len(term) - 1)))
    return found
