"""The second argument of info(): label matchers alone, which may all match the empty value.

The parser wheel refuses such a selector anywhere, so it travels with one matcher more, which whoever copies the
wheel's tree takes out again.
"""

from collections.abc import Sequence

from monitor.promql.scan import Token, failure

MARK = "__vigil_bare__"


def anchored(text: str, tokens: Sequence[Token]) -> list[Token]:
    """The tokens with that matcher at the head of every second argument of info(); raises BadQueryError."""
    result: list[Token] = []
    # for each open bracket: how many commas it has seen, -1 where it is not info's
    commas: list[int] = []
    for place, token in enumerate(tokens):
        second = bool(commas) and commas[-1] == 1 and tokens[place - 1].text == ","
        if second and (token.kind == "name" or token.text == "("):
            called = token.text == "(" or tokens[place + 1].text == "("
            what = "" if called else ", got vector selector instead"
            raise failure(text, token.position, f"expected label selectors only{what}")
        result.append(token)
        if token.kind == "open":
            is_info = token.text == "(" and place > 0 and tokens[place - 1].text.lower() == "info"
            commas.append(0 if is_info else -1)
            if second and token.text == "{":
                result += _matcher(token.position, alone=tokens[place + 1].text == "}")
        elif token.kind == "close":
            commas.pop()
        elif token.kind == "comma" and commas and commas[-1] >= 0:
            commas[-1] += 1
    return result


def _matcher(at: int, *, alone: bool) -> list[Token]:
    matcher = [Token("name", MARK, at), Token("operator", "=~", at), Token("text", '".+"', at)]
    return matcher if alone else [*matcher, Token("comma", ",", at)]
