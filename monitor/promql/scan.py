"""A light scan of the text before the real parser sees it: limits, positions, and what the parser lets slip.

The parser wheel gives no positions, crashes the process on deep nesting and misreads raw strings; all three
are settled here.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from monitor.promql import spans
from monitor.promql.errors import BadQueryError

MAX_LENGTH = 16_384
MAX_DEPTH = 100
MAX_OPERATORS = 500
# the wheel cannot hand out a negative @ time, so it is moved beyond any real one and back
NEGATIVE_AT = 2**36

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
    |(?P<text>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`[^`]*`)
    |(?P<number>0[xX](?:_?[0-9a-fA-F])+|(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?(?:[a-z][a-z0-9]*)?)
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)
    |(?P<operator>==|!=|=~|!~|>=|<=|</|>/|[-+*/%^<>=])
    |(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<comma>,)|(?P<at>@)
    |(?P<unclosed>["'`])|(?P<strange>.)""",
    re.VERBOSE | re.DOTALL,
)
_BYTES = re.compile(r"\\(?:x|[0-7])")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    "'": "'",
    '"': '"',
}
_QUOTES = frozenset({"'", '"'})
_LONGEST = 1e12
# of pairs that spell one character elsewhere; none by themselves
_HALVES = range(0xD800, 0xE000)
_LAST_CHARACTER, _BYTE = 0x10FFFF, 255
_WORDS = frozenset({"and", "or", "unless", "atan2"})
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_NAMES = {"(": "parenthesis", "[": "bracket", "{": "brace"}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    position: int


def failure(text: str, position: int, reason: str) -> BadQueryError:
    """The error Prometheus would give: line and column (from 1), then the reason."""
    before = text[:position]
    line, column = before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1
    return BadQueryError(f"{line}:{column}: parse error: {reason}", position)


def scan(text: str) -> list[Token]:
    """The tokens without white space; raises BadQueryError for what is over a limit or out of place."""
    if len(text) > MAX_LENGTH:
        message = f"the expression has {len(text)} characters; at most {MAX_LENGTH} are allowed"
        raise BadQueryError(message, MAX_LENGTH)
    tokens = [token for token in _tokens(text) if token.kind != "space"]
    if not tokens:
        raise failure(text, 0, "no expression found in input")
    _check_brackets(text, tokens)
    offset = False
    for before, token in pairwise(tokens):
        opens = before.text.lower() in {"offset", "[", ":"} or (before.text in {"-", "+"} and offset)
        offset = before.text.lower() == "offset"
        if opens and _is_huge(token):
            raise failure(text, token.position, "duration out of range")
    operators = [token for token in tokens if token.kind == "operator" or token.text.lower() in _WORDS]
    if len(operators) > MAX_OPERATORS:
        reason = f"more than {MAX_OPERATORS} operators"
        raise failure(text, operators[MAX_OPERATORS].position, reason)
    return tokens


def _tokens(text: str) -> Iterator[Token]:
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup or "strange"
        if kind == "unclosed":
            raise failure(text, match.start(), f"unterminated quoted string {match.group()}")
        if kind == "text" and match.group()[0] != "`":
            _check_escapes(text, match)
        yield Token(kind, match.group(), match.start())


def _check_escapes(text: str, literal: re.Match[str]) -> None:
    """Raises for an escape that spells nothing."""
    quote = literal.group()[0]
    for found in _ESCAPE.finditer(text, literal.start() + 1, literal.end() - 1):
        escape = found[1]
        if len(escape) == 1 and (escape not in _ESCAPES or escape in _QUOTES - {quote}):
            raise failure(text, found.start(), f"unknown escape sequence {found[0]!r}")
        number = int(escape[1:], 16) if escape[0] in "uU" and len(escape) > 1 else 0
        if number > _LAST_CHARACTER or number in _HALVES or (escape.isdecimal() and int(escape, 8) > _BYTE):
            raise failure(text, found.start(), f"escape sequence {found[0]!r} stands for no character")


def _check_brackets(text: str, tokens: Sequence[Token]) -> None:
    stack: list[Token] = []
    for token in tokens:
        if token.kind == "open":
            stack.append(token)
            if len(stack) > MAX_DEPTH:
                raise failure(text, token.position, f"nested deeper than {MAX_DEPTH} levels")
        elif token.kind == "close":
            if not stack or _PAIRS[stack[-1].text] != token.text:
                raise failure(text, token.position, f"unexpected {token.text!r}")
            stack.pop()
        elif stack and stack[-1].text == "{" and token.text == "or":
            raise failure(text, token.position, "unexpected 'or' in label matching, expected ',' or '}'")
        elif stack and stack[-1].text == "[" and _is_zero(token):
            raise failure(text, token.position, "duration must be greater than 0")
        elif token.kind == "strange" and not (token.text == ";" and stack):
            raise failure(text, token.position, f"unexpected character: {token.text!r}")
    if stack:
        raise failure(text, stack[-1].position, f"unclosed left {_NAMES[stack[-1].text]}")


def _is_zero(token: Token) -> bool:
    return (
        token.kind == "number" and re.fullmatch(r"(?:0+(?:\.0*)?(?:ms|[smhdwy])?)+", token.text) is not None
    )


