"""Two texts word by word: what only one of them has is marked. Chinese is compared character by character."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from dashboards.reading import Piece

_WORDS = re.compile(r"\s+|[\u3400-\u9fff\u3040-\u30ff\uac00-\ud7af]|\w+|[^\w\s]", re.UNICODE)
# the time grows with the square; longer texts are compared that far
MOST_WORDS = 1_200
# texts that share less than this are two texts, not two wordings of one
LEAST_SHARED = 0.2

Marked = tuple[list[Piece], list[Piece]]


def compare(one: str, other: str) -> Marked:
    """Both texts in pieces; pieces that the other lacks are marked ``only``."""
    ours, theirs = _WORDS.findall(one)[:MOST_WORDS], _WORDS.findall(other)[:MOST_WORDS]
    matcher = SequenceMatcher(None, ours, theirs, autojunk=False)
    steps = matcher.get_opcodes()
    shared = sum(_words(ours[i1:i2]) for tag, i1, i2, *_rest in steps if tag == "equal")
    if 2 * shared < LEAST_SHARED * (_words(ours) + _words(theirs)):
        return _plain(one), _plain(other)
    left = [(tag, "".join(ours[i1:i2])) for tag, i1, i2, _j1, _j2 in steps]
    right = [(tag, "".join(theirs[j1:j2])) for tag, _i1, _i2, j1, j2 in steps]
    return _pieces(left, one), _pieces(right, other)


def _words(pieces: list[str]) -> int:
    return sum(not one.isspace() for one in pieces)


def _pieces(steps: Sequence[tuple[str, str]], whole: str) -> list[Piece]:
    found = [Piece(text, "" if tag == "equal" or text.isspace() else "only") for tag, text in steps if text]
    rest = whole[sum(len(one.text) for one in found) :]
    return [*found, Piece(rest)] if rest else found


def _plain(text: str) -> list[Piece]:
    return [Piece(text)] if text else []
