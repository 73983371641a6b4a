"""Where a clause says a passage's own words in their order, and where it puts other words in their place. Pure.

A lie is seldom another sentence: mostly it is the passage's own with a name, a place, a number or a small word
changed. The more of a clause stands there word for word, the more the rest of it counts.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from monitor.quality.grounding import phrases
from monitor.quality.grounding.terms import (
    GRAMMAR,
    HAN,
    LEAST_STEM,
    LIGHT,
    STOP,
    Words,
    alike,
    likeness,
    normal,
    number_of,
    said_otherwise,
    stem,
    words,
)

_UNIT = re.compile(
    r"(?P<number>(?<![\w.])\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"|(?P<han>[\u4e00-\u9fff])|(?P<word>[^\W\d_\u4e00-\u9fff][^\W_\u4e00-\u9fff]*(?:['’][a-z]+)?)",
    re.IGNORECASE,
)
# so much of a clause must stand there word for word before what does not counts as changed
CLOSE = 0.72
# what is then left of its worth: the less, the more is the same
LEFT, STEEP, LEAST_LEFT = 0.38, 1.6, 0.08
ADDED = 0.6
# what carries grammar says little about whether two texts are the same
OF_LITTLE = 0.3
# where a passage has far more than the clause puts there, it was told otherwise, not changed
LONGEST_SLOT = 4
# a clause may begin with so much of its own before what it has from the sentence
LONGEST_START, LONGEST_START_HAN = 0.2, 0.1
# characters whose exchange changes nothing; those of places and directions do
FUNCTION = (GRAMMAR - frozenset("内外上下前后")) | frozenset(
    "是也还又才就再给让使得地向自对但或能可要先所不没未无"
)
COUNTING = frozenset("零〇一二两三四五六七八九十百千万亿半每第个年月日天周期时分秒元次")
# a clause that is strewn over so much more text is not a part of it
STREWN = 3


@dataclass(frozen=True, slots=True)
class Unit:
    """A word, a number or a Chinese character, and where it stands; ``says``: it carries meaning."""

    key: str
    says: bool
    start: int
    end: int

    @property
    def weight(self) -> float:
        return 1.0 if self.says else OF_LITTLE


@dataclass(frozen=True, slots=True)
class Alignment:
    """``close``: the share of the clause that stands there in order; ``text``: the part of the sentence that it is.

    ``swapped``: units in the place of others; ``added``: units where the sentence has nothing.
    """

    close: float
    text: str
    swapped: tuple[str, ...]
    added: tuple[str, ...]


@lru_cache(4096)
def units(text: str) -> tuple[Unit, ...]:
    return tuple(_unit(match) for match in _UNIT.finditer(text))


def _unit(match: re.Match[str]) -> Unit:
    where = match.span()
    if match["number"]:
        return Unit(f"#{float(match['number'].replace(',', '')):g}", True, *where)
    if match["han"]:
        return Unit(match["han"], match["han"] not in GRAMMAR, *where)
    word = match["word"].lower().replace("’", "'").removesuffix("'s")
    number = number_of(word)
    if number is not None:
        return Unit(f"#{number:g}", True, *where)
    if word in STOP or len(word) < 2:
        return Unit(word, False, *where)
    return Unit(likeness(stem(word)), True, *where)


def change(clause: str, own: Words, sentences: Sequence[str]) -> tuple[float, str]:
    """How much of its worth is left to a clause that is one of the sentences with something changed; and what was."""
    beside = max((align(clause, one) for one in sentences), key=lambda one: one.close, default=None)
    if beside is None or beside.close < CLOSE:
        return 1.0, ""
    left = max(LEAST_LEFT, LEFT - STEEP * (beside.close - CLOSE))
    if phrases.denies(clause) != phrases.denies(beside.text) or phrases.opposed(clause, beside.text):
        return left, "turned"
    there = words(beside.text)
    other = {f"#{value:g}" for value in said_otherwise(own, there)}
    # the same amount in other characters
    other |= COUNTING if own.amounts and own.amounts <= there.amounts else frozenset()
    if set(beside.swapped) - other:
        return left, "swapped"
    return (ADDED, "added") if len(set(beside.added) - other) > 1 else (1.0, "")


@lru_cache(4096)
def align(clause: str, passage: str) -> Alignment:
    """A clause beside one sentence of a passage."""
    mine, there = units(clause), units(passage)
    keys, others = [one.key for one in mine], [one.key for one in there]
    total = sum(one.weight for one in mine)
    same, matched = 0.0, list[int]()
    swapped: list[str] = []
    added: list[str] = []
    for what, start, end, first, last in SequenceMatcher(None, keys, others, autojunk=False).get_opcodes():
        if what == "equal":
            same += sum(one.weight for one in mine[start:end])
            matched += range(first, last)
            continue
        foreign, dropped = mine[start:end], there[first:last]
        # a clause may begin or end amid a sentence: what is beside it there is what it replaces
        if foreign and start == 0 and len(foreign) <= _longest_start(foreign) * len(mine):
            dropped = dropped[-len(foreign) :]
        elif foreign and end == len(mine) and not HAN.match(foreign[0].key):
            dropped = dropped[: len(foreign)]
        around = mine[start - 1].key if start else "", mine[end].key if end < len(mine) else ""
        if _alike(foreign, dropped, around):
            same += sum(one.weight for one in foreign)
        elif _same_length(foreign, dropped):
            swapped += [one.key for one in foreign]
        else:
            own = [
                one.key for one in foreign
                if one.says and one.key not in LIGHT and not _elsewhere(one.key, others)
            ]  # fmt: skip
            (swapped if _takes_its_place(foreign, dropped) else added).extend(own)
    beside = _beside(passage, there, matched, keys) if matched else ""
    strewn = len(beside) > STREWN * len(clause)
    return Alignment(same / total if total and not strewn else 0.0, beside, tuple(swapped), tuple(added))


def _longest_start(foreign: Sequence[Unit]) -> float:
    return LONGEST_START_HAN if HAN.match(foreign[0].key) else LONGEST_START


def _beside(passage: str, there: Sequence[Unit], matched: Sequence[int], keys: Sequence[str]) -> str:
    """From the first unit that is in both to the last, with what stands in the place of the clause's own ends."""
    before = keys.index(there[matched[0]].key)
    after = keys[::-1].index(there[matched[-1]].key)
    first, last = max(0, matched[0] - before), min(len(there) - 1, matched[-1] + after)
    return passage[there[first].start : there[last].end]


