"""A cluster of digits as groups and gaps: how people write long numbers. Pure."""

import re
from collections.abc import Iterator
from typing import NamedTuple

# \d and \b know too much: \b sees no border between a digit and a Chinese letter
_DIGIT = "0-9０-９"
_SEPARATOR = r" \u00a0\u2009\u3000.\-\u2010-\u2015－()（）"
_CLUSTER = re.compile(rf"[{_DIGIT}](?:[{_SEPARATOR}]{{0,2}}[{_DIGIT}]){{6,}}+")
_GROUP = re.compile(rf"[{_DIGIT}]+")
_ASCII = str.maketrans("０１２３４５６７８９", "0123456789")
_MAX_WINDOW = 19


class Group(NamedTuple):
    """Digits without a gap: ``text`` in ASCII, its place in the whole text, and the gap before it."""

    text: str
    start: int
    end: int
    gap: str


def clusters(text: str) -> Iterator[list[Group]]:
    """Every run of seven or more digits with at most two separators between two of them."""
    for cluster in _CLUSTER.finditer(text):
        groups, last = [], cluster.start()
        for match in _GROUP.finditer(text, cluster.start(), cluster.end()):
            groups.append(
                Group(match[0].translate(_ASCII), match.start(), match.end(), text[last : match.start()])
            )
            last = match.end()
        yield groups


def window(groups: list[Group], i: int) -> list[Group]:
    """The groups from ``i`` on that could belong to one number: at most 19 digits."""
    total, j = 0, i
    while j < len(groups) and (total := total + len(groups[j].text)) <= _MAX_WINDOW:
        j += 1
    return groups[i : max(j, i + 1)]
