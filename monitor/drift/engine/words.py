"""Which words came and which went between two samples of texts. Pure."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

_WORD = re.compile(r"[^\W\d_\u4e00-\u9fff]{3,}|[\u4e00-\u9fff]+")
LONGEST_TEXT = 4_000
# a word counts when its share of texts moved so far, and so many standard errors
LEAST_POINTS = 0.03
LEAST_Z = 3.0


@dataclass(frozen=True, slots=True)
class Moved:
    """A word and the share of texts that hold it, before and now."""

    word: str
    before: float
    now: float
    z: float


def terms(text: str) -> set[str]:
    """Words of three letters and more, and pairs of Chinese characters."""
    found: set[str] = set()
    for run in _WORD.findall(text[:LONGEST_TEXT].lower()):
        if "\u4e00" <= run[0] <= "\u9fff":
            found.update(map(str.__add__, run, run[1:]))
        else:
            found.add(run)
    return found


def moved(before: Sequence[str], now: Sequence[str], limit: int = 8) -> tuple[list[Moved], list[Moved]]:
    """What came and what went, the surest first; words that always stand together are told once."""
    if not before or not now:
        return [], []
    old, new = _held(before), _held(now)
    listed = [_of(word, old[word], len(before), new[word], len(now)) for word in {*old, *new}]
    kept = [one for one in listed if abs(one.now - one.before) >= LEAST_POINTS and abs(one.z) >= LEAST_Z]
    kept.sort(key=lambda one: (-abs(one.z), one.word))
    return _once([one for one in kept if one.z > 0], limit), _once([one for one in kept if one.z < 0], limit)


def _held(texts: Sequence[str]) -> Counter[str]:
    return Counter(word for text in texts for word in terms(text))


def _of(word: str, old: int, n_old: int, new: int, n_new: int) -> Moved:
    """The difference of log odds in standard errors, with half a text added everywhere."""
    a, b, c, d = new + 0.5, n_new - new + 0.5, old + 0.5, n_old - old + 0.5
    z = (math.log(a / b) - math.log(c / d)) / math.sqrt(1 / a + 1 / b + 1 / c + 1 / d)
    return Moved(word, old / n_old, new / n_new, z)


def _once(found: Sequence[Moved], limit: int) -> list[Moved]:
    """Of overlapping pairs of characters with the same shares one is enough."""
    kept: list[Moved] = []
    for one in found:
        alike = any(
            one.word[0] == other.word[-1] or one.word[-1] == other.word[0]
            for other in kept
            if (other.before, other.now) == (one.before, one.now) and len(one.word) == 2
        )
        if not alike:
            kept.append(one)
        if len(kept) == limit:
            break
    return kept
