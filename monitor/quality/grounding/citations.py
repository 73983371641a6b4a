"""Marks like [1], 【2】 or [manual-7] in an answer, and the documents they point to. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_MARK = re.compile(r"\[([^\]\[\n]{1,60})\]|【([^】【\n]{1,60})】|〔([^〕\n]{1,60})〕")
_NUMBERS = re.compile(
    r"^\s*(?:(?:doc(?:ument)?|source|ref|context|文档|资料|来源|参考)\s*[#:：]?\s*)?(\d{1,3})\s*$",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"\s*[,，、;；]\s*")


@dataclass(frozen=True, slots=True)
class Mark:
    """One pointer of the answer. ``document``: its place, None for a document that was not retrieved."""

    text: str
    document: int | None


def marks(text: str, ids: Sequence[str]) -> list[Mark]:
    """The citations in a text. Brackets that hold neither a number nor a known id are no citations."""
    found = []
    for match in _MARK.finditer(text):
        inner = next(group for group in match.groups() if group is not None)
        parts = [_document(part, ids) for part in _BETWEEN.split(inner)]
        if all(known for known, _ in parts):
            found += [
                Mark(part, place) for part, (_, place) in zip(_BETWEEN.split(inner), parts, strict=True)
            ]
    return found


def without(text: str, ids: Sequence[str]) -> str:
    """The text as it reads without its citations."""

    def left(match: re.Match[str]) -> str:
        return "" if marks(match[0], ids) else match[0]

    return _MARK.sub(left, text)


def _document(part: str, ids: Sequence[str]) -> tuple[bool, int | None]:
    """Whether it is a citation, and of which document."""
    if part.strip() in ids:
        return True, ids.index(part.strip())
    number = _NUMBERS.match(part)
    if number is None:
        return False, None
    place = int(number[1]) - 1
    return True, place if 0 <= place < len(ids) else None
