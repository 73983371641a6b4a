"""How far documents support a sentence, by words alone: rare shared words, numbers, names, negation. Pure.

A sentence is looked at clause by clause, each against the passage that holds most of it. Words that stand in
the question already prove little. A number or a name that no passage has, or a clause turned round, counts
against it. What only paraphrases scores in the middle: there a judge should be asked (``doubtful``).
"""

import copy
import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from monitor.quality.grounding import phrases, sentences
from monitor.quality.grounding.alignment import change
from monitor.quality.grounding.reckoning import follows, lasts
from monitor.quality.grounding.terms import (
    HAN,
    LEAST_STEM,
    LIGHT,
    Words,
    alike,
    amount,
    said_otherwise,
    words,
)

# scores at which a sentence is supported, and partly supported; learnt from sentences that no test holds back
SUPPORTED = 0.55
PARTLY = 0.33
# below this one in ten is true after all, above that nine in ten: between them words can't tell
DOUBT = (0.1, 0.75)
OF_WEAKEST = 0.8
ONE_OF_PAIR = 0.25
OF_QUESTION = 0.25
HALF_WORD = 0.6
# what is said with very common words proves little either way; a number that is there proves a word's worth
OF_LIGHT = 0.3
OF_NUMBER = 1.0
WRONG_NUMBER = 0.25
# a number that can be worked out from others is half right
FOLLOWING = 0.7
UNKNOWN_NAME = 0.5
TURNED = 0.25
# of the sentences that hold most of a clause so many are laid beside it word by word
LOOKED_AT = 4
# a passage must hold so much of a clause before its negation says anything
ALIKE = 0.3
# of the clauses of a passage those count that share nearly as much as the nearest
NEAREST = 0.7
LEAST_NEW = 0.12
LONGEST_ACRONYM = 5
LONGEST_DOCUMENT = 200


class Verdict(StrEnum):
    """``nothing``: it repeats the question or holds no word that could be looked up."""

    SUPPORTED = "supported"
    PARTLY = "partly"
    UNSUPPORTED = "unsupported"
    REFUSAL = "refusal"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Support:
    """``score`` 0 to 1. ``documents``: those that hold it, by place, the best first."""

    verdict: Verdict
    score: float
    documents: tuple[int, ...] = ()
    doubtful: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Passage:
    document: int
    text: str
    alone: bool
    words: Words
    clauses: tuple[tuple[str, Words], ...]
    stems: Mapping[str, tuple[str, ...]]