def _is_huge(token: Token) -> bool:
    """A bare number of seconds beyond any span; the wheel panics on it, aloud."""
    word = token.text.lower().replace("_", "")
    if token.kind == "name":
        return word in {"inf", "nan"}
    if word.startswith("0x"):
        return int(word, 16) > _LONGEST
    return re.fullmatch(r"[\d.]+(e[+-]?\d+)?", word) is not None and float(word) > _LONGEST


def rewritten(text: str, tokens: Sequence[Token], question: spans.Question) -> str:
    """The same expression in a spelling the wheel reads rightly; raises BadQueryError."""
    try:
        return " ".join(_respelling(text, tokens, question))
    except spans.BadSpanError as error:
        raise failure(text, error.position, str(error)) from error


def _respelling(text: str, tokens: Sequence[Token], question: spans.Question) -> list[str]:
    parts: list[str] = []
    place = 0
    while place < len(tokens):
        token = tokens[place]
        following = tokens[place + 1] if place + 1 < len(tokens) else None
        if token.text == "[":
            stop = _closing(tokens, place)
            inner = text[token.position + 1 : tokens[stop].position]
            parts.append(_brackets(inner, token.position + 1, question))
            place = stop
        elif token.text.lower() == "offset" and following and _opens_sum(tokens, place + 1):
            start = place + 1 + (following.text in {"-", "+"})
            stop = _closing(tokens, start + (tokens[start].text != "("))
            inner = text[following.position : tokens[stop].position + 1]
            shift = spans.folded(inner, following.position, question, positive=False)
            # the wheel takes no offset of 0
            parts += ["offset", shift] if shift != "0ms" else []
            place = stop
        elif token.kind == "at" and following and following.text == "-":
            number = tokens[place + 2] if place + 2 < len(tokens) else following
            parts += ["@", repr(float(number.text) + NEGATIVE_AT) if number.kind == "number" else "-"]
            place += 2 if number.kind == "number" else 1
        else:
            parts.append(_respelled(token))
        place += 1
    return parts


def signed(tokens: Sequence[Token]) -> list[Token]:
    """The tokens with a minus in the place of every plus sign; empty where there is none.

    The wheel drops a plus sign without looking at what it stands before; of a minus it wants a number.
    """
    found, depth = False, 0
    result = list(tokens)
    for place, token in enumerate(tokens):
        depth += (token.text == "[") - (token.text == "]")
        before = tokens[place - 1] if place else None
        begins = before is None or before.kind in {"open", "comma", "operator"} or before.text in _WORDS
        if token.text == "+" and begins and not depth:
            result[place], found = Token("operator", "-", token.position), True
    return result if found else []


def _opens_sum(tokens: Sequence[Token], place: int) -> bool:
    """Whether a duration to be worked out begins here: a sum in parentheses, or a function such as step()."""
    if tokens[place].text in {"-", "+"}:
        place += 1
    place += place + 1 < len(tokens) and tokens[place].text.lower() in spans.WORDS
    return place < len(tokens) and tokens[place].text == "("


def opening(tokens: Sequence[Token], place: int) -> int:
    """Where the bracket closed at ``place`` was opened."""
    depth = 0
    for number in range(place, -1, -1):
        depth += (tokens[number].kind == "close") - (tokens[number].kind == "open")
        if depth == 0:
            return number
    return 0


def _closing(tokens: Sequence[Token], place: int) -> int:
    """Where the bracket opened at ``place`` is closed; the scan has made sure that it is."""
    depth = 0
    for number in range(place, len(tokens)):
        depth += (tokens[number].kind == "open") - (tokens[number].kind == "close")
        if depth == 0:
            return number
    return len(tokens) - 1


def _brackets(inner: str, position: int, question: spans.Question) -> str:
    """What stands between brackets, with sums worked out."""
    halves = [
        spans.folded(half, position, question, positive=True) if spans.is_sum(half) else _counted(half)
        for half in inner.split(":")
    ]
    return "[" + ":".join(halves) + "]"


def _counted(half: str) -> str:
    """A number of seconds without its underscores; anything else as it is."""
    return half.replace("_", "") if re.fullmatch(r"\s*[\d.][\d_.]*\s*", half) else half


def _respelled(token: Token) -> str:
    if token.text in {"</", ">/"} and token.kind == "operator":
        # the wheel does not know them; they are put back into its tree
        return token.text[0]
    if token.kind == "text" and (token.text[0] == "`" or _BYTES.search(token.text)):
        return _quoted(unquoted(token.text))
    return token.text.replace("_", "") if token.kind == "number" else token.text


def unquoted(text: str) -> str:
    """What the literal says. Byte escapes spell UTF-8; bytes that are none become U+FFFD."""
    if text[0] == "`":
        return text[1:-1]

    def as_bytes(match: re.Match[str]) -> bytes:
        escape = match.group(1)
        if escape[0] == "x":
            return bytes([int(escape[1:], 16)])
        if escape[0] in "uU":
            return chr(int(escape[1:], 16)).encode()
        return _ESCAPES[escape].encode() if escape in _ESCAPES else bytes([int(escape, 8)])

    parts, done = [], 1
    for match in _ESCAPE.finditer(text, 1, len(text) - 1):
        parts += [text[done : match.start()].encode(), as_bytes(match)]
        done = match.end()
    parts.append(text[done:-1].encode())
    return b"".join(parts).decode("utf-8", "replace")


def _quoted(raw: str) -> str:
    return '"' + raw.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
