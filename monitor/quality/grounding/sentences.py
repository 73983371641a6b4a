"""A text cut into sentences, and sentences into clauses: English and Chinese. Pure."""

import re
from dataclasses import dataclass

# a dot ends a sentence only before white space and no small letter: not in 1.5, e.g. or example.com
_END = re.compile(r"[。！？!?]+[”’」』\")）]*|\.+[”’\")]*(?=\s+[^a-z\s]|\s*$)|[；;]\s*(?=\n)|\n+")
_ABBREVIATED = re.compile(r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|Fig|Inc|Ltd|approx)|\b[A-Z])\.$")
_TRAILING_MARKS = re.compile(r"\s*(?:\[[^\]\n]{1,40}\]|【[^】\n]{1,40}】)+")
_BULLET = re.compile(r"^\s*(?:[-*•·]|\d{1,2}[.)、]|[（(]\d{1,2}[）)])\s+")
_CLAUSE = re.compile(
    r"(?<!\d),\s*|,(?!\d)\s*|\s*[，;；—（）()。！？]\s*|[:：](?!\d)\s*|(?<=[a-z\d])[.!?]\s+(?=[A-Z])|\s+(?:and|but|while|whereas|because|as|since|where|which|although|so that)\s+"
    r"|(?:但是|不过|同时|而且|并且|因此|所以|由于)"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sentence:
    """``start`` and ``end`` say where it stands in the text, so that it can be tinted there."""

    text: str
    start: int
    end: int


def split(text: str) -> list[Sentence]:
    """Every sentence with its place; a citation after the full stop belongs to the sentence before it."""
    found: list[Sentence] = []
    start = at = 0
    while at < len(text):
        match = _END.search(text, at)
        end = match.end() if match else len(text)
        if match and match[0].startswith(".") and _ABBREVIATED.search(text[start : match.start() + 1]):
            at = end
            continue
        marks = _TRAILING_MARKS.match(text, end)
        end = marks.end() if marks else end
        _add(found, text, start, end)
        start = at = end
    _add(found, text, start, len(text))
    return found


def _add(found: list[Sentence], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    bullet = _BULLET.match(piece)
    start += bullet.end() if bullet else len(piece) - len(piece.lstrip())
    piece = text[start:end].rstrip()
    if any(letter.isalnum() for letter in piece):
        found.append(Sentence(piece, start, start + len(piece)))


def clauses(sentence: str) -> list[str]:
    """The parts that each say something of their own."""
    return [part for part in _CLAUSE.split(sentence.rstrip(".。!！?？")) if part and part.strip()]
