"""Arithmetic in durations, such as ``x[2 * 5m + step()]`` or ``offset (1h / 2)``: worked out before parsing.

The parser wheel knows plain durations only, so the sum is put in their place.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from monitor.core import durations
from monitor.promql.values import Grid

_PIECE = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\w.])|(?:\d+(?:ms|[smhdwy]))+)"
    r"|(?P<word>[A-Za-z_]+)|(?P<sign>[-+*/%^(),]))"
)
_LEVELS: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: a / b, "%": math.fmod},
)


_CHOICES: dict[str, Callable[[float, float], float]] = {"min": min, "max": max, "min_of": min, "max_of": max}
# words that open a duration after ``offset``
WORDS = frozenset({"step", "range", *_CHOICES})


@dataclass(frozen=True, slots=True)
class Question:
    """What ``step()`` and ``range()`` stand for, in seconds; both are 0 at a single moment."""

    step: float
    range: float

    @classmethod
    def of(cls, grid: Grid, *, at_once: bool) -> "Question":
        if at_once:
            return cls(0.0, 0.0)
        return cls(grid.step / 1000, (grid.end - grid.start) / 1000)


class BadSpanError(ValueError):
    """Text between brackets, or after ``offset``, that comes to no duration."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class _Reader:
    """Recursive descent over the pieces of one expression; values are seconds."""

    def __init__(self, pieces: Sequence[str], question: Question) -> None:
        self.pieces = [*pieces, ""]
        self.at = 0
        self.known = {"step": question.step, "range": question.range}

    def take(self) -> str:
        self.at += 1
        return self.pieces[self.at - 1]

    def want(self, piece: str) -> None:
        if self.take() != piece:
            raise ValueError

    def level(self, depth: int = 0) -> float:
        if depth == len(_LEVELS):
            return self.signed()
        value = self.level(depth + 1)
        while self.pieces[self.at] in _LEVELS[depth]:
            value = _LEVELS[depth][self.take()](value, self.level(depth + 1))
        return value

    def signed(self) -> float:
        if self.pieces[self.at] in {"-", "+"}:
            return -self.signed() if self.take() == "-" else self.signed()
        base = self.operand()
        if self.pieces[self.at] != "^":
            return base
        self.take()
        return math.pow(base, self.signed())

    def operand(self) -> float:
        piece = self.take()
        if piece == "(":
            value = self.level()
            self.want(")")
            return value
        if piece.lower() in self.known:
            self.want("(")
            self.want(")")
            return self.known[piece.lower()]
        if piece.lower() in _CHOICES:
            self.want("(")
            first = self.level()
            self.want(",")
            second = self.level()
            self.want(")")
            return _CHOICES[piece.lower()](first, second)
        return durations.parse(piece) / 1000 if piece[-1:].isalpha() else float(piece)


def is_sum(text: str) -> bool:
    """Whether the text between brackets, or after ``offset``, is more than one duration."""
    return re.search(r"[-+*/%^(]", re.sub(r"e[-+]", "", text.strip().lstrip("-+"))) is not None


def seconds(text: str, position: int, question: Question) -> float:
    """What the expression comes to; raises BadSpanError."""
    pieces, at = [], 0
    stripped = text.strip()
    while at < len(stripped):
        match = _PIECE.match(stripped, at)
        if match is None:
            message = f"bad duration expression {stripped!r}"
            raise BadSpanError(message, position)
        pieces.append(match.group().strip())
        at = match.end()
    reader = _Reader(pieces, question)
    try:
        value = reader.level()
    except ZeroDivisionError as error:
        message = f"division by zero in the duration expression {stripped!r}"
        raise BadSpanError(message, position) from error
    except (ValueError, OverflowError) as error:
        message = f"bad duration expression {stripped!r}"
        raise BadSpanError(message, position) from error
    if reader.at != len(pieces) or not abs(value) < 1e12:
        message = f"bad duration expression {stripped!r}"
        raise BadSpanError(message, position)
    return value


def folded(text: str, position: int, question: Question, *, positive: bool) -> str:
    """The expression as one plain duration."""
    value = seconds(text, position, question)
    if positive and value <= 0:
        message = f"duration must be greater than 0, {text.strip()!r} is {value:g} s"
        raise BadSpanError(message, position)
    milliseconds = round(value * 1000)
    return f"-{-milliseconds}ms" if milliseconds < 0 else f"{milliseconds}ms"
