"""Pure: the part of Go's text templates that labels and annotations of rules use.

Fields, variables, pipelines, functions, if / else / with / range, trimming. What a template asks of the
store (``query``) is handed in. A template that fails says so in place, as Prometheus does.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.core.labels import Labels
from monitor.rules.template_functions import FUNCTIONS, FunctionError, go_text, truth

Lookup = Callable[[str], list[tuple[Labels, float]]]
MAX_LENGTH = 100_000
_ACTION = re.compile(r"\{\{(- )?((?:\"(?:\\.|[^\"\\])*\"|`[^`]*`|(?!\}\}).)*?)( -)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:\\.|[^"\\])*")|(?P<raw>`[^`]*`)|(?P<number>[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)"""
    r"""|(?P<assign>:?=)|(?P<punct>[|(),])|(?P<var>\$\w*(?:\.\w+)*)|(?P<field>\.\w+(?:\.\w+)*|\.)|(?P<word>\w+))"""
)


class BadTemplateError(ValueError):
    """A template that can't be read or filled; whoever wrote it can mend it."""


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str


@dataclass(slots=True)
class Piece:
    """Text, or one action with what it encloses."""

    text: str = ""
    keyword: str = ""
    tokens: tuple[Token, ...] = ()
    body: list["Piece"] = field(default_factory=list)
    otherwise: list["Piece"] = field(default_factory=list)


def check(text: str) -> None:
    """Raise BadTemplateError for a template that could never be filled."""
    _Filling({}, None).fill(parse(text), dry=True)


def render(
    text: str, labels: Mapping[str, str], value: float, *, url: str = "", query: Lookup | None = None
) -> str:
    """The filled template; a mistake becomes part of the text."""
    if "{{" not in text:
        return text
    data = {"Labels": dict(labels), "Value": float(value), "ExternalLabels": {}, "ExternalURL": url}
    filling = _Filling(data, query)
    try:
        return filling.fill(parse(text))
    except (BadTemplateError, FunctionError) as error:
        return f"<error expanding template: {error}>"


def parse(text: str) -> list[Piece]:
    """The pieces of a template; raises BadTemplateError."""
    if len(text) > MAX_LENGTH:
        message = f"the template is longer than {MAX_LENGTH} characters"
        raise BadTemplateError(message)
    root = Piece()
    stack: list[tuple[Piece, list[Piece]]] = [(root, root.body)]
    position, trim = 0, False
    for match in _ACTION.finditer(text):
        _add_text(stack, text[position : match.start()], left=trim, right=match.group(1) is not None)
        position, trim = match.end(), match.group(3) is not None
        _add_action(stack, match.group(2).strip())
    if "{{" in text[position:]:
        message = f"an action is not closed: {text[text.index('{{', position) :][:40]!r}"
        raise BadTemplateError(message)
    _add_text(stack, text[position:], left=trim, right=False)
    if len(stack) > 1:
        message = f"{stack[-1][0].keyword!r} has no end"
        raise BadTemplateError(message)
    return root.body


def _add_text(stack: list[tuple[Piece, list[Piece]]], text: str, *, left: bool, right: bool) -> None:
    text = text.lstrip() if left else text
    text = text.rstrip() if right else text
    if text:
        stack[-1][1].append(Piece(text=text))


def _add_action(stack: list[tuple[Piece, list[Piece]]], source: str) -> None:
    if source.startswith("/*"):
        return
    tokens = _tokens(source)
    word = tokens[0].text if tokens and tokens[0].kind == "word" else ""
    if word == "end":
        _close(stack)
    elif word == "else":
        _else(stack, tokens)
    elif word in {"if", "with", "range"}:
        piece = Piece(keyword=word, tokens=tokens[1:])
        stack[-1][1].append(piece)
        stack.append((piece, piece.body))
    elif word in {"define", "template", "block"}:
        message = f"{word!r} is not supported; write the text out"
        raise BadTemplateError(message)
    else:
        stack[-1][1].append(Piece(keyword="print", tokens=tokens))


