"""``anchored`` and ``smoothed`` behind a selector: the parser wheel does not know them, so they travel as matchers.

A matcher of a label that nobody has, on the empty value, changes nothing that is selected; whoever copies the
wheel's tree takes it out again.
"""

from collections.abc import Sequence

from monitor.promql.scan import Token, failure, opening

WORDS = frozenset({"anchored", "smoothed"})
MARK = "__vigil_edges_{}__"
_NO_SELECTOR_BEFORE = frozenset({"on", "ignoring", "group_left", "group_right", "by", "without"})
_OPERATORS = frozenset({"and", "or", "unless", "atan2", "bool", "offset", *_NO_SELECTOR_BEFORE})


def marked(text: str, tokens: Sequence[Token]) -> list[Token]:
    """The tokens with each such word moved into the braces of its selector; raises BadQueryError."""
    if not any(token.text.lower() in WORDS for token in tokens):
        return list(tokens)
    result: list[Token] = []
    for place, token in enumerate(tokens):
        following = tokens[place + 1] if place + 1 < len(tokens) else None
        if _is_modifier(tokens, place, following):
            _mark(text, result, token)
        else:
            result.append(token)
    return result


def _is_modifier(tokens: Sequence[Token], place: int, following: Token | None) -> bool:
    token = tokens[place]
    if token.kind != "name" or token.text.lower() not in WORDS or place == 0:
        return False
    if following is not None and following.text in {"(", "=", "=~", "!=", "!~", "{"}:
        return False
    before = tokens[place - 1]
    if before.text == ")":
        opened = opening(tokens, place - 1)
        return opened == 0 or tokens[opened - 1].text.lower() not in _NO_SELECTOR_BEFORE
    if before.kind == "name":
        return before.text.lower() not in _OPERATORS
    return before.text in {"}", "]"} or before.kind == "number"


def _mark(text: str, tokens: list[Token], word: Token) -> None:
    """Put the mark into the selector that ends the tokens, whatever offsets and ranges stand behind it."""
    place = len(tokens)
    while place > 0:
        last = tokens[place - 1]
        if last.text == "]":
            place = opening(tokens, place - 1)
        elif last.text == ")" or last.kind == "number":
            start = opening(tokens, place - 1) if last.text == ")" else place - 1
            start -= start > 0 and tokens[start - 1].kind == "name" and tokens[start - 1].text != "offset"
            start -= start > 0 and tokens[start - 1].text in {"-", "+"}
            if start == 0 or tokens[start - 1].text.lower() not in {"offset", "@"}:
                break
            place = start - 1
        elif last.text == "}" or last.kind == "name":
            _insert(tokens, place, word)
            return
        else:
            break
    raise failure(text, word.position, f"{word.text} modifier can only be used behind a series selector")


def _insert(tokens: list[Token], place: int, word: Token) -> None:
    at, label = word.position, MARK.format(word.text.lower())
    matcher = [Token("name", label, at), Token("operator", "=", at), Token("text", '""', at)]
    if tokens[place - 1].text != "}":
        tokens[place:place] = [Token("open", "{", at), *matcher, Token("close", "}", at)]
        return
    if tokens[place - 2].text not in {"{", ","}:
        matcher.insert(0, Token("comma", ",", at))
    tokens[place - 1 : place - 1] = matcher
