"""Where in the text a warning or an info belongs: its argument or operand, as line and column, like Prometheus."""

import re
from collections.abc import Iterator, Mapping, Sequence

from monitor.promql.blame import AGGREGATIONS
from monitor.promql.errors import BadQueryError
from monitor.promql.functions import FUNCTIONS
from monitor.promql.scan import Token, scan

# as many of a kind are told, like there
MOST = 10
_BINDING = {
    "or": 1, "and": 2, "unless": 2,
    "==": 3, "!=": 3, "<": 3, ">": 3, "<=": 3, ">=": 3, "</": 3, ">/": 3,
    "+": 4, "-": 4, "*": 5, "/": 5, "%": 5, "atan2": 5, "^": 6,
}  # fmt: skip
_MODIFIERS = frozenset({"on", "ignoring", "group_left", "group_right", "fill", "fill_left", "fill_right"})
_METRIC = re.compile(r'"((?:[^"\\]|\\.)*)"$')
# what is said of a number that was given, not of the samples
_OF_NUMBERS = ("quantile value", "ratio value")


def placed(text: str, notes: Mapping[str, str], kind: str = "info") -> list[str]:
    """The first notes (each with the function or operator that gave it), with their places where they are found."""
    few = list(notes.items())[:MOST]
    left = len(notes) - len(few)
    rest = [f"{left} more {kind} annotations omitted"] if left else []
    if not any(of for _, of in few):
        return [note for note, _ in few] + rest
    try:
        tokens = scan(text)
    except BadQueryError:
        return [note for note, _ in few] + rest
    return [_placed(text, tokens, note, of) if of else note for note, of in few] + rest


def _placed(text: str, tokens: Sequence[Token], note: str, of: str) -> str:
    found = list(_starts(tokens, note, of))
    if not found:
        return note
    # of several the one that speaks of the metric that the note names
    metric = _METRIC.search(note)
    spoken = [start for start, stop in found if metric and _names(tokens[start:stop], metric[1])]
    position = tokens[spoken[0] if spoken else found[-1][0]].position
    line = text.count("\n", 0, position) + 1
    return f"{note} ({line}:{position - text.rfind(chr(10), 0, position)})"


def _names(tokens: Sequence[Token], metric: str) -> bool:
    return any(token.text.strip("\"'`") == metric for token in tokens)


def _starts(tokens: Sequence[Token], note: str, of: str) -> Iterator[tuple[int, int]]:
    """From which token to which each part goes that the note may mean."""
    for place, token in enumerate(tokens):
        if token.kind not in {"name", "operator"} or token.text.lower() != of:
            continue
        if of in _BINDING:
            if not _is_unary(tokens, place):
                yield _left(tokens, place), len(tokens)
            continue
        arguments = _arguments(tokens, place)
        if arguments:
            number = _which(note, of)
            yield arguments[number] if number < len(arguments) else arguments[-1]


def _which(note: str, of: str) -> int:
    """The number of the argument."""
    about_number = note.partition(": ")[2].startswith(_OF_NUMBERS)
    if of in AGGREGATIONS:
        return 0 if about_number else -1
    kinds = FUNCTIONS[of].kinds if of in FUNCTIONS else ()
    wanted = {"scalar"} if about_number else {"vector", "matrix"}
    return next((number for number, kind in enumerate(kinds) if kind in wanted), 0)


def _arguments(tokens: Sequence[Token], place: int) -> list[tuple[int, int]]:
    """The spans of what stands in the parentheses behind a name; aggregations may say ``by (…)`` first."""
    place += 1
    if place < len(tokens) and tokens[place].text.lower() in {"by", "without"}:
        place = _behind(tokens, place + 1)
    if place >= len(tokens) or tokens[place].text != "(":
        return []
    end = _behind(tokens, place) - 1
    edges, at = [place], place + 1
    while at < end:
        if tokens[at].kind == "comma":
            edges.append(at)
        at = _behind(tokens, at) if tokens[at].kind == "open" else at + 1
    return [
        (start + 1, stop) for start, stop in zip(edges, [*edges[1:], end], strict=True) if start + 1 < stop
    ]


def _behind(tokens: Sequence[Token], place: int) -> int:
    """The place behind the bracket that opens there."""
    depth = 0
    for at in range(place, len(tokens)):
        depth += (tokens[at].kind == "open") - (tokens[at].kind == "close")
        if depth == 0:
            return at + 1
    return len(tokens)


def _is_unary(tokens: Sequence[Token], place: int) -> bool:
    if tokens[place].text not in {"+", "-"}:
        return False
    before = tokens[place - 1] if place else None
    return before is None or before.kind in {"open", "comma", "operator", "at"} or _binds(before) > 0


def _binds(token: Token) -> int:
    return _BINDING.get(token.text.lower(), 0) if token.kind in {"name", "operator"} else 0


def _left(tokens: Sequence[Token], place: int) -> int:
    """Where the left side of the operator begins."""
    strength, at, depth = _binds(tokens[place]), place - 1, 0
    while at >= 0:
        token = tokens[at]
        depth += (token.kind == "close") - (token.kind == "open")
        if depth < 0 or (depth == 0 and token.kind == "comma"):
            break
        if depth == 0 and 0 < _binds(token) <= strength - (strength < 6) and not _is_unary(tokens, at):
            break
        at -= 1
    at += 1
    while at < place and tokens[at].text.lower() in {"bool", *_MODIFIERS} and tokens[at - 1 : at]:
        at = at + 1 if tokens[at + 1].text != "(" else _behind(tokens, at + 1)
    return at
