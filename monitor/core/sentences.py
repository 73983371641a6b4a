"""Stored sentences told again in the reader's language.

What a task writes down is English. A stored sentence is matched with those it may have been made from; what it
holds is told in the same way, and what is none of them stays as it stands.
"""

import functools
import re
from collections.abc import Callable

_HOLE = re.compile(r"%\\\((\w+)\\\)s|%\((\w+)\)s")
Speak = Callable[[str], str]


def told(stored: str, sentences: tuple[str, ...], speak: Speak) -> str:
    """``sentences`` have holes like ``%(n)s``, the narrower ones first; ``speak`` translates one of them."""
    for sentence, pattern in _patterns(sentences):
        found = pattern.fullmatch(stored)
        if found:
            inside = {name: told(value, sentences, speak) for name, value in found.groupdict().items()}
            return speak(sentence) % inside
    return stored


@functools.cache
def _patterns(sentences: tuple[str, ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((one, re.compile(_HOLE.sub(_group, re.escape(one)), re.DOTALL)) for one in sentences)


def _group(hole: re.Match[str]) -> str:
    return f"(?P<{hole[1] or hole[2]}>.+)"
