"""How the scripted judge marks an answer: by what can be seen in the text, no model involved. Pure."""

import hashlib
import re
from dataclasses import dataclass

BEST, WORST = 5, 0
REFUSALS = re.compile(r"can't help|cannot help|unable to (?:help|answer)|无法回答|不能回答", re.IGNORECASE)
EVASIONS = re.compile(r"that depends on|in general it is best|一般来说|取决于具体情况", re.IGNORECASE)
ENDINGS = tuple(".!?。！？`)”")
SENTENCE = re.compile(r"[^.!?。！？；]+[.!?。！？；]")
# the first four letters: need, needs and needed are one word
WORD = re.compile(r"\b[a-z_]{4}")
CHINESE = re.compile(r"[一-鿿]+")


@dataclass(frozen=True, slots=True)
class Mark:
    score: int
    reason: str


def mark(question: str, answer: str) -> Mark:
    """Points off for each fault that shows; the same texts always get the same mark."""
    said = answer.strip()
    if not said:
        return Mark(WORST, "there is no answer")
    if REFUSALS.search(said):
        return Mark(1, "the answer declines to help")
    faults = [
        (2, "it breaks off in the middle of a sentence", not said.endswith(ENDINGS)),
        (3, "it repeats the same sentence", _repeats(said)),
        (2, "it evades the question", bool(EVASIONS.search(said))),
        (2, "it hardly speaks of what was asked", _shared(question, said) < 2),
    ]
    found = [(points, text) for points, text, there in faults if there]
    taste = hashlib.blake2b(said.encode(), digest_size=1).digest()[0] % 5 == 0
    score = max(1, BEST - sum(points for points, _ in found) - (1 if taste else 0))
    if found:
        return Mark(score, "; ".join(text for _, text in found))
    return Mark(score, "it could be put more simply" if taste else "it answers what was asked")


def supported(sentence: str, documents: str) -> bool:
    """Whether the documents hold at least half of a sentence's words."""
    terms = _terms(sentence)
    return 2 * len(terms & _terms(documents)) >= max(1, len(terms))


def _repeats(text: str) -> bool:
    sentences = [sentence.strip() for sentence in SENTENCE.findall(text)]
    return len(sentences) >= 3 and len(set(sentences)) * 2 <= len(sentences)


def _shared(one: str, other: str) -> int:
    """How many words (Chinese: pairs of characters) both texts hold."""
    return len(_terms(one) & _terms(other))


def _terms(text: str) -> set[str]:
    chinese = "".join(CHINESE.findall(text))
    return set(WORD.findall(text.lower())) | {chinese[at : at + 2] for at in range(len(chinese) - 1)}
