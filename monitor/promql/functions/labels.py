"""Functions that rewrite label sets and leave values alone."""

import re
from typing import Any

import re2

from monitor.core import patience
from monitor.core.labels import Labels
from monitor.promql.errors import ExecutionError, TooMuchError
from monitor.promql.functions.registry import Context, function
from monitor.promql.values import Vector, merged

_QUIET = re2.Options()
_QUIET.log_errors = False
# letters of one label's value, and of all that one call makes: nested calls double them each time
LONGEST, MOST_LETTERS = 1_000_000, 50_000_000
_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})")


class _Afford:
    """Refuses before the letters are there."""

    def __init__(self, function_name: str) -> None:
        self.function_name, self.letters = function_name, 0

    def __call__(self, letters: int) -> None:
        self.letters += letters
        if letters > LONGEST or self.letters > MOST_LETTERS:
            message = f"{self.function_name}() would make labels of more letters than the limit of {LONGEST}, or {MOST_LETTERS} in all"
            raise TooMuchError(message)


def same_labels(_: Labels) -> ExecutionError:
    return ExecutionError("vector cannot contain metrics with the same labelset")


def _check_name(function_name: str, role: str, name: str) -> None:
    if not name or any("\ud800" <= letter <= "\udfff" or letter == "\ufffd" for letter in name):
        message = f"invalid {role} label name in {function_name}(): {name}"
        raise ExecutionError(message)


@function("vector", "string", "string", "string", "string", keeps_name=True)
def label_replace(
    _: Context, vector: Vector, target: str, replacement: str, source: str, pattern: str
) -> Vector:
    """Sets a label from another one by a regular expression; $1 stands for its first group."""
    try:
        compiled = re2.compile(f"(?s:{pattern})", _QUIET)
    except re2.error as error:
        message = f"invalid regular expression in label_replace(): {pattern}"
        raise ExecutionError(message) from error
    _check_name("label_replace", "destination", target)
    results, afford = [], _Afford("label_replace")
    references = replacement.count("$")
    for labels in patience.each(vector.labels):
        value = labels.get(source, "")
        match = compiled.fullmatch(value)
        if match is not None:
            afford(len(replacement) + references * len(value))
        results.append(labels if match is None else labels.having({target: _expanded(replacement, match)}))
    return merged(vector.with_labels(results), same_labels)


def _expanded(template: str, match: Any) -> str:
    """The template with $1, ${1}, $name and ${name} filled in, $$ as a dollar, as Go's Expand does."""

    def fill(reference: re.Match[str]) -> str:
        if reference.group(1):
            return "$"
        name = reference.group(2) or reference.group(3)
        try:
            return match.group(int(name) if name.isdecimal() else name) or ""
        except (IndexError, KeyError):
            return ""

    return _REFERENCE.sub(fill, template)


@function("vector", "string", "string", "string", optional=-1, keeps_name=True)
def label_join(_: Context, vector: Vector, target: str, separator: str, *sources: str) -> Vector:
    """Sets a label to the values of others, joined by a separator."""
    for source in sources:
        _check_name("label_join", "source", source)
    _check_name("label_join", "destination", target)
    results, afford = [], _Afford("label_join")
    for labels in patience.each(vector.labels):
        values = [labels.get(source, "") for source in sources]
        afford(sum(map(len, values)) + len(separator) * len(values))
        results.append(labels.having({target: separator.join(values)}))
    return merged(vector.with_labels(results), same_labels)
