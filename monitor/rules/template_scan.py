"""Pure: the text of a Go template into plain text and actions, in one pass from left to right.

No part of the text is looked at twice, so that reading costs as much as the text is long.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

SPACE = " \t\r\n"
_LARGEST = 2**63
# possessive throughout: a token that does not end is an error at once, nothing is tried again
_TOKEN = re.compile(
    r"""(?P<text>"(?:\\[^\n]|[^"\\\n])*+")|(?P<raw>`[^`]*+`)|(?P<char>'(?:\\[^\n]|[^'\\\n])++')"""
    r"""|(?P<number>[-+]?\.?\d(?:[eEpP][-+]|[\w.])*+)"""
    r"""|(?P<assign>:?=)|(?P<punct>[|(),])|(?P<var>\$\w*+(?:\.\w++)*+)|(?P<field>(?:\.\w++)++|\.)|(?P<word>\w++)"""
)
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\'\"])|x([0-9a-fA-F]{2})|([0-3][0-7]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.?))", re.DOTALL
)  # fmt: skip
_LETTERS = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


class BadTemplateError(ValueError):
    """A template that can't be read or filled; whoever wrote it can mend it."""


@dataclass(frozen=True, slots=True)
class Token:
    """One word of an action. Kind ``value`` is a constant and carries it."""

    kind: str
    text: str
    value: Any = None


def scan(source: str) -> Iterator[str | tuple[Token, ...]]:
    """Plain texts, with the space around them trimmed as their neighbours wish, and actions; comments are left out.

    Raises BadTemplateError.
    """
    position, trim = 0, False
    while True:
        start = source.find("{{", position)
        text = source[position:] if start < 0 else source[position:start]
        text = text.lstrip(SPACE) if trim else text
        if start < 0:
            yield text
            return
        begin = start + 2
        if source[begin : begin + 1] == "-" and _space(source, begin + 1):
            begin, text = begin + 2, text.rstrip(SPACE)
        yield text
        if source.startswith("/*", begin):
            position, trim = _behind_comment(source, begin)
            continue
        tokens, position, trim = _action(source, begin)
        yield tokens


def _space(source: str, at: int) -> bool:
    return at < len(source) and source[at] in SPACE


def _closing(source: str, at: int) -> tuple[int, bool] | None:
    """Where the text goes on behind ``}}`` or `` -}}``, and whether its space is trimmed."""
    if source.startswith("}}", at):
        return at + 2, False
    if _space(source, at) and source.startswith("-}}", at + 1):
        return at + 4, True
    return None


def _behind_comment(source: str, begin: int) -> tuple[int, bool]:
    end = source.find("*/", begin)
    if end < 0:
        message = "a comment is not closed"
        raise _complaint(message, source, begin)
    closing = _closing(source, end + 2)
    if closing is None:
        message = "a comment must fill its action"
        raise _complaint(message, source, begin)
    return closing


def _action(source: str, at: int) -> tuple[tuple[Token, ...], int, bool]:
    begin = at
    tokens: list[Token] = []
    while at < len(source):
        closing = _closing(source, at)
        if closing is not None:
            return tuple(tokens), *closing
        if source[at] in SPACE:
            at += 1
            continue
        match = _TOKEN.match(source, at)
        if match is None:
            what = "a text in quotes is not closed" if source[at] in "\"'`" else "unexpected"
            raise _complaint(what, source, at)
        tokens.append(_token(match))
        at = match.end()
    message = "an action is not closed"
    raise _complaint(message, source, begin - 2)


def _complaint(what: str, source: str, at: int) -> BadTemplateError:
    line = source.count("\n", 0, at) + 1
    where = f" (line {line})" if "\n" in source else ""
    return BadTemplateError(f"{what}: {source[at : at + 40]!r}{where}")


def _token(match: re.Match[str]) -> Token:
    kind, text = str(match.lastgroup), match.group()
    match kind:
        case "text":
            return Token("value", text, unquoted(text))
        case "raw":
            return Token("value", text, text[1:-1].replace("\r", ""))
        case "char":
            return Token("value", text, _rune(text))
        case "number":
            return Token("value", text, _number(text))
    return Token(kind, text)


def unquoted(text: str) -> str:
    """What stands between quotes, its escapes as Go reads them; raises BadTemplateError."""
    quote, inside = text[0], text[1:-1]
    if "\\" not in inside:
        return inside

    def escaped(match: re.Match[str]) -> bytes:
        letter, byte, octal, short, long, _other = match.groups()
        if letter is not None and letter != ("'" if quote == '"' else '"'):
            return _LETTERS.get(letter, letter).encode()
        if byte is not None or octal is not None:
            return bytes([int(byte, 16) if byte is not None else int(octal, 8)])
        code = int(short or long or "-1", 16)
        if 0 <= code < 0x110000 and not 0xD800 <= code < 0xE000:
            return chr(code).encode()
        message = f"unknown escape {match.group()!r} in {text[:40]}"
        raise BadTemplateError(message)

    parts, position = [], 0
    for match in _ESCAPE.finditer(inside):
        parts += [inside[position : match.start()].encode(errors="replace"), escaped(match)]
        position = match.end()
    parts.append(inside[position:].encode(errors="replace"))
    return b"".join(parts).decode(errors="replace")


def _rune(text: str) -> int:
    letter = unquoted(text)
    if len(letter) != 1:
        message = f"{text[:40]} is not one character"
        raise BadTemplateError(message)
    return ord(letter)


def _number(text: str) -> float:
    """An ``int`` where Go sees one, else a float; raises BadTemplateError."""
    try:
        found = _whole(text) if _is_whole(text) else _broken(text)
    except ValueError as error:
        message = f"{text[:40]!r} is not a number"
        raise BadTemplateError(message) from error
    if isinstance(found, float) and found in {float("inf"), float("-inf")}:
        message = f"{text[:40]!r} is larger than a number can be"
        raise BadTemplateError(message)
    if isinstance(found, int) and not -_LARGEST <= found < _LARGEST:
        message = f"{text[:40]!r} is larger than a whole number can be; write it with a point"
        raise BadTemplateError(message)
    return found


def _is_whole(text: str) -> bool:
    digits = text.lstrip("+-").lower()
    return not set(digits) & set("." + ("p" if digits.startswith("0x") else "ep"))


def _whole(text: str) -> int:
    sign, digits = text[: text[0] in "+-"], text.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567_"
    return int(f"{sign}0o{digits[1:]}" if octal else text, 0)


def _broken(text: str) -> float:
    plain = text.replace("_", "")
    return float.fromhex(plain) if "x" in plain.lower() else float(plain)
