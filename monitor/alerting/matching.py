"""Pure: matchers as people write them, in Alertmanager's syntax: ``severity="critical", team=~"a|b"``."""

import re
from collections.abc import Mapping, Sequence

from monitor.core.labels import BadMatcherError, Matcher, Op

_ONE = re.compile(
    r"""\s*(?P<label>[^\s=!~,{}"]+|"(?:\\.|[^"\\])*")\s*(?P<op>=~|!~|!=|=)\s*"""
    r"""(?P<value>"(?:\\.|[^"\\])*"|(?:[^\s,{}"=!~][^\s,{}"]*)?)\s*(?P<end>,|\n|$)"""
)
# a line of a file, which may hold more without quotes than people should write
_LINE = re.compile(
    r"\s*(?P<label>[a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?P<op>=~|!~|!=|=)\s*(?P<value>.*?)\s*", re.DOTALL
)
# commas between matchers: not those between quotation marks
_BETWEEN = re.compile(r"""((?:[^",\\]|\\.|"(?:\\.|[^"\\])*"?)+)""", re.DOTALL)
_ESCAPES = {"n": "\n", '"': '"', "\\": "\\"}


class BadMatchersError(ValueError):
    """Text that is no list of matchers; names the place. Whoever wrote it can mend it."""


def parse(text: str) -> tuple[Matcher, ...]:
    """The matchers of ``text``, braces optional, separated by commas or line ends."""
    inner = text.strip()
    if inner.startswith("{") and inner.endswith("}"):
        inner = inner[1:-1]
    inner = inner.strip().rstrip(",").rstrip()
    matchers: list[Matcher] = []
    position = 0
    while position < len(inner):
        match = _ONE.match(inner, position)
        if match is None:
            message = f'not a matcher: {inner[position : position + 40]!r}; write label="value", =~, != or !~'
            raise BadMatchersError(message)
        op: Op = match.group("op")  # type: ignore[assignment] # the pattern allows no other
        matchers.append(made(_plain(match.group("label")), op, _plain(match.group("value"))))
        position = match.end()
    return tuple(matchers)


def of_line(text: str) -> tuple[Matcher, ...]:
    """Matchers as Alertmanager's files and tools have them: ``zone=~[a-z]{2}`` and ``team = a b`` need no quotes."""
    try:
        return parse(text)
    except BadMatchersError:
        inner = text.strip()
        inner = inner[1:-1] if inner.startswith("{") and inner.endswith("}") else inner
        parts = _BETWEEN.findall(inner)
        found = [_LINE.fullmatch(part) for part in parts if part.strip()]
        if not found or not all(one and _bare(one.group("value")) for one in found):
            raise
    return tuple(
        made(one.group("label"), one.group("op"), _plain(one.group("value")))  # type: ignore[arg-type] # the pattern allows no other
        for one in found
        if one is not None
    )


def _bare(value: str) -> bool:
    """Either quoted as a whole or without any quotation mark of its own."""
    if value.startswith('"'):
        return re.fullmatch(r'"(?:\\.|[^"\\])*"', value, re.DOTALL) is not None
    return re.search(r'(?<!\\)"', value) is None


def text(matchers: Sequence[Matcher]) -> str:
    """The other way round."""
    return ", ".join(f"{_quoted_name(one.label)}{one.op}{_quoted(one.value)}" for one in matchers)


def all_match(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether every matcher holds; a label that is not there is the empty text."""
    return all(matcher.matches(labels.get(matcher.label, "")) for matcher in matchers)


def made(label: str, op: Op, value: str) -> Matcher:
    """One matcher; raises BadMatchersError for an expression that can't be read."""
    try:
        return Matcher(label, op, value)
    except BadMatcherError as error:
        raise BadMatchersError(str(error)) from error


def _plain(raw: str) -> str:
    if not raw.startswith('"'):
        return raw
    return re.sub(
        r"\\(.)", lambda match: _ESCAPES.get(match.group(1), match.group()), raw[1:-1], flags=re.DOTALL
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _quoted_name(name: str) -> str:
    return name if re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name) else _quoted(name)