def _elsewhere(key: str, others: Sequence[str]) -> bool:
    """Whether a unit, or another form of it, stands at another place of the passage."""
    return key in others or any(alike(key, other) for other in others if len(other) >= LEAST_STEM)


def _same_length(foreign: Sequence[Unit], dropped: Sequence[Unit]) -> bool:
    """Another word of Chinese has as many characters; what is told otherwise seldom has."""
    return (
        len(foreign) == len(dropped)
        and all(HAN.match(one.key) for one in (*foreign, *dropped))
        and all(any(one.key not in FUNCTION for one in part) for part in (foreign, dropped))
    )


def _takes_its_place(foreign: Sequence[Unit], dropped: Sequence[Unit]) -> bool:
    if not any(one.says for one in dropped) or all(HAN.match(one.key) for one in (*foreign, *dropped)):
        return False
    return len(dropped) <= LONGEST_SLOT * max(1, len(foreign))


def _alike(some: Sequence[Unit], others: Sequence[Unit], around: tuple[str, str]) -> bool:
    """Whether Chinese characters stand there that, with their neighbours, say much the same as others."""
    one, other = ("".join(each.key for each in part) for part in (some, others))
    if not one or not other:
        return False
    before, after = (each if HAN.match(each) else "" for each in around)
    return any(
        normal(f"{left}{one}{right}").strip() == normal(f"{left}{other}{right}").strip()
        for left, right in (("", ""), (before, ""), ("", after))
    )