class Documents:
    """What was retrieved, cut into passages of one or two sentences; made once for an answer."""

    def __init__(self, documents: Sequence[str]) -> None:
        self.passages = [one for place, text in enumerate(documents) for one in _passages(place, text)]
        self.known = frozenset(term for one in self.passages for term in one.words.terms)
        seen = Counter(term for one in self.passages for term in one.words.terms)
        self._rare = {term: math.log(1.0 + len(self.passages) / n) for term, n in seen.items()}
        self._unseen = math.log(2.0 + len(self.passages))
        self._initials = " ".join("".join(re.findall(r"\b[a-z]", text.lower())) for text in documents)
        self.chinese = [bool(HAN.search(text)) for text in documents]

    def only(self, document: int) -> "Documents":
        """One of them alone, with the same idea of what is rare."""
        alone = copy.copy(self)
        alone.passages = [one for one in self.passages if one.document == document]
        return alone

    def weight(self, term: str) -> float:
        """How much a term proves: one that stands in few passages more than one that is everywhere."""
        much = self._rare.get(term, self._unseen)
        return OF_LIGHT * much if term in LIGHT else much

    def support(self, sentence: str, question: str = "") -> Support:
        """What the documents say to a sentence of the answer."""
        if phrases.refuses(sentence):
            return Support(Verdict.REFUSAL, 0.0, why="refusal")
        own, asked = words(sentence), words(question)
        if not own.terms:
            return Support(Verdict.NOTHING, 0.0, why="no words")
        if self._repeats(sentence, own, asked):
            return Support(Verdict.NOTHING, 0.05, why="question")
        if not self.passages:
            return Support(Verdict.UNSUPPORTED, 0.0, why="no documents")
        parts = _parts(sentence, own)
        looked = [self._look(text, found, asked) for text, found in parts]
        score = _together([(one.score, weight) for one, weight in looked])
        used = _documents(looked)
        why = next((one.why for one, _ in looked if one.why), "")
        foreign = bool(HAN.search(sentence)) not in self.chinese
        doubtful = DOUBT[0] <= score < DOUBT[1] or (foreign and score < SUPPORTED)
        return Support(_verdict(score, looked), score, used, doubtful, why)

    def _repeats(self, sentence: str, own: Words, asked: Words) -> bool:
        if not asked.terms or own.numbers - asked.numbers:
            return False
        total = sum(map(self.weight, own.terms))
        new = sum(map(self.weight, own.terms - asked.terms))
        if phrases.asks(sentence):
            return 2 * len(own.terms - asked.terms) <= len(own.terms)
        return new <= LEAST_NEW * total

    def _knows(self, name: str) -> bool:
        """Whether a name stands there in another form, or is made of the first letters of words that do."""
        if any(alike(name, other) for other in self.known if other[:LEAST_STEM] == name[:LEAST_STEM]):
            return True
        return 1 < len(name) <= LONGEST_ACRONYM and name in self._initials

    def _turned(self, text: str, own: Words, passage: _Passage) -> bool:
        """Whether the clauses of the passage that speak of the same say the contrary."""
        shared = [sum(map(self.weight, own.terms & one.terms)) for _, one in passage.clauses]
        most = max(shared, default=0.0)
        aligned = [
            one
            for (one, found), much in zip(passage.clauses, shared, strict=True)
            if much >= NEAREST * most and _aligned(own, found)
        ]
        if not aligned:
            return False
        beside = ", ".join(aligned)
        return phrases.denies(text) != phrases.denies(beside) or phrases.opposed(text, beside)

    def _follows(self, missing: frozenset[float], own: Words, passage: _Passage) -> bool:
        """Whether what the passage does not say can be worked out from its document."""
        there = [one.words for one in self.passages if one.document == passage.document and one.alone]
        numbers = frozenset().union(*(one.numbers for one in there))
        amounts = frozenset().union(*(one.amounts for one in there))
        told = {value: amount((value, unit)) for value, unit in own.measures}
        return bool(missing) and all(
            follows(one, numbers) or (one in told and lasts(told[one], amounts)) for one in missing
        )

    def _look(self, text: str, own: Words, asked: Words) -> tuple["_Look", float]:
        """A clause against the passage that holds most of it; and how much it weighs."""
        weights = {
            term: self.weight(term) * (OF_QUESTION if term in asked.terms else 1.0) for term in own.terms
        }
        said = own.amounts - asked.amounts
        number = OF_NUMBER * self._unseen
        total = sum(weights.values()) + number * len(said)
        held = [
            ((_held(weights, one) + number * _counted(said, one.words)) / total, one) for one in self.passages
        ]
        held.sort(key=lambda pair: -pair[0])
        share, best = held[0]
        near = tuple(dict.fromkeys(one.document for much, one in held if much >= 0.9 * share))
        score, why = share, ""
        missing = own.numbers - asked.numbers - best.words.numbers - said_otherwise(own, best.words)
        if missing or _counts_other(own, best.words, asked):
            score, why = score * (FOLLOWING if self._follows(missing, own, best) else WRONG_NUMBER), "number"
        if any(not self._knows(name) for name in own.names - self.known - asked.terms):
            score, why = score * UNKNOWN_NAME, why or "name"
        if share >= ALIKE and self._turned(text, own, best):
            score, why = score * TURNED, why or "turned"
        left, changed = change(text, own, [one.text for _, one in held if one.alone][:LOOKED_AT])
        score, why = score * left, why or changed
        return _Look(score, near if score >= PARTLY else (), why), total


@dataclass(frozen=True, slots=True)
class _Look:
    score: float
    documents: tuple[int, ...]
    why: str


