"""Pure: Go's text templates, as labels and annotations of rules use them.

What a template asks of the store (``query``) is handed in. A template that fails, or costs more than its
budget, says so in place, as Prometheus does.
"""

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from monitor.core.labels import Labels
from monitor.rules.go_format import Fields, Ref, go_text
from monitor.rules.template_budget import Budget, weight
from monitor.rules.template_functions import FUNCTIONS, FunctionError, truth
from monitor.rules.template_parse import MAX_LENGTH, Piece, Template
from monitor.rules.template_parse import parse as parsed
from monitor.rules.template_scan import BadTemplateError, Token

__all__ = ["BadTemplateError", "Scene", "check", "parse", "render"]

Lookup = Callable[[str], list[tuple[Labels, Any]]]
Tokens = deque[Token]
DEEPEST = 100
_CONSTANTS = {"true": True, "false": False, "nil": None}
_SURROUNDINGS = frozenset({"query", "externalURL", "pathPrefix", "now"})
_LAZY = frozenset({"and", "or"})
_PRINTING = frozenset({"print", "println", "printf", "html", "js", "urlquery", "toJson"})


@dataclass(frozen=True, slots=True)
class Scene:
    """What a template may use beside the result: our own address, the store, the time; and what it may cost."""

    url: str = ""
    query: Lookup | None = None
    at: dt.datetime | None = None
    budget: Budget | None = None


@lru_cache(maxsize=4096)
def parse(text: str) -> Template:
    """The pieces of a template; raises BadTemplateError."""
    return parsed(text)


def check(text: str) -> None:
    """Raise BadTemplateError for a template that could never be filled."""
    try:
        template = parse(text)
        filling = _Filling(_data({}, 0.0, ""), Scene(), template, Budget(), dry=True)
        filling.pieces(template.pieces, filling.data)
        for pieces in template.defined.values():
            filling.pieces(pieces, None)
    except BadTemplateError:
        raise
    except (ArithmeticError, ValueError, RecursionError, MemoryError) as error:
        raise BadTemplateError(_words(error)) from error


def render(text: str, labels: Mapping[str, str], value: Any, scene: Scene | None = None) -> str:
    """The filled template; a mistake becomes part of the text. ``value``: a number, or what prints as a histogram."""
    if "{{" not in text:
        return text
    scene = scene or Scene()
    try:
        template = parse(text)
        filling = _Filling(_data(labels, value, scene.url), scene, template, scene.budget or Budget())
        found = filling.pieces(template.pieces, filling.data)
    except (
        BadTemplateError,
        FunctionError,
        ArithmeticError,
        ValueError,
        RecursionError,
        MemoryError,
    ) as error:
        return f"<error expanding template: {_words(error)}>"
    if len(found) > MAX_LENGTH:
        return f"<error expanding template: the filled text is longer than {MAX_LENGTH} characters>"
    return found


def _words(error: BaseException) -> str:
    return (
        "blocks or brackets are nested too deeply"
        if isinstance(error, RecursionError)
        else str(error) or type(error).__name__
    )


def _data(labels: Mapping[str, str], value: Any, url: str) -> Fields:
    number = float(value) if isinstance(value, int) else value
    return Fields({"Labels": dict(labels), "ExternalLabels": {}, "ExternalURL": url, "Value": number})


class _LeaveError(Exception):
    """``break`` or ``continue`` on its way to its range, with what was written before it."""

    def __init__(self, word: str, text: str = "") -> None:
        self.word, self.text = word, text


