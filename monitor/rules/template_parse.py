"""Pure: the text of a Go template into pieces: plain text, actions, and what blocks enclose."""

from dataclasses import dataclass, field

from monitor.rules.template_scan import BadTemplateError, Token, scan

MAX_LENGTH = 100_000
_BLOCKS = frozenset({"if", "with", "range"})


@dataclass(slots=True)
class Piece:
    """Text, or one action with what it encloses."""

    text: str = ""
    keyword: str = ""
    tokens: tuple[Token, ...] = ()
    body: list["Piece"] = field(default_factory=list)
    otherwise: list["Piece"] = field(default_factory=list)


@dataclass(slots=True)
class Template:
    """The pieces of a text and those of the templates that it defines."""

    pieces: list[Piece]
    defined: dict[str, list[Piece]]


@dataclass(slots=True)
class _Open:
    piece: Piece
    into: list[Piece]


def parse(text: str) -> Template:
    """The pieces of a template; raises BadTemplateError."""
    if len(text) > MAX_LENGTH:
        message = f"the template is longer than {MAX_LENGTH} characters"
        raise BadTemplateError(message)
    building = _Building()
    for found in scan(text):
        if isinstance(found, str):
            building.add_text(found)
        else:
            building.add_action(found)
    return building.done()


class _Building:
    """What is open while a template is read."""

    def __init__(self) -> None:
        root = Piece()
        self.stack = [_Open(root, root.body)]
        self.defined: dict[str, list[Piece]] = {}

    def add_text(self, text: str) -> None:
        if text:
            self.stack[-1].into.append(Piece(text=text))

    def add_action(self, tokens: tuple[Token, ...]) -> None:
        word = tokens[0].text if tokens and tokens[0].kind == "word" else ""
        match word:
            case "end":
                self._close()
            case "else":
                self._else(tokens)
            case "if" | "with" | "range":
                self._open(Piece(keyword=word, tokens=tokens[1:]))
            case "define" | "block":
                self._define(word, tokens)
            case "break" | "continue" if len(tokens) == 1:
                self._leave(word)
            case "template":
                self.stack[-1].into.append(Piece(keyword="template", tokens=_named(word, tokens)))
            case _:
                self.stack[-1].into.append(Piece(keyword="print", tokens=tokens))

    def done(self) -> Template:
        if len(self.stack) > 1:
            message = f"{self.stack[-1].piece.keyword!r} has no end"
            raise BadTemplateError(message)
        return Template(self.stack[0].into, self.defined)

    def _open(self, piece: Piece, *, shown: bool = True) -> None:
        if shown:
            self.stack[-1].into.append(piece)
        self.stack.append(_Open(piece, piece.body))

    def _define(self, word: str, tokens: tuple[Token, ...]) -> None:
        """A block is a template that is defined and used at the same place."""
        if word == "define" and len(self.stack) > 1:
            message = "'define' can't stand inside of another block"
            raise BadTemplateError(message)
        rest = _named(word, tokens)
        if word == "block":
            self.stack[-1].into.append(Piece(keyword="template", tokens=rest))
        piece = Piece(keyword=word)
        self.defined[rest[0].text] = piece.body
        self._open(piece, shown=False)

    def _leave(self, word: str) -> None:
        if not any(one.piece.keyword == "range" for one in self.stack):
            message = f"{word!r} outside of a range"
            raise BadTemplateError(message)
        self.stack[-1].into.append(Piece(keyword=word))

    def _close(self) -> None:
        if len(self.stack) == 1:
            message = "'end' without a beginning"
            raise BadTemplateError(message)
        piece = self.stack.pop().piece
        if piece.keyword.startswith("else "):
            piece.keyword = piece.keyword.removeprefix("else ")
            self._close()

    def _else(self, tokens: tuple[Token, ...]) -> None:
        piece = self.stack[-1].piece
        if piece.keyword.removeprefix("else ") not in _BLOCKS or self.stack[-1].into is piece.otherwise:
            message = "'else' without an if"
            raise BadTemplateError(message)
        self.stack[-1] = _Open(piece, piece.otherwise)
        if len(tokens) == 1:
            return
        if tokens[1].text not in {"if", "with"}:
            message = f"unexpected {tokens[1].text!r} after else"
            raise BadTemplateError(message)
        nested = Piece(keyword=f"else {tokens[1].text}", tokens=tokens[2:])
        piece.otherwise.append(nested)
        self.stack.append(_Open(nested, nested.body))


def _named(word: str, tokens: tuple[Token, ...]) -> tuple[Token, ...]:
    """What follows ``template``, ``define`` or ``block``: a quoted name first."""
    if len(tokens) < 2 or not isinstance(tokens[1].value, str):
        message = f"{word!r} needs a name in quotes"
        raise BadTemplateError(message)
    return (Token("name", tokens[1].value), *tokens[2:])
