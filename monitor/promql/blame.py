"""Where an expression went wrong. The parser wheel says why and seldom where; this reads the tokens again,
by PromQL's grammar, only after a refusal.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from monitor.promql import spans
from monitor.promql.errors import BadQueryError
from monitor.promql.scan import Token, failure, unquoted

AGGREGATIONS = frozenset(
    {"sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values", "bottomk", "topk"}
    | {"quantile", "limitk", "limit_ratio"}
)
SCALAR_FUNCTIONS = frozenset({"time", "scalar", "pi", "start", "end", "range", "step", "max_of", "min_of"})
_SETS = frozenset({"and", "or", "unless"})
_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})
_RESERVED = frozenset(
    {
        "by",
        "without",
        "on",
        "ignoring",
        "group_left",
        "group_right",
        "bool",
        "offset",
        "and",
        "or",
        "unless",
        "atan2",
    }
)
_NUMBER = re.compile(
    r"0x(?:_?[0-9a-f])+|(?:\d(?:_?\d)*\.?(?:\d(?:_?\d)*)?|\.\d(?:_?\d)*)(?:e[+-]?\d(?:_?\d)*)?"
    r"|(?:\d+(?:ms|[smhdwy]))+",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Part:
    """A piece of the expression: what it is, what it evaluates to, where it stands."""

    kind: str
    type: str
    token: Token
    name: str = ""
    args: list["Part"] = field(default_factory=list)
    matchers: list[tuple[str, str, Token]] = field(default_factory=list)
    bool: bool = False
    grouped: Token | None = None


class _OddError(Exception):
    """The first token that the grammar has no place for."""

    def __init__(self, token: Token, reason: str) -> None:
        super().__init__(reason)
        self.token = token


class _Reader:
    """Recursive descent over the tokens; keeps every part it has read."""

    def __init__(self, text: str, tokens: Sequence[Token]) -> None:
        self.text = text
        self.tokens = [*tokens, Token("end", "", len(text))]
        self.place = 0
        self.parts: list[Part] = []
        self.twice: dict[str, Token] = {}

    @property
    def now(self) -> Token:
        return self.tokens[self.place]

    def take(self) -> Token:
        token = self.now
        self.place += token.kind != "end"
        return token

    def sees(self, *words: str) -> bool:
        return self.now.kind != "text" and self.now.text.lower() in words

    def refuse(self, expected: str) -> NoReturn:
        token = self.now
        what = "end of input" if token.kind == "end" else f"{token.text!r}"
        reason = f"unexpected {what}, expected {expected}"
        raise _OddError(token, reason)

    def want(self, text: str, where: str) -> Token:
        if self.now.text != text or self.now.kind == "text":
            self.refuse(f"{text!r} {where}")
        return self.take()

    def part(self, part: Part) -> Part:
        self.parts.append(part)
        return part

    def whole(self) -> None:
        self.expression()
        if self.now.kind != "end":
            self.refuse("an operator or the end")

    def expression(self) -> Part:
        left = self.operand()
        while self.now.kind == "operator" or self.sees(*_SETS, "atan2"):
            if self.sees("=", "=~", "!~"):
                self.refuse("an operator such as == or !=; matchers stand in braces")
            token = self.take()
            both = Part("binary", "vector", token, token.text.lower())
            self.modifiers(both)
            both.args = [left, self.operand()]
            if all(arg.type == "scalar" for arg in both.args):
                both.type = "scalar"
            left = self.part(both)
        return left

    def modifiers(self, both: Part) -> None:
        if self.sees("bool"):
            self.take()
            both.bool = True
        if self.sees("on", "ignoring"):
            word = self.take().text
            self.names(f"after {word}")
            if self.sees("group_left", "group_right"):
                both.grouped = self.take()
                if self.now.text == "(":
                    self.names(f"after {both.grouped.text}")
        while self.sees("fill", "fill_left", "fill_right"):
            self.take()
            self.want("(", "after fill")
            self.operand()
            self.want(")", "after the value to fill in")

    def names(self, where: str) -> None:
        """``(a, "b", c)``"""
        self.want("(", where)
        while self.now.text != ")":
            if self.now.kind not in {"name", "text"}:
                self.refuse("a label name")
            self.take()
            if self.now.text != ")":
                self.want(",", "or ')' between label names")
        self.take()

    def operand(self) -> Part:
        if self.now.text in {"+", "-"} and self.now.kind == "operator":
            token = self.take()
            inner = self.operand()
            return self.part(Part("unary", inner.type, token, args=[inner]))
        part = self.primary()
        while self.now.text == "[" or self.sees("offset") or self.now.kind == "at":
            part = self.suffix(part)
        return part

    def primary(self) -> Part:
        token = self.now
        if token.text == "(":
            self.take()
            inner = self.expression()
            self.want(")", "to close the parenthesis")
            return inner
        if token.kind == "number":
            if _NUMBER.fullmatch(token.text) is None:
                raise _OddError(token, f"bad number or duration {token.text!r}")
            return self.part(Part("number", "scalar", self.take()))
        if token.kind == "text":
            return self.part(Part("text", "string", self.take()))
        if token.text == "{":
            return self.selector(token, "")
        if token.kind != "name" or self.sees(*_RESERVED):
            self.refuse("an operand such as a metric, a function or a number")
        self.take()
        low = token.text.lower()
        if low in {"inf", "nan"}:
            return self.part(Part("number", "scalar", token))
        if low in AGGREGATIONS and (self.now.text == "(" or self.sees("by", "without")):
            return self.aggregation(token)
        if self.now.text == "(":
            kind = "scalar" if low in SCALAR_FUNCTIONS else "vector"
            return self.part(Part("call", kind, token, token.text, self.arguments()))
        return self.selector(token, token.text)

    def aggregation(self, token: Token) -> Part:
        grouped = self.grouping()
        part = Part("aggregation", "vector", token, token.text.lower(), self.arguments())
        if not grouped:
            self.grouping()
        return self.part(part)

    def grouping(self) -> bool:
        if not self.sees("by", "without"):
            return False
        self.names(f"after {self.take().text}")
        return True

    def arguments(self) -> list[Part]:
        self.want("(", "with the arguments")
        found: list[Part] = []
        while self.now.text != ")":
            found.append(self.expression())
            if self.now.text != ")":
                self.want(",", "or ')' between arguments")
                if self.now.text == ")":
                    self.refuse("an argument")
        self.take()
        return found

    def selector(self, token: Token, name: str) -> Part:
        part = Part("selector", "vector", token, name)
        if self.now.text == "{" and self.now.kind == "open":
            self.take()
            while self.now.text != "}":
                self.matcher(part)
                if self.now.text != "}":
                    self.want(",", "or '}' between label matchers")
            self.take()
        return self.part(part)

    def matcher(self, part: Part) -> None:
        if self.now.kind not in {"name", "text"}:
            self.refuse("a label name in the matchers")
        label = self.take()
        if label.kind == "text" and self.now.text in {",", "}"}:
            part.matchers.append(("=", unquoted(label.text), label))
            return
        if not self.sees("=", "!=", "=~", "!~"):
            self.refuse("a matching operator (=, !=, =~ or !~)")
        operator = self.take()
        if self.now.kind != "text":
            self.refuse("a quoted value")
        part.matchers.append((operator.text, unquoted(self.take().text), label))

    def suffix(self, part: Part) -> Part:
        token = self.take()
        if token.text == "[":
            return self.brackets(part, token)
        what = "@" if token.kind == "at" else "offset"
        if what in {one for one, where in self.seen(part)}:
            self.twice.setdefault(what, token)
        part.matchers.append((f"#{what}", "", token))
        if self.now.text == "(":
            self.skip()
            return part
        if self.now.text in {"+", "-"}:
            self.take()
        if what == "@" and self.sees("start", "end"):
            word = self.take().text
            self.want("(", f"after {word}")
            self.want(")", f"after {word}(")
        elif self.now.kind == "number" and _NUMBER.fullmatch(self.now.text):
            self.take()
        elif self.sees("step", "range", "min", "max", "min_of", "max_of"):
            self.take()
            self.skip()
        else:
            self.refuse(
                "a time, start() or end() after @" if what == "@" else "a duration such as 5m after offset"
            )
        return part

    @staticmethod
    def seen(part: Part) -> Iterable[tuple[str, Token]]:
        return [(operator[1:], token) for operator, _, token in part.matchers if operator.startswith("#")]

    def skip(self) -> None:
        """Over a sum of durations in parentheses; it has been read before."""
        depth = 0
        while self.now.kind != "end":
            token = self.take()
            depth += (token.text == "(") - (token.text == ")")
            if depth == 0:
                return

    def brackets(self, part: Part, opening: Token) -> Part:
        while self.now.text != "]":
            self.take()
        closing = self.take()
        position = opening.position + 1
        halves = self.text[position : closing.position].split(":")
        for number, half in enumerate(halves):
            bare = half.strip()
            place = Token("bracket", bare, position + len(half) - len(half.lstrip()))
            if number > 1:
                raise _OddError(Token("bracket", ":", position - 1), "unexpected second ':' in brackets")
            if not bare and number == 0:
                raise _OddError(place, "missing duration in brackets, such as [5m]")
            if bare and not spans.is_sum(half) and _NUMBER.fullmatch(bare) is None:
                raise _OddError(place, f"bad number or duration {bare!r} in brackets")
            position += len(half) + 1
        if len(halves) == 1 and (part.kind != "selector" or part.type != "vector"):
            raise _OddError(
                opening, "ranges only allowed for vector selectors; a subquery has a colon, such as [5m:]"
            )
        kind = "selector" if len(halves) == 1 else "subquery"
        return self.part(Part(kind, "matrix", part.token, part.name, matchers=list(part.matchers)))


def blame(text: str, tokens: Sequence[Token], reason: str) -> BadQueryError:
    """The wheel's ``reason`` with the place it means, or a better one."""
    reader = _Reader(text, tokens)
    try:
        reader.whole()
    except RecursionError:
        return failure(text, tokens[0].position, reason)
    except _OddError as error:
        if not _is_known(reason):
            return failure(text, error.token.position, str(error))
    for pattern, find in _PLACES:
        match = re.search(pattern, reason, re.DOTALL)
        token = find(reader, match) if match else None
        if token is not None:
            return failure(text, token.position, _plain(reason))
    if reason == "invalid promql query":
        reason = "this is no PromQL expression"
    return failure(text, tokens[0].position, reason)


