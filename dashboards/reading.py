"""How one call is laid out for reading: its lanes, its redactions, the words that were sought. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

# a cell of a list shows some 34 letters, or half as many of Chinese
NEAR, BEFORE = 14, 10
REDACTION = re.compile(r"(‹[a-z][a-z0-9_]{0,29}:[^›]{1,60}›)")


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


def from_found(text: str, words: Sequence[str]) -> str:
    """The text from shortly before the first of the words: a row shows little more than that."""
    found = _sought(words).search(text) if words else None
    if found is None or found.start() <= NEAR:
        return text
    start = found.start() - BEFORE
    gap = text.find(" ", start, found.start())
    return f"…{text[gap + 1 if gap >= 0 else start :]}"


def highlighted(text: str, words: Sequence[str]) -> list[Piece]:
    """The text with every occurrence of the words marked, whatever their case."""
    if not words:
        return [Piece(text)] if text else []
    parts = _sought(words).split(text)
    return [Piece(part, "found" if place % 2 else "") for place, part in enumerate(parts) if part]


def _sought(words: Sequence[str]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("(" + "|".join(map(re.escape, longest_first)) + ")", re.IGNORECASE)