class _Filling:
    """One run over the pieces. ``dry`` reads everything and calls nothing: names are checked, values are not."""

    def __init__(
        self,
        data: Fields,
        scene: Scene,
        template: Template,
        budget: Budget,
        *,
        dry: bool = False,
        depth: int = 0,
    ) -> None:
        self.data, self.scene, self.template, self.budget = data, scene, template, budget
        self.dry, self.depth = dry, depth
        self.scopes: list[dict[str, Any]] = [
            {
                "": data, "value": data["Value"], "labels": data["Labels"],
                "externalLabels": data["ExternalLabels"], "externalURL": data["ExternalURL"],
            }
        ]  # fmt: skip

    def pieces(self, pieces: list[Piece], dot: Any) -> str:
        texts: list[str] = []
        for piece in pieces:
            self.budget.step()
            try:
                texts.append(piece.text or self._piece(piece, dot))
            except _LeaveError as leave:
                leave.text = "".join(texts) + leave.text
                raise
            self.budget.handle(len(texts[-1]))
        return "".join(texts)

    def _inside(self, pieces: list[Piece], dot: Any, **variables: Any) -> str:
        self.scopes.append(variables)
        try:
            return self.pieces(pieces, dot)
        finally:
            self.scopes.pop()

    def _piece(self, piece: Piece, dot: Any) -> str:
        match piece.keyword:
            case "print":
                assigned, value = self._pipeline(piece.tokens, dot)
                if assigned or self.dry:
                    return ""
                self.budget.handle(weight(value, printed=True))
                return go_text(value)
            case "range":
                return self._range(piece, dot)
            case "template":
                return self._template(piece, dot)
            case "break" | "continue":
                if self.dry:
                    return ""
                raise _LeaveError(piece.keyword)
        self.scopes.append({})
        try:
            _, value = self._pipeline(piece.tokens, dot)
            if self.dry:
                return self._inside(piece.body, dot) + self._inside(piece.otherwise, dot)
            if not truth(value):
                return self._inside(piece.otherwise, dot)
            return self._inside(piece.body, value if piece.keyword == "with" else dot)
        finally:
            self.scopes.pop()

    def _range(self, piece: Piece, dot: Any) -> str:
        at = next((place for place, token in enumerate(piece.tokens) if token.kind == "assign"), None)
        names = [] if at is None else [one.text[1:] for one in piece.tokens[:at] if one.kind == "var"][:2]
        _, value = self._pipeline(piece.tokens if at is None else piece.tokens[at + 1 :], dot)
        if self.dry:
            return self._inside(piece.body, None, **dict.fromkeys(names, "")) + self._inside(
                piece.otherwise, dot
            )
        texts: list[str] = []
        any_there = False
        for key, item in self._items(value):
            any_there = True
            self.budget.step()
            given = (key, item) if len(names) == 2 else (item,)
            try:
                texts.append(self._inside(piece.body, item, **dict(zip(names, given, strict=False))))
            except _LeaveError as leave:
                texts.append(leave.text)
                if leave.word == "break":
                    break
        return "".join(texts) if any_there else self._inside(piece.otherwise, dot)

    def _items(self, value: Any) -> Iterable[tuple[Any, Any]]:
        if value is None:
            return ()
        if (
            isinstance(value, Fields)
            or not isinstance(value, Mapping | list | tuple | int)
            or isinstance(value, bool)
        ):
            message = f"range can't go over {go_text(value)}"
            raise BadTemplateError(message)
        if isinstance(value, Mapping):
            return [(name, value[name]) for name in sorted(value)]
        return enumerate(range(value) if isinstance(value, int) else value)

    def _template(self, piece: Piece, dot: Any) -> str:
        name = piece.tokens[0].text
        if name not in self.template.defined:
            message = f"template {name!r} is not defined"
            raise BadTemplateError(message)
        given = self._pipeline(piece.tokens[1:], dot)[1] if piece.tokens[1:] else None
        if self.dry:
            return ""
        if self.depth >= DEEPEST:
            message = f"template {name!r} uses itself without end"
            raise BadTemplateError(message)
        inner = _Filling(self.data, self.scene, self.template, self.budget, depth=self.depth + 1)
        inner.scopes = [{"": given}]
        return inner.pieces(self.template.defined[name], given)

    def _pipeline(self, tokens: tuple[Token, ...], dot: Any) -> tuple[bool, Any]:
        if len(tokens) > 2 and tokens[0].kind == "var" and tokens[1].kind == "assign":
            value = self._pipeline(tokens[2:], dot)[1]
            self._assign(tokens[0].text[1:], value, declares=tokens[1].text == ":=")
            return True, value
        rest = deque(tokens)
        value = self._commands(rest, dot)
        if rest:
            message = f"unexpected {rest[0].text!r}"
            raise BadTemplateError(message)
        return False, value

    def _assign(self, name: str, value: Any, *, declares: bool) -> None:
        scope = (
            self.scopes[-1] if declares else next((one for one in reversed(self.scopes) if name in one), None)
        )
        if scope is None:
            raise _undefined(name)
        scope[name] = value

    def _commands(self, rest: Tokens, dot: Any) -> Any:
        """Commands joined by ``|``: each gets the last one's value as its last argument."""
        value = self._command(rest, dot, ())
        while rest and rest[0] == Token("punct", "|"):
            rest.popleft()
            value = self._command(rest, dot, (value,))
        return value

    def _command(self, rest: Tokens, dot: Any, piped: tuple[Any, ...]) -> Any:
        if not rest:
            message = "an action or a pipe is empty"
            raise BadTemplateError(message)
        if rest[0].kind == "word" and rest[0].text not in _CONSTANTS:
            name = rest.popleft().text
            if name in _LAZY:
                return self._lazily(name, rest, dot, piped)
            return self._call(name, [*self._operands(rest, dot), *piped])
        if rest[0].text == "nil" and not self.dry:
            message = "nil is not a command"
            raise BadTemplateError(message)
        operands = self._operands(rest, dot)
        if len(operands) != 1 or piped:
            message = "a value can't be called; put the function first"
            raise BadTemplateError(message)
        return operands[0]

    def _lazily(self, name: str, rest: Tokens, dot: Any, piped: tuple[Any, ...]) -> Any:
        """``and`` and ``or`` look no further than they must; what is left is only read."""
        value, count, dry = None, len(piped), self.dry
        decided = False
        try:
            while rest and not (rest[0].kind == "punct" and rest[0].text in "|)"):
                found, count = self._operand(rest, dot), count + 1
                if not decided:
                    value = found
                    decided = not dry and truth(value) == (name == "or")
                    self.dry = dry or decided
        finally:
            self.dry = dry
        if not count:
            message = f"{name!r} needs something to look at"
            raise BadTemplateError(message)
        return piped[0] if piped and not decided else value

    def _operands(self, rest: Tokens, dot: Any) -> list[Any]:
        values = []
        while rest and not (rest[0].kind == "punct" and rest[0].text in "|)"):
            values.append(self._operand(rest, dot))
        return values

    def _operand(self, rest: Tokens, dot: Any) -> Any:
        self.budget.step()
        token = rest.popleft()
        match token.kind:
            case "value":
                return token.value
            case "var":
                return self._variable(token.text[1:])
            case "field":
                return self._path(dot, [part for part in token.text.split(".") if part])
            case "word":
                return _CONSTANTS[token.text] if token.text in _CONSTANTS else self._call(token.text, [])
        if token.text != "(":
            message = f"unexpected {token.text!r}"
            raise BadTemplateError(message)
        return self._bracket(rest, dot)

    def _bracket(self, rest: Tokens, dot: Any) -> Any:
        value = self._commands(rest, dot)
        if not rest or rest.popleft().text != ")":
            message = "a bracket is not closed"
            raise BadTemplateError(message)
        if rest and rest[0].kind == "field" and rest[0].text != ".":
            return self._path(value, rest.popleft().text.split(".")[1:])
        return value

    def _variable(self, text: str) -> Any:
        name, *path = text.split(".")
        for scope in reversed(self.scopes):
            if name in scope:
                return self._path(scope[name], path)
        raise _undefined(name)

    def _path(self, value: Any, path: list[str]) -> Any:
        for name in path:
            if self.dry:
                return ""
            if not isinstance(value, Mapping) or (isinstance(value, Fields) and name not in value):
                message = f"can't evaluate field {name} in {go_text(value)}"
                raise BadTemplateError(message)
            value = value.get(name, "")
        return value

    def _call(self, name: str, arguments: list[Any]) -> Any:
        if name not in FUNCTIONS and name not in _SURROUNDINGS:
            known = ", ".join(sorted([*FUNCTIONS, *_SURROUNDINGS]))
            message = f"function {name!r} is not defined; known are {known}"
            raise BadTemplateError(message)
        if self.dry:
            return ""
        printed = name in _PRINTING
        self.budget.handle(sum(weight(one, printed=printed) for one in arguments))
        try:
            found = self._known(name, *arguments) if name in _SURROUNDINGS else FUNCTIONS[name](*arguments)
        except (TypeError, KeyError, AttributeError, IndexError) as error:
            taken = ", ".join(go_text(one)[:80] for one in arguments[:8]) or "nothing"
            message = f"{name}: can't take {taken}"
            raise BadTemplateError(message) from error
        self.budget.handle(weight(found, printed=False))
        return found

    def _known(self, name: str, *arguments: Any) -> Any:
        """What comes from around the template."""
        if name == "query":
            return self._ask(*arguments)
        if arguments:
            message = f"{name} takes nothing"
            raise BadTemplateError(message)
        if name == "now":
            return self.scene.at.timestamp() if self.scene.at else 0.0
        url = str(self.data["ExternalURL"])
        return url if name == "externalURL" else urlsplit(url).path.rstrip("/")

    def _ask(self, expr: str) -> list[Ref]:
        if self.scene.query is None:
            message = "query can't be asked here"
            raise BadTemplateError(message)
        self.budget.ask()
        return [
            Ref({"Labels": dict(labels), "Value": value}) for labels, value in self.scene.query(str(expr))
        ]


def _undefined(name: str) -> BadTemplateError:
    return BadTemplateError(
        f"undefined variable ${name}; known are $value, $labels, $externalLabels, $externalURL"
    )