def _close(stack: list[tuple[Piece, list[Piece]]]) -> None:
    if len(stack) == 1:
        message = "'end' without a beginning"
        raise BadTemplateError(message)
    piece, _ = stack.pop()
    if piece.keyword == "else if":
        piece.keyword = "if"
        _close(stack)


def _else(stack: list[tuple[Piece, list[Piece]]], tokens: tuple[Token, ...]) -> None:
    piece, _ = stack[-1]
    if len(stack) == 1 or piece.otherwise:
        message = "'else' without an if"
        raise BadTemplateError(message)
    stack[-1] = (piece, piece.otherwise)
    if len(tokens) > 1:
        nested = Piece(keyword="else if", tokens=tokens[2:])
        piece.otherwise.append(nested)
        stack.append((nested, nested.body))


def _tokens(source: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    position = 0
    while source[position:].strip():
        match = _TOKEN.match(source, position)
        if match is None:
            message = f"unexpected {source[position:].strip()[:20]!r} in {{{{{source}}}}}"
            raise BadTemplateError(message)
        tokens.append(Token(str(match.lastgroup), match.group(str(match.lastgroup))))
        position = match.end()
    return tuple(tokens)


class _Filling:
    """One run over the pieces, with the variables in scope."""

    def __init__(self, data: dict[str, Any], query: Lookup | None) -> None:
        self.query = query
        self.dry = False
        self.variables: dict[str, Any] = {"": data, "value": data.get("Value", 0.0)}
        self.variables["labels"] = data.get("Labels", {})
        self.variables["externalLabels"] = data.get("ExternalLabels", {})
        self.variables["externalURL"] = data.get("ExternalURL", "")
        self.data = data

    def fill(self, pieces: list[Piece], *, dry: bool = False) -> str:
        """``dry`` reads everything and calls nothing: names are checked, values are not."""
        self.dry = dry
        return self._pieces(pieces, self.data)

    def _pieces(self, pieces: list[Piece], dot: Any) -> str:
        return "".join(piece.text or self._piece(piece, dot) for piece in pieces)

    def _piece(self, piece: Piece, dot: Any) -> str:
        if piece.keyword == "print":
            assigned, value = self._pipeline(piece.tokens, dot)
            return "" if assigned else go_text(value)
        if piece.keyword == "range":
            return self._range(piece, dot)
        _, value = self._pipeline(piece.tokens, dot)
        if self.dry:
            return self._pieces(piece.body, dot) + self._pieces(piece.otherwise, dot)
        if not truth(value):
            return self._pieces(piece.otherwise, dot)
        return self._pieces(piece.body, value if piece.keyword == "with" else dot)

    def _range(self, piece: Piece, dot: Any) -> str:
        names = [token.text[1:] for token in piece.tokens if token.kind == "var"][:2]
        declares = any(token.kind == "assign" for token in piece.tokens)
        tokens = piece.tokens
        if declares:
            tokens = tokens[next(i for i, token in enumerate(tokens) if token.kind == "assign") + 1 :]
        _, value = self._pipeline(tokens, dot)
        items = list(value.items() if isinstance(value, Mapping) else enumerate(value or ()))
        if self.dry:
            items = [(0, None)]
        text = ""
        for key, item in items:
            if declares:
                self.variables.update(zip(names, (key, item) if len(names) == 2 else (item,), strict=False))
            text += self._pieces(piece.body, item)
        return text if items and not self.dry else text + self._pieces(piece.otherwise, dot)

    def _pipeline(self, tokens: tuple[Token, ...], dot: Any) -> tuple[bool, Any]:
        if len(tokens) > 2 and tokens[0].kind == "var" and tokens[1].kind == "assign":
            value = self._pipeline(tokens[2:], dot)[1]
            self.variables[tokens[0].text[1:]] = value
            return True, value
        rest = list(tokens)
        value = self._commands(rest, dot)
        if rest:
            message = f"unexpected {rest[0].text!r}"
            raise BadTemplateError(message)
        return False, value

    def _commands(self, rest: list[Token], dot: Any) -> Any:
        """Commands joined by ``|``: each gets the last one's value as its last argument."""
        value = self._command(rest, dot, ())
        while rest and rest[0].text == "|" and rest[0].kind == "punct":
            rest.pop(0)
            value = self._command(rest, dot, (value,))
        return value

    def _command(self, rest: list[Token], dot: Any, piped: tuple[Any, ...]) -> Any:
        if not rest:
            message = "an action or a pipe is empty"
            raise BadTemplateError(message)
        if rest[0].kind == "word" and rest[0].text not in {"true", "false", "nil"}:
            name = rest.pop(0).text
            return self._call(name, [*self._operands(rest, dot), *piped])
        operands = self._operands(rest, dot)
        if len(operands) != 1 or piped:
            message = "a value can't be called; put the function first"
            raise BadTemplateError(message)
        return operands[0]

    def _operands(self, rest: list[Token], dot: Any) -> list[Any]:
        values = []
        while rest and not (rest[0].kind == "punct" and rest[0].text in "|)"):
            values.append(self._operand(rest, dot))
        return values

    def _operand(self, rest: list[Token], dot: Any) -> Any:
        token = rest.pop(0)
        match token.kind:
            case "text":
                return _unquoted(token.text)
            case "raw":
                return token.text[1:-1]
            case "number":
                return int(token.text) if re.fullmatch(r"[-+]?\d+", token.text) else float(token.text)
            case "var":
                return self._variable(token.text[1:])
            case "field":
                return self._path(dot, [part for part in token.text.split(".") if part])
            case "word":
                words = {"true": True, "false": False, "nil": None}
                return words[token.text] if token.text in words else self._call(token.text, [])
        if token.text != "(":
            message = f"unexpected {token.text!r}"
            raise BadTemplateError(message)
        return self._bracket(rest, dot)

    def _bracket(self, rest: list[Token], dot: Any) -> Any:
        value = self._commands(rest, dot)
        if not rest or rest.pop(0).text != ")":
            message = "a bracket is not closed"
            raise BadTemplateError(message)
        if rest and rest[0].kind == "field" and rest[0].text != ".":
            return self._path(value, rest.pop(0).text.split(".")[1:])
        return value

    def _variable(self, text: str) -> Any:
        name, *path = text.split(".")
        if name not in self.variables:
            message = f"undefined variable ${name}; known are $value, $labels, $externalLabels, $externalURL"
            raise BadTemplateError(message)
        return self._path(self.variables[name], path)

    def _path(self, value: Any, path: list[str]) -> Any:
        for name in path:
            if self.dry:
                return ""
            if not isinstance(value, Mapping):
                message = f"{go_text(value)} has no field .{name}"
                raise BadTemplateError(message)
            value = value.get(name, "")
        return value

    def _call(self, name: str, arguments: list[Any]) -> Any:
        if name != "query" and name not in FUNCTIONS:
            message = f"function {name!r} is not defined; known are query, {', '.join(sorted(FUNCTIONS))}"
            raise BadTemplateError(message)
        if self.dry:
            return ""
        if name == "query":
            return self._ask(*map(str, arguments))
        try:
            return FUNCTIONS[name](*arguments)
        except (TypeError, KeyError, AttributeError) as error:
            message = f"{name}: can't take {', '.join(map(go_text, arguments)) or 'nothing'}"
            raise BadTemplateError(message) from error

    def _ask(self, expr: str) -> list[dict[str, Any]]:
        if self.query is None:
            message = "query can't be asked here"
            raise BadTemplateError(message)
        return [{"Labels": dict(labels), "Value": value} for labels, value in self.query(expr)]


def _unquoted(text: str) -> str:
    try:
        return str(json.loads(text))
    except ValueError as error:
        message = f"bad text {text}"
        raise BadTemplateError(message) from error
