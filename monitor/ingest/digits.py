"""Numbers that point at a person: resident ids, bank cards, phones. Pure; reads clusters of digits as a whole.

A cluster is groups of digits with at most two separators in between. Looking at windows of whole groups,
not at what a pattern happens to start with, is what makes the answer independent of the neighbours.
"""

import datetime as dt
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

# \d and \b know too much: \b sees no border between a digit and a Chinese letter
_DIGIT = "0-9０-９"
_SEPARATOR = r" \u00a0\u2009\u3000.\-\u2010-\u2015－()（）"
_CLUSTER = re.compile(rf"[{_DIGIT}](?:[{_SEPARATOR}]{{0,2}}[{_DIGIT}]){{6,}}+")
_GROUP = re.compile(rf"[{_DIGIT}]+")
_ASCII = str.maketrans("０１２３４５６７８９", "0123456789")
_TEN = frozenset("XxＸｘ")
_CARD_GAPS = frozenset({" ", "-", "\u00a0", "\u2009", "\u3000", "－", "‐", "‑", "–"})
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_MAX_WINDOW = 19


@dataclass(frozen=True, slots=True)
class Group:
    """Digits without a gap: ``text`` in ASCII, its place in the whole text, and the gap before it."""

    text: str
    start: int
    end: int
    gap: str


@dataclass(frozen=True, slots=True)
class Find:
    kind: str
    start: int
    end: int
    groups: int


def replace(text: str, kinds: frozenset[str], mark: Callable[[str], str], found: Counter[str]) -> str:
    """``text`` with every find of the wanted kinds replaced by its mark; ``found`` is added to."""
    parts: list[str] = []
    done = 0
    for cluster in _CLUSTER.finditer(text):
        for find in _finds(text, cluster, kinds):
            parts += (text[done : find.start], mark(find.kind))
            done = find.end
            found[find.kind] += 1
    return "".join((*parts, text[done:])) if parts else text


def _finds(text: str, cluster: re.Match[str], kinds: frozenset[str]) -> list[Find]:
    groups = _groups(text, cluster)
    finds: list[Find] = []
    i = 0
    while i < len(groups):
        free = bool(finds) and finds[-1].end + len(groups[i].gap) >= groups[i].start
        find = _at(text, groups, i, kinds, fraction=_is_fraction(text, groups[i]) and not free)
        if find is None:
            i += 1
        else:
            finds.append(find)
            i += find.groups
    return finds


def _groups(text: str, cluster: re.Match[str]) -> list[Group]:
    groups, last = [], cluster.start()
    for match in _GROUP.finditer(text, cluster.start(), cluster.end()):
        groups.append(
            Group(match[0].translate(_ASCII), match.start(), match.end(), text[last : match.start()])
        )
        last = match.end()
    return groups


def _is_fraction(text: str, group: Group) -> bool:
    """Whether the group is what stands behind the point of a decimal number."""
    at = group.start
    return at >= 2 and text[at - 1] == "." and text[at - 2].isdigit()


def _at(text: str, groups: Sequence[Group], i: int, kinds: frozenset[str], *, fraction: bool) -> Find | None:
    first = groups[i]
    if len(first.text) < 3 and first.text not in {"00", "86"} and not _has_plus(text, first):
        return None
    window = _window(groups, i)
    if "phone" in kinds and _has_plus(text, first) and (find := _international(window, "", first.start - 1)):
        return find
    if "resident_id" in kinds and (find := _resident(text, window)):
        return find
    if "card" in kinds and not fraction and (find := _card(window)):
        return find
    return _phone(text, window) if "phone" in kinds and not fraction else None


def _window(groups: Sequence[Group], i: int) -> list[Group]:
    """The groups from ``i`` on that could belong to one number: at most 19 digits."""
    total, j = 0, i
    while j < len(groups) and (total := total + len(groups[j].text)) <= _MAX_WINDOW:
        j += 1
    return list(groups[i : max(j, i + 1)])


def _joined(kind: str, groups: Sequence[Group], start: int | None = None) -> Find:
    return Find(kind, groups[0].start if start is None else start, groups[-1].end, len(groups))


