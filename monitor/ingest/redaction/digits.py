"""Numbers that point at a person: resident ids, bank cards, phones. Pure; reads clusters of digits as a whole.

Looking at windows of whole groups, not at what a pattern happens to start with, is what makes the answer
independent of the neighbours.
"""

from collections.abc import Sequence

from monitor.ingest.redaction import checks, cues, groups, phones
from monitor.ingest.redaction.finds import Find
from monitor.ingest.redaction.groups import Group

_TEN = frozenset("XxＸｘ")
_CARD_GAPS = frozenset({" ", "-", "\u00a0", "\u2009", "\u3000", "－", "‐", "‑", "–"})


def find(text: str) -> list[Find]:
    """Resident ids, cards and phones in ``text``, in order."""
    return [one for cluster in groups.clusters(text) for one in _in_cluster(text, cluster)]


def _in_cluster(text: str, cluster: list[Group]) -> list[Find]:
    found: list[Find] = []
    i = 0
    while i < len(cluster):
        one = _at(
            text, cluster, i, free=bool(found) and found[-1].end + len(cluster[i].gap) >= cluster[i].start
        )
        if one is None:
            i += 1
            continue
        found.append(one)
        while i < len(cluster) and cluster[i].start < one.end:
            i += 1
    return found


def _at(text: str, cluster: list[Group], i: int, *, free: bool) -> Find | None:
    first = cluster[i]
    if len(first.text) < 3 and first.text not in {"00", "86"} and not phones.has_plus(text, first):
        return None
    window = groups.window(cluster, i)
    fraction = not free and _is_fraction(text, first)
    one = _resident(text, window)
    if one is None and not fraction:
        one = phones.at(text, window) if phones.has_plus(text, first) else _card(text, window)
    if one is None and not fraction:
        one = phones.at(text, window)
    if one is None or cues.is_part(text, one.start, one.end):
        return None
    return one


def _is_fraction(text: str, group: Group) -> bool:
    """Whether the group is what stands behind the point of a decimal number."""
    at = group.start
    return at >= 2 and text[at - 1] == "." and text[at - 2].isdigit()


def _resident(text: str, window: Sequence[Group]) -> Find | None:
    joined = ""
    for n, group in enumerate(window, 1):
        if n > 1 and group.gap not in _CARD_GAPS:
            return None
        joined += group.text
        ten = len(joined) == 17 and text[group.end : group.end + 1] in _TEN
        if checks.is_resident_id(joined + "x" * ten):
            return Find("resident_id", window[0].start, group.end + ten, joined + "x" * ten)
    return None


def _card(text: str, window: Sequence[Group]) -> Find | None:
    """The longest run of groups that is a card: every group but the last has at least four digits."""
    best, joined = None, ""
    for n, group in enumerate(window, 1):
        if n > 1 and (group.gap not in _CARD_GAPS or len(window[n - 2].text) < 4):
            break
        joined += group.text
        if _is_card(text, joined, window[0].start):
            best = Find("card", window[0].start, group.end, joined)
    if best is None or cues.is_other(text, best.start, best.end):
        return None
    return best


def _is_card(text: str, number: str, start: int) -> bool:
    if not 13 <= len(number) <= 19 or number[0] == "0" or not checks.passes_luhn(number):
        return False
    return checks.is_issued(number) or cues.says(cues.CARD, text, start)