def _is_known(reason: str) -> bool:
    """Whether the wheel read the whole text and disliked what it means; then its word counts."""
    return any(re.search(pattern, reason, re.DOTALL) for pattern, _ in _PLACES)


def _plain(reason: str) -> str:
    """The reason in Prometheus' words."""
    found = re.fullmatch(r"illegal regex for (.*)", reason, re.DOTALL)
    if found:
        return f"bad regular expression {found[1]!r}"
    named = re.sub(r"'(\w+)'", r'"\1"', reason)
    said = re.sub(r"\b(type|got:?) matrix\b", r"\1 range vector", named)
    said = re.sub(r"\b(type|got:?) vector\b", r"\1 instant vector", said)
    return said.replace("scalar or vector, got: ", "scalar or instant vector, got ")


Find = Callable[[_Reader, re.Match[str]], Token | None]


def _first(parts: Iterable[Part | Token]) -> Token | None:
    found = next(iter(parts), None)
    return found.token if isinstance(found, Part) else found


def _called(reader: _Reader, match: re.Match[str]) -> Token | None:
    return _first(part for part in reader.parts if part.kind == "call" and part.name == match[1])


def _argument(reader: _Reader, match: re.Match[str]) -> Token | None:
    calls = [part for part in reader.parts if part.kind == "call" and part.name == match[1]]
    wrong = (arg for call in calls for arg in call.args if arg.type == match[2])
    return _first([*wrong, *calls])


