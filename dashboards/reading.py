"""How one call is laid out for reading: its lanes, its tokens by risk, its sentences and their support. Pure."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

MOST_TOKENS = 2_000
SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？]*")
REDACTION = re.compile(r"(‹[a-z][a-z0-9_]{0,29}:[^›]{1,60}›)")
# the share of a sentence's letter pairs that must stand in a context to call it supported
SUPPORTED = 0.5
RISKS = ((0.10, 3), (0.35, 2), (0.65, 1))


@dataclass(frozen=True, slots=True)
class Lane:
    """A stretch of a call: where it starts and how long it lasts, as shares of the whole."""

    name: str
    start: float
    width: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Piece:
    """A bit of text and how it is marked (empty: not at all)."""

    text: str
    mark: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Support:
    """One sentence of an answer, and the context (by number) that holds most of it."""

    text: str
    context: int | None
    share: float


def lanes(
    duration: float | None, queue: float | None, ttft: float | None, inference: float | None
) -> list[Lane]:
    """Queue, prefill, decode and what is left; only stretches that are known."""
    if not duration or duration <= 0:
        return []
    waited = min(queue or 0.0, duration)
    first = min(max(ttft, waited), duration) if ttft is not None else None
    stretches = [("queue", 0.0, waited)] if queue else []
    if first is None:
        stretches.append(("inference", waited, min(inference or duration - waited, duration - waited)))
    else:
        stretches += [("prefill", waited, first - waited), ("decode", first, duration - first)]
    return [
        Lane(name, start / duration, length / duration, length)
        for name, start, length in stretches
        if length > 0
    ]


def marked(text: str) -> list[Piece]:
    """The text with its redactions marked."""
    parts = REDACTION.split(text)
    return [Piece(part, "redacted" if place % 2 else "") for place, part in enumerate(parts) if part]


def highlighted(text: str, words: Sequence[str]) -> list[Piece]:
    """The text with every occurrence of the words marked, whatever their case."""
    if not words:
        return [Piece(text)] if text else []
    sought = re.compile(
        "(" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")", re.IGNORECASE
    )
    parts = sought.split(text)
    return [Piece(part, "found" if place % 2 else "") for place, part in enumerate(parts) if part]


def risky(tokens: Sequence[Mapping[str, Any]]) -> list[Piece]:
    """The answer token by token, marked by how unlikely the model itself found each."""
    pieces = []
    for token in tokens[:MOST_TOKENS]:
        logprob = token.get("logprob")
        chance = math.exp(logprob) if isinstance(logprob, (int, float)) else None
        level = next((level for limit, level in RISKS if chance is not None and chance < limit), 0)
        pieces.append(Piece(str(token.get("text", "")), f"r{level}" if level else "", _hint(chance, token)))
    return pieces


def supports(output: str, contexts: Sequence[str]) -> list[Support]:
    """Each sentence of the answer with the context that shares most of its wording."""
    grams = [_grams(text) for text in contexts]
    found = []
    for match in SENTENCE.finditer(output):
        own = _grams(match[0])
        if len(own) < 4:
            continue
        shares = [len(own & theirs) / len(own) for theirs in grams]
        best = max(range(len(shares)), key=shares.__getitem__) if shares else None
        share = shares[best] if best is not None else 0.0
        found.append(
            Support(match[0].strip(), best + 1 if best is not None and share >= SUPPORTED else None, share)
        )
    return found


def _grams(text: str) -> set[str]:
    letters = [letter for letter in text.lower() if letter.isalnum()]
    return {a + b for a, b in pairwise(letters)}


def _hint(chance: float | None, token: Mapping[str, Any]) -> str:
    if chance is None:
        return ""
    others = [str(one.get("text", "")) for one in token.get("top") or () if isinstance(one, Mapping)]
    also = f" | {' · '.join(others[:4])}" if others else ""
    return f"p={chance:.2f}{also}"
