"""Names of metrics that engines changed (``monitor.engines.names``), in the expressions of boards.

``renewed`` writes today's names into an imported expression and says which; ``present`` takes, where a project has
no series of the name that is asked but has them under another spelling, the spelling that it has.
"""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet

from monitor.engines.names import GONE, RENAMED, VLLM_EXPRESSIONS, plain, spellings

BRACES = re.compile(r"\{[^{}]*\}")
SETS = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^()]*\)", re.IGNORECASE)
ASKED = re.compile(r"(?<![\w:$.])([a-zA-Z_][\w:]*)(?![\w:]|\s*\()")
IDENTIFIER = re.compile(r"(?<![\w:$.])[a-zA-Z_][\w:]*(?![\w:])")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')


def renewed(expr: str) -> tuple[str, list[tuple[str, str]], list[str]]:
    """(the expression with today's names, what was replaced by what, names without a successor)."""
    changes: dict[str, str] = {}
    gone: dict[str, None] = {}

    def new_name(name: str) -> str:
        bare, restore = plain(name)
        if bare in GONE:
            gone[name] = None
        if bare in RENAMED:
            changes[name] = restore(RENAMED[bare])
        return changes.get(name, name)

    expr = _expressions(expr, changes)
    return _each(expr, new_name), list(changes.items()), list(gone)


def present(expr: str, names: AbstractSet[str]) -> str:
    """The expression with every name that the project does not have in the spelling that it has."""
    if not names:
        return expr

    def known_name(name: str) -> str:
        if name in names or not _could_be(name):
            return name
        return next((other for other in spellings(name) if other in names), name)

    return _each(expr, known_name)


def missing(expr: str, names: AbstractSet[str]) -> list[str]:
    """The metrics that an expression asks and nobody sends."""
    bare = SETS.sub(" ", BRACES.sub(" ", STRING.sub('""', expr)))
    found = dict.fromkeys(match[1] for match in ASKED.finditer(bare))
    return [name for name in found if name not in names and _could_be(name)]


def _could_be(name: str) -> bool:
    return "_" in name or ":" in name


def _expressions(expr: str, changes: dict[str, str]) -> str:
    """Averages that are no longer sent, as expressions with the same matchers."""
    for old, form in VLLM_EXPRESSIONS.items():
        sought = re.compile(rf"(?<![\w:])vllm:{old}(?![\w:])(?P<matchers>\{{[^{{}}]*\}})?")

        def built(match: re.Match[str], form: str = form) -> str:
            changes[match[0].partition("{")[0]] = form.replace("{}", "")
            return form.replace("{}", match["matchers"] or "")

        expr = sought.sub(built, expr)
    return expr


def _each(expr: str, change: Callable[[str], str]) -> str:
    """The expression with every name outside of strings and label lists changed."""
    out, at = [], 0
    for text in STRING.finditer(expr):
        out += [
            IDENTIFIER.sub(lambda found: change(found[0]), expr[at : text.start()]),
            _quoted(text[0], change),
        ]
        at = text.end()
    out.append(IDENTIFIER.sub(lambda found: change(found[0]), expr[at:]))
    return "".join(out)


def _quoted(text: str, change: Callable[[str], str]) -> str:
    """A quoted name (``{"a.b"}``, ``__name__="…"``) is a name too when it looks like an engine's."""
    inside = text[1:-1]
    return (
        text[0] + change(inside) + text[-1] if inside.startswith(("vllm:", "sglang:", "ray_vllm")) else text
    )
