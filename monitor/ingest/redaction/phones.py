"""Phone numbers, by how they are written: with a country code, mainland mobiles, area codes. Pure."""

import re
from collections.abc import Sequence
from functools import lru_cache

from monitor.ingest.redaction import cues
from monitor.ingest.redaction.finds import Find
from monitor.ingest.redaction.groups import Group

_MAINLAND = re.compile(r"(?:86)?(1[3-9][0-9]{9})")
# the length of the groups decides, so that other numbers of eleven digits stay
_MAINLAND_SHAPES = {
    (11,), (3, 4, 4), (13,), (2, 11), (2, 3, 4, 4), (5, 4, 4), (3, 8), (2, 3, 8), (7, 4), (2, 7, 4), (4, 4, 3),
}  # fmt: skip
# area codes of mainland China, without their zero: 10, 2x, and three digits
_AREA = re.compile(r"10|2[0-57-9]|[3-9][0-9]{2}")
_AREA_SHAPES = {(3, 8), (4, 7), (4, 8), (3, 4, 4), (4, 4, 4), (4, 3, 4), (3, 7)}
_WHOLE_AREA = re.compile(r"0(?:10|2[0-57-9])[2-8][0-9]{7}|0[3-9][0-9]{2}[2-8][0-9]{6,7}")
_PLUS = frozenset("+＋")
_OPENING = frozenset("(（")


def at(text: str, window: Sequence[Group]) -> Find | None:
    """The phone number that begins with the first group of ``window``, the longest one."""
    first = window[0]
    if has_plus(text, first):
        return _international(window, "", first.start - 1, sure=False)
    if first.text.startswith("00"):
        return _international(window, "00", first.start, sure=True)
    found = _mainland(window) or _area(text, window) or _grouped(text, window) or _local(text, window)
    if found is None and first.text == "86":
        found = _international(window, "", first.start, sure=True)
    if found is None or cues.is_other(text, found.start, found.end):
        return None
    return found


def has_plus(text: str, group: Group) -> bool:
    return text[group.start - 1 : group.start] in _PLUS


def _find(groups: Sequence[Group], key: str, start: int | None = None) -> Find:
    return Find("phone", groups[0].start if start is None else start, groups[-1].end, key)


def _international(window: Sequence[Group], prefix: str, start: int, *, sure: bool) -> Find | None:
    for n in range(len(window), 0, -1):
        number = "".join(g.text for g in window[:n]).removeprefix(prefix)
        if 7 <= len(number) <= 15 and _dialable(number, sure=sure):
            return _find(window[:n], _key(number), start)
    return None


def _key(number: str) -> str:
    """The same phone is the same with and without its country code."""
    match = _MAINLAND.fullmatch(number)
    return match[1] if match else number


@lru_cache(maxsize=4096)
def _dialable(number: str, *, sure: bool) -> bool:
    import phonenumbers

    try:
        parsed = phonenumbers.parse("+" + number)
    except phonenumbers.NumberParseException:
        return False
    return bool(phonenumbers.is_valid_number(parsed) if sure else phonenumbers.is_possible_number(parsed))


def _mainland(window: Sequence[Group]) -> Find | None:
    for n in range(min(len(window), 4), 0, -1):
        part = window[:n]
        if tuple(len(g.text) for g in part) in _MAINLAND_SHAPES:
            match = _MAINLAND.fullmatch("".join(g.text for g in part))
            if match:
                return _find(part, match[1])
    return None


def _area(text: str, window: Sequence[Group]) -> Find | None:
    """010-62781234, (0755) 8888 8888, and 01062781234 where words say that it is a phone."""
    first = window[0].text
    if first[0] != "0":
        return None
    if _WHOLE_AREA.fullmatch(first):
        return _find(window[:1], first) if cues.says(cues.PHONE, text, window[0].start) else None
    if not _AREA.fullmatch(first[1:]):
        return None
    opened = text[window[0].start - 1 : window[0].start] in _OPENING
    for n in (3, 2):
        shape = tuple(len(g.text) for g in window[:n])
        if shape in _AREA_SHAPES and window[1].text[0] in "2345678":
            return _find(window[:n], "".join(g.text for g in window[:n]), window[0].start - opened)
    return None


def _grouped(text: str, window: Sequence[Group]) -> Find | None:
    """Numbers that only their grouping gives away: (415) 555-2671, 415-555-2671, 400-810-1234."""
    if tuple(len(g.text) for g in window[:3]) != (3, 3, 4):
        return None
    start = window[0].start
    opened = text[start - 1 : start] in _OPENING
    spaced = window[1].gap.isspace() or window[2].gap.isspace()
    if spaced and not opened and not cues.says(cues.PHONE, text, start):
        return None
    if window[0].text[0] in "01" or window[1].text[0] in "01":
        return None
    return _find(window[:3], "".join(g.text for g in window[:3]), start - opened)


_RIGHT_BEFORE = re.compile(
    r"(?:电话|座机|固话|传真|tel|phone|fax)(?:号码|号| number| no)?[.:：\s是为]{1,3}\Z", re.IGNORECASE
)


def _local(text: str, window: Sequence[Group]) -> Find | None:
    """Seven or eight digits right behind the word for a phone."""
    for n, lengths in ((2, {(4, 4), (3, 4)}), (1, {(7,), (8,)})):
        part = window[:n]
        if tuple(len(g.text) for g in part) in lengths and part[0].text[0] in "2345678":
            return (
                _find(part, "".join(g.text for g in part))
                if _RIGHT_BEFORE.search(cues.near(text, part[0].start))
                else None
            )
    return None
