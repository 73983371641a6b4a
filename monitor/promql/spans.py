"""Arithmetic in durations, such as ``x[2 * 5m + 30s]`` or ``offset (1h / 2)``: worked out before parsing.

The parser wheel knows plain durations only, so the sum is put in their place.
"""

import math
import re
from collections.abc import Callable, Sequence

from monitor.core import durations

_PIECE = re.compile(
    r"\s*(?:(?P<number>(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\w.])|(?:\d+(?:ms|[smhdwy]))+)|(?P<sign>[-+*/%^()]))"
)
_LEVELS: tuple[dict[str, Callable[[float, float], float]], ...] = (
    {"+": lambda a, b: a + b, "-": lambda a, b: a - b},
    {"*": lambda a, b: a * b, "/": lambda a, b: a / b, "%": math.fmod},
)


class BadSpanError(ValueError):
    """Text between brackets, or after ``offset``, that comes to no duration."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


class _Reader:
    """Recursive descent over the pieces of one expression; values are seconds."""

    def __init__(self, pieces: Sequence[str]) -> None:
        self.pieces = [*pieces, ""]
        self.at = 0

    def take(self) -> str:
        self.at += 1
        return self.pieces[self.at - 1]

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
            if self.take() != ")":
                raise ValueError
            return value
        return durations.parse(piece) / 1000 if piece[-1:].isalpha() else float(piece)


def is_sum(text: str) -> bool:
    """Whether the text between brackets, or after ``offset``, is more than one duration."""
    return re.search(r"[-+*/%^(]", re.sub(r"e[-+]", "", text.strip().lstrip("-+"))) is not None


def seconds(text: str, position: int) -> float:
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
    reader = _Reader(pieces)
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


def folded(text: str, position: int, *, positive: bool) -> str:
    """The expression as one plain duration."""
    value = seconds(text, position)
    if positive and value <= 0:
        message = f"duration must be greater than 0, {text.strip()!r} is {value:g} s"
        raise BadSpanError(message, position)
    milliseconds = round(value * 1000)
    return f"-{-milliseconds}ms" if milliseconds < 0 else f"{milliseconds}ms"