def _resident(text: str, window: Sequence[Group]) -> Find | None:
    joined = ""
    for n, group in enumerate(window, 1):
        if n > 1 and group.gap not in _CARD_GAPS:
            return None
        joined += group.text
        ten = len(joined) == 17 and text[group.end : group.end + 1] in _TEN
        if is_resident_id(joined + "x" * ten):
            return Find("resident_id", window[0].start, group.end + ten, n)
    return None


def is_resident_id(text: str) -> bool:
    """GB 11643: region, birthday, serial, check digit (x is ten). The region is not looked up: they change."""
    if len(text) != 18 or text[0] == "0" or not text[:17].isdigit():
        return False
    try:
        born = dt.date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    check = "10x98765432"[sum(w * int(c) for w, c in zip(_WEIGHTS, text, strict=False)) % 11]
    return 1850 <= born.year < 2100 and text[17].lower() == check


def _card(window: Sequence[Group]) -> Find | None:
    """The longest run of groups that is a card: every group but the last has at least four digits."""
    best, text = None, ""
    for n, group in enumerate(window, 1):
        if n > 1 and (group.gap not in _CARD_GAPS or len(window[n - 2].text) < 4):
            break
        text += group.text
        if 13 <= len(text) <= 19 and is_card(text, parted=n > 1):
            best = _joined("card", window[:n])
    return best


def is_card(text: str, *, parted: bool = False) -> bool:
    """Luhn over 13 to 19 digits. A 1 in front of 13, 16 or 19 unparted digits is a Unix time, no card."""
    if not 13 <= len(text) <= 19 or not text.isdigit() or text[0] == "0":
        return False
    if text[0] == "1" and len(text) in {13, 16, 19} and not parted:
        return False
    even = sum(int(c) for c in text[-1::-2])
    odd = sum(sum(divmod(2 * int(c), 10)) for c in text[-2::-2])
    return (even + odd) % 10 == 0


def _phone(text: str, window: Sequence[Group]) -> Find | None:
    first = window[0]
    if first.text.startswith("00"):
        return _international(window, "00", first.start)
    return _mainland(window) or _grouped(text, window)


def _has_plus(text: str, group: Group) -> bool:
    return text[group.start - 1 : group.start] in {"+", "＋"}


def _international(window: Sequence[Group], prefix: str, start: int) -> Find | None:
    for n in range(len(window), 0, -1):
        number = "".join(g.text for g in window[:n]).removeprefix(prefix)
        if 7 <= len(number) <= 15 and number.isdigit() and _dialable(number):
            return _joined("phone", window[:n], start)
    return None


@lru_cache(maxsize=4096)
def _dialable(number: str) -> bool:
    import phonenumbers

    try:
        return bool(phonenumbers.is_possible_number(phonenumbers.parse("+" + number)))
    except phonenumbers.NumberParseException:
        return False


_MAINLAND = re.compile(r"(?:86)?1[3-9][0-9]{9}")
# the length of the groups decides, so that other numbers of eleven digits stay
_MAINLAND_SHAPES = {(11,), (3, 4, 4), (13,), (2, 11), (2, 3, 4, 4), (5, 4, 4), (3, 8), (2, 3, 8)}


def _mainland(window: Sequence[Group]) -> Find | None:
    for n in range(min(len(window), 4), 0, -1):
        part = window[:n]
        if tuple(len(g.text) for g in part) in _MAINLAND_SHAPES and _MAINLAND.fullmatch(
            "".join(g.text for g in part)
        ):
            return _joined("phone", part)
    return None


def _grouped(text: str, window: Sequence[Group]) -> Find | None:
    """Numbers that only their grouping gives away: 010-62781234 and (415) 555-2671."""
    shape = tuple(len(g.text) for g in window[:3])
    start = window[0].start - (text[window[0].start - 1 : window[0].start] in {"(", "（"})
    if window[0].text[0] == "0" and shape[:2] in {(3, 8), (4, 7), (4, 8)}:
        return _joined("phone", window[:2], start)
    if shape == (3, 3, 4) and window[0].text[0] in "23456789" and window[1].text[0] in "23456789":
        return _joined("phone", window[:3], start)
    return None
