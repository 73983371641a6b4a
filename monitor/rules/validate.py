"""What a rule must fulfil before it is stored; the form and the rule file ask the same questions."""

import re
from collections.abc import Iterable, Mapping

from monitor import query
from monitor.core import written
from monitor.core.labels import NAME
from monitor.promql.errors import QueryError
from monitor.rules import templates
from monitor.rules.yaml import GroupSpec, RuleSpec

LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
RESERVED = frozenset({NAME, "alertname", "alertstate"})
LONGEST_NAME = 200
LONGEST_TEXT = 100_000


class BadRuleError(ValueError):
    """A rule that can't be stored; says what and where. Its author can mend it."""


def storable(text: str, *, what: str, longest: int = LONGEST_TEXT) -> None:
    """Raise BadRuleError for a text that the database takes in no column."""
    if len(text) > longest:
        message = f"{what}: {text[:40]!r}… is {len(text)} characters long; {longest} are the most"
        raise BadRuleError(message)
    if not written.storable(text):
        message = f"{what}: {text[:40]!r} holds a character that can't be stored (NUL or half a pair)"
        raise BadRuleError(message)


def name(text: str) -> None:
    """Raise BadRuleError for what can't be the name of a rule or a group."""
    storable(text, what="name", longest=LONGEST_NAME)


def expression(text: str) -> None:
    """Raise BadRuleError, with line, column and the place marked, for what is no PromQL or no vector."""
    storable(text, what="the expression")
    try:
        kind = query.result_kind(text)
    except QueryError as error:
        raise BadRuleError(marked(text, error.message, error.position)) from error
    if kind not in {"vector", "scalar"}:
        message = f"the expression is a {kind}; a rule needs an instant vector: wrap it, say, in rate() or max_over_time()"
        raise BadRuleError(message)


def marked(text: str, message: str, position: int | None) -> str:
    """The complaint with the line it is about and a mark under the place."""
    if position is None:
        return message
    message = re.sub(r"^\d+:\d+: ", "", message)
    position = min(max(position, 0), len(text))
    line = text.count("\n", 0, position)
    start = text.rfind("\n", 0, position) + 1
    shown = text[start:].partition("\n")[0]
    column = position - start
    return f"line {line + 1}, column {column + 1}: {message}\n{shown}\n{' ' * column}^"


def label_names(labels: Mapping[str, str], *, what: str = "labels") -> None:
    """Raise BadRuleError for a name that no series may carry, or that is the rule's own."""
    for name, text in labels.items():
        if not LABEL.fullmatch(name) or len(name) > LONGEST_NAME:
            message = f"{what}: {name[:100]!r} is no label name; use letters, digits and underscores"
            raise BadRuleError(message)
        storable(text, what=f"{what}: {name}")
        if name in RESERVED:
            message = f"{what}: {name!r} is set by the rule itself"
            raise BadRuleError(message)


def texts(values: Mapping[str, str], *, what: str) -> None:
    """Raise BadRuleError for a template that can never be filled."""
    for name, text in values.items():
        try:
            templates.check(text)
        except templates.BadTemplateError as error:
            message = f"{what}: {name}: {error}"
            raise BadRuleError(message) from error


def annotations(values: Mapping[str, str]) -> None:
    for name, text in values.items():
        if not LABEL.fullmatch(name) or len(name) > LONGEST_NAME:
            message = f"annotations: {name[:100]!r} is no name; use letters, digits and underscores"
            raise BadRuleError(message)
        storable(text, what=f"annotations: {name}")
    texts(values, what="annotations")


def record_name(name: str) -> None:
    if not METRIC.fullmatch(name):
        message = f"{name!r} is no metric name; use letters, digits, underscores and colons"
        raise BadRuleError(message)


def rule(spec: RuleSpec) -> None:
    """All of it."""
    name(spec.name)
    expression(spec.expr)
    label_names(spec.labels)
    if spec.record:
        record_name(spec.record)
        return
    texts(spec.labels, what="labels")
    annotations(spec.annotations)


def complaints(groups: Iterable[GroupSpec]) -> list[str]:
    """Everything that is wrong in a rule file, each with its line."""
    found = []
    for group in groups:
        found += _of_group(group)
        for spec in group.rules:
            try:
                rule(spec)
            except BadRuleError as error:
                found.append(f"line {spec.line}: {spec.name[:100]}: {error}")
    return found


def _of_group(group: GroupSpec) -> list[str]:
    where = f"line {group.line}: group {group.name[:100]!r}"
    if group.interval_ms is not None and group.interval_ms < 1000:
        return [f"{where}: an interval is at least 1s"]
    try:
        name(group.name)
        label_names(group.labels)
        texts(group.labels, what="labels")
    except BadRuleError as error:
        return [f"{where}: {error}"]
    return []