def _counted(reader: _Reader, match: re.Match[str]) -> Token | None:
    calls = [part for part in reader.parts if part.kind == "call" and part.name == match[1]]
    return _first([*(call for call in calls if len(call.args) == int(match[2])), *calls])


def _aggregated(reader: _Reader, match: re.Match[str]) -> Token | None:
    found = [part for part in reader.parts if part.kind == "aggregation"]
    wanted, got = match[1], match[2]
    place = 0 if wanted in {"scalar", "string"} else -1
    return _first(part.args[place] for part in found if part.args and part.args[place].type == got)


def _aggregation_count(reader: _Reader, match: re.Match[str]) -> Token | None:
    count = int(match[1]) if match[1] else 0
    found = (part for part in reader.parts if part.kind == "aggregation" and len(part.args) == count)
    return _first(found)


def _binary(test: Callable[[Part], bool]) -> Find:
    return lambda reader, _: _first(part for part in reader.parts if part.kind == "binary" and test(part))


def _operand(reader: _Reader, _: re.Match[str]) -> Token | None:
    odd = {"matrix", "string"}
    both = (part for part in reader.parts if part.kind == "binary")
    return _first(arg for part in both for arg in part.args if arg.type in odd)


def _matches_nothing(reader: _Reader, _: re.Match[str]) -> Token | None:
    bare = (part for part in reader.parts if part.kind == "selector" and not part.name)
    return _first(part for part in bare if not any(op == "=" and value for op, value, _ in part.matchers))


