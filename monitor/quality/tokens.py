"""How sure the model was of its answer, token by token, and where it was not. Pure.

Log-probabilities say what the model thought of its own words, not whether they are true. Attributions are the
sender's own numbers and are shown as they came.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_TOKENS = 2_000
# chances below which a token is a little, clearly, and very unlikely
LEVELS = ((0.10, 3), (0.35, 2), (0.65, 1))
# a gap of so few sure tokens does not end an uncertain span
BRIDGED = 1
LEAST_SPAN_SURPRISE = 2.0
MOST_SPANS = 8
MOST_OTHERS = 5
LARGEST = 1e300


@dataclass(frozen=True, slots=True)
class Other:
    """A token the model could have said instead."""

    text: str
    chance: float


@dataclass(frozen=True, slots=True)
class Token:
    """``level`` 0 sure to 3 very unlikely. ``margin``: the chance over that of the best other token.

    ``weight``: the attribution as a share of the largest one (-1 to 1). None where the sender gave nothing.
    """

    text: str
    chance: float | None
    surprise: float | None
    margin: float | None
    level: int
    weight: float | None
    others: tuple[Other, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """Consecutive tokens of which the model was unsure; ``start`` and ``end`` are places in the strip."""

    start: int
    end: int
    text: str
    surprise: float
    least: float
    others: tuple[Other, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """``mean``: the mean log-probability. ``known``: tokens with one. ``cut``: tokens that are not shown."""

    tokens: tuple[Token, ...]
    spans: tuple[Span, ...]
    mean: float | None
    known: int
    attributed: bool
    cut: int

    @property
    def perplexity(self) -> float | None:
        return None if self.mean is None else math.exp(min(-self.mean, 50.0))


def strip(tokens: Sequence[Mapping[str, Any]]) -> Strip:
    """The tokens of an answer as they were sent: text, logprob, top, attribution; token and top_logprobs will do."""
    shown = tokens[:MOST_TOKENS]
    largest = max((abs(one) for one in map(_attribution, shown) if one is not None), default=0.0)
    found = tuple(_token(one, largest) for one in shown)
    surprises = [one.surprise for one in map(_plain, tokens) if one.surprise is not None]
    mean = -sum(surprises) / len(surprises) if surprises else None
    return Strip(
        found, tuple(_spans(found)), mean, len(surprises), largest > 0.0, max(0, len(tokens) - MOST_TOKENS)
    )


def _plain(token: Mapping[str, Any]) -> Token:
    return _token(token, 0.0)


def _token(token: Mapping[str, Any], largest: float) -> Token:
    logprob = _number(token.get("logprob"))
    # servers write -9999 or the like for "never"; a positive one is a mistake of the sender
    logprob = None if logprob is None or logprob > 1e-6 else min(0.0, logprob)
    chance = None if logprob is None else math.exp(max(logprob, -700.0))
    text = _text(token)
    others = _others(token, text)
    best = max((one.chance for one in others), default=None)
    level = next((level for limit, level in LEVELS if chance is not None and chance < limit), 0)
    weight = _attribution(token)
    return Token(
        text, chance, None if logprob is None else -logprob,
        None if chance is None or best is None else chance - best, level,
        weight / largest if weight is not None and largest else None, others,
    )  # fmt: skip


def _text(token: Mapping[str, Any]) -> str:
    """What it says, also as OpenAI's answers have it."""
    return str(token.get("text", token.get("token", "")))


def _others(token: Mapping[str, Any], text: str) -> tuple[Other, ...]:
    """What the server listed beside the token that was taken, the likeliest first."""
    top = token.get("top", token.get("top_logprobs"))
    found = [
        Other(_text(one), math.exp(max(number, -700.0)))
        for one in (top if isinstance(top, list) else ())
        if isinstance(one, Mapping) and (number := _number(one.get("logprob"))) is not None and number <= 1e-6
    ]
    others = [one for one in found if one.text != text]
    return tuple(sorted(others, key=lambda one: -one.chance)[:MOST_OTHERS])


def _spans(tokens: Sequence[Token]) -> list[Span]:
    """Where unlikely tokens stand together, the most surprising span first."""
    unsure = [place for place, one in enumerate(tokens) if one.level >= 2]
    runs: list[list[int]] = []
    for place in unsure:
        if runs and place - runs[-1][-1] <= BRIDGED + 1:
            runs[-1].append(place)
        else:
            runs.append([place])
    found = [_span(tokens, run[0], run[-1] + 1) for run in runs]
    kept = [one for one in found if one.surprise >= LEAST_SPAN_SURPRISE and one.text.strip()]
    return sorted(kept, key=lambda one: -one.surprise)[:MOST_SPANS]


def _span(tokens: Sequence[Token], start: int, end: int) -> Span:
    part = tokens[start:end]
    weakest = min(part, key=lambda one: 1.0 if one.chance is None else one.chance)
    return Span(
        start, end, "".join(one.text for one in part), sum(one.surprise or 0.0 for one in part),
        1.0 if weakest.chance is None else weakest.chance, weakest.others,
    )  # fmt: skip


def _attribution(token: Mapping[str, Any]) -> float | None:
    return _number(token.get("attribution"))


def _number(value: Any) -> float | None:
    # JSON also holds whole numbers longer than any float
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
        return None
    return float(value)