def _passages(document: int, text: str) -> list[_Passage]:
    found = [one.text for one in sentences.split(text)][:LONGEST_DOCUMENT]
    # a row of a table stands for itself
    pairs = [
        f"{one} {other}" for one, other in itertools.pairwise(found) if "|" not in one and "|" not in other
    ]
    return [
        _Passage(document, one, place < len(found), words(one), _clauses(one), _stems(one))
        for place, one in enumerate((*found, *pairs))
    ]


def _stems(text: str) -> dict[str, tuple[str, ...]]:
    """The longer English terms by their first letters."""
    found: dict[str, tuple[str, ...]] = {}
    for term in words(text).terms:
        if len(term) >= LEAST_STEM:
            found[term[:LEAST_STEM]] = (*found.get(term[:LEAST_STEM], ()), term)
    return found


def _clauses(text: str) -> tuple[tuple[str, Words], ...]:
    return tuple((one, words(one)) for one in sentences.clauses(text))


def _parts(sentence: str, own: Words) -> list[tuple[str, Words]]:
    """The clauses that say enough to be looked up; small ones go with the one before."""
    found: list[str] = []
    for clause in sentences.clauses(sentence):
        if found and (len(words(clause).terms) < 3 or len(words(found[-1]).terms) < 3):
            found[-1] = f"{found[-1]}, {clause}"
        else:
            found.append(clause)
    if len(found) > 1 and len(words(found[-1]).terms) < 3:
        found[-2:] = [f"{found[-2]}, {found[-1]}"]
    return [(one, words(one)) for one in found if words(one).terms] or [(sentence, own)]


def _held(weights: dict[str, float], passage: _Passage) -> float:
    """The weight of the terms that stand there; a Chinese pair whose characters both do, or another form, counts half."""
    found = 0.0
    there = passage.words
    for term, weight in weights.items():
        if term in there.terms:
            found += weight
        elif term >= "\u4e00":
            if there.characters.issuperset(term):
                found += HALF_WORD * weight
            elif not there.characters.isdisjoint(term):
                found += ONE_OF_PAIR * weight
        elif any(alike(term, other) for other in passage.stems.get(term[:LEAST_STEM], ())):
            found += HALF_WORD * weight
    return found


def _counted(said: frozenset[tuple[float, str]], there: Words) -> int:
    """How many of the amounts stand there, in whatever unit."""
    return sum(one in there.amounts or (not one[1] and one[0] in there.numbers) for one in said)


def _counts_other(own: Words, there: Words, asked: Words) -> bool:
    """Whether a number counts something of which the passage names other numbers: 20 days where 20 years stand."""
    counted = {unit for _, unit in there.measures if unit}
    return any(
        unit in counted and (value, "") not in there.measures and amount((value, unit)) not in there.amounts
        for value, unit in own.measures - asked.measures - there.measures
    )


def _aligned(own: Words, clause: Words) -> bool:
    shared = len(own.terms & clause.terms)
    return shared > 0 and 2 * shared >= min(len(clause.terms), len(own.terms))


def _together(looked: Sequence[tuple[float, float]]) -> float:
    """The mean of the clauses, pulled down by the weakest one."""
    total = sum(weight for _, weight in looked)
    mean = sum(score * weight for score, weight in looked) / total if total else 0.0
    return min(1.0, (1.0 - OF_WEAKEST) * mean + OF_WEAKEST * min(score for score, _ in looked))


def _documents(looked: Sequence[tuple[_Look, float]]) -> tuple[int, ...]:
    best = sorted((one for one, _ in looked), key=lambda one: -one.score)
    return tuple(dict.fromkeys(place for one in best for place in one.documents))


def _verdict(score: float, looked: Sequence[tuple[_Look, float]]) -> Verdict:
    if score >= SUPPORTED:
        return Verdict.SUPPORTED
    if score >= PARTLY or (len(looked) > 1 and max(one.score for one, _ in looked) >= SUPPORTED):
        return Verdict.PARTLY
    return Verdict.UNSUPPORTED