def _pattern(reader: _Reader, match: re.Match[str]) -> Token | None:
    return _first(
        token for token in reader.tokens if token.kind == "text" and unquoted(token.text) == match[1]
    )


def _named_twice(reader: _Reader, _: re.Match[str]) -> Token | None:
    named = (part for part in reader.parts if part.kind == "selector" and part.name)
    return _first(
        token for part in named for _, _, token in part.matchers if token.text.strip("\"'`") == "__name__"
    )


_PLACES: Sequence[tuple[str, Find]] = (
    (r"unknown function with name '([^']+)'", _called),
    (r"in call to function '([^']+)', got (\w+)", _argument),
    (r"expected .* argument\(s\) in call to '([^']+)', got (\d+)", _counted),
    (r"(?:function|call to) '([^']+)'", _called),
    (r"expected type (\w+) in aggregation expression, got (\w+)", _aggregated),
    (r"arguments for aggregate expression(?: provided, expected \d+, got (\d+)| '\w+' provided)", _aggregation_count),
    (r"binary expression must contain only scalar", _operand),
    (r"comparisons between scalars", _binary(
        lambda part: part.name in _COMPARISONS and not part.bool and all(arg.type == "scalar" for arg in part.args)
    )),
    (r"set operator '\w+' not allowed", _binary(
        lambda part: part.name in _SETS and any(arg.type == "scalar" for arg in part.args)
    )),
    (r"no grouping allowed", lambda reader, _: _first(part.grouped for part in reader.parts if part.grouped)),
    (r"bool modifier can only be used", _binary(lambda part: part.bool and part.name not in _COMPARISONS)),
    (r"unary expression only allowed", lambda reader, _: _first(
        part for part in reader.parts if part.kind == "unary" and part.args[0].type in {"matrix", "string"}
    )),
    (r"offset may not be set multiple", lambda reader, _: reader.twice.get("offset")),
    (r"@ <timestamp> may not be set multiple", lambda reader, _: reader.twice.get("@")),
    (r"at least one non-empty matcher", _matches_nothing),
    (r"metric name must not be set twice", _named_twice),
    (r"illegal regex for (.*)", _pattern),
    (r"unknown escape sequence '(.)'", lambda reader, match: _first(
        token for token in reader.tokens if token.kind == "text" and f"\\{match[1]}" in token.text
    )),
)  # fmt: skip
