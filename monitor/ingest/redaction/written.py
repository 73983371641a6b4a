r"""Texts within texts: what stands escaped in JSON or in an address, as it reads, and where that stood. Pure.

In ``\n13812345678`` no finder sees where the number begins, in ``\u4eacA12345`` none sees the plate.
"""

import re
from bisect import bisect_right

from monitor.ingest.redaction.finds import BLANK, Find

# escaped several times over, too: JSON within JSON
_ESCAPED = re.compile(r"\\+(?:u(?P<code>[0-9a-fA-F]{4})|(?P<sign>[nrtbf\"'/]))|(?:%(?:25)*+[0-9A-Fa-f]{2})+")
_BYTE = re.compile(r"%(?:25)*+([0-9A-Fa-f]{2})")
_SIGNS = {"n": "\n", "r": "\n", "t": "\t", "b": " ", "f": " "}
# for halves of letters, and for what stands for a find already
_NONE = "\ufffd"


class Reading:
    """A text as it reads. ``_at`` and ``_from``: where stretches begin in it and in what was written."""

    __slots__ = ("_at", "_from", "_until", "text")

    def __init__(self, written: str) -> None:
        self._at, self._from, self._until = [0], [0], [0]
        parts: list[str] = []
        size = done = 0
        for match in _ESCAPED.finditer(written):
            parts.append(written[done : match.start()])
            size += match.start() - done
            for letter, start, end in _letters(match):
                self._note(size, start, end)
                parts.append(letter)
                size += 1
            done = match.end()
            self._note(size, done, 0)
        self.text = "".join((*parts, written[done:]))

    def _note(self, at: int, start: int, until: int) -> None:
        self._at.append(at)
        self._from.append(start)
        self._until.append(until)

    def written(self, find: Find) -> Find:
        """The same find where it stands in what was written."""
        first, last = bisect_right(self._at, find.start) - 1, bisect_right(self._at, find.end - 1) - 1
        start = self._from[first] + find.start - self._at[first]
        end = self._until[last] or self._from[last] + find.end - self._at[last]
        return find._replace(start=start, end=end)


def read(written: str) -> Reading | None:
    """None where nothing is escaped."""
    if "\\" not in written and "%" not in written:
        return None
    return Reading(written) if _ESCAPED.search(written) else None


def _letters(match: re.Match[str]) -> list[tuple[str, int, int]]:
    """The letters that an escape stands for, each with its place."""
    if match["code"]:
        return [(_letter(chr(int(match["code"], 16))), match.start(), match.end())]
    if match["sign"]:
        return [(_SIGNS.get(match["sign"], match["sign"]), match.start(), match.end())]
    places = [(one.start(), one.end()) for one in _BYTE.finditer(match.string, match.start(), match.end())]
    encoded = bytes(int(match.string[end - 2 : end], 16) for _, end in places)
    letters, at = [], 0
    for letter in encoded.decode(errors="surrogateescape"):
        size = len(letter.encode(errors="surrogateescape"))
        letters.append((_letter(letter), places[at][0], places[at + size - 1][1]))
        at += size
    return letters


def _letter(letter: str) -> str:
    return _NONE if "\ud800" <= letter <= "\udfff" or letter in ("\x00", BLANK) else letter
