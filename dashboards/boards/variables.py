"""What the variables of a board offer and which of it is chosen; a later one may depend on those before it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.utils.translation import gettext as _

from dashboards import ask
from dashboards.boards import known, patterns, spelling
from dashboards.boards.document import Choice, Variable
from dashboards.boards.fill import ALL, Scope, Value, escaped, put, used
from monitor.core import durations

# several values of one variable in an address or a form field
SEPARATOR = "\x1e"
MOST = 2_000
CALL = re.compile(r"^\s*(label_values|label_names|metrics|query_result)\s*\((.*)\)\s*$", re.DOTALL)
VALUES = re.compile(r"^(?:(?P<series>.+?)\s*,)?\s*(?P<label>[\w.:]+)\s*$", re.DOTALL)
AUTO = "$__auto"
# of the time range, what "auto" stands for
AUTO_PARTS = 30


@dataclass(frozen=True, slots=True)
class Offer:
    """One variable as the page shows it. ``picked``: its choices; ``needs``: the variables that it depends on."""

    variable: Variable
    choices: Sequence[Choice]
    value: Value
    picked: Sequence[str] = ()
    needs: Sequence[str] = ()
    problem: str = ""

    @property
    def chosen(self) -> frozenset[str]:
        return frozenset(self.picked)

    @property
    def strays(self) -> list[str]:
        """What is chosen though nothing offers it now: a page that did not show it would lie."""
        offered = {choice.value for choice in self.choices}
        return [] if self.everything else [one for one in self.picked if one not in offered]

    @property
    def everything(self) -> bool:
        return bool(self.value.whole) or self.value.everything


def resolve(
    project_id: int, variables: Sequence[Variable], params: Mapping[str, str], scope: Scope
) -> list[Offer]:
    """Every variable with its choices, as listed; each sees those that it depends on, wherever they stand."""
    needs = _needs(variables)
    offers: dict[str, Offer] = {}
    values = dict(scope.values)
    for variable in sorted(variables, key=lambda one: len(needs[one.name])):
        given, was = (params.get(f"{lead}-{variable.name}") for lead in ("var", "was"))
        made = _offer(project_id, variable, given, was, replace(scope, values=values))
        offers[variable.name] = replace(made, needs=sorted(needs[variable.name]))
        values[variable.name] = made.value
    return [offers[variable.name] for variable in variables]


def values_of(offers: Sequence[Offer]) -> dict[str, Value]:
    return {offer.variable.name: offer.value for offer in offers}


def _needs(variables: Sequence[Variable]) -> dict[str, frozenset[str]]:
    """By name all variables that a variable depends on, also through others: always more than those have."""
    names = {one.name for one in variables}
    direct = {one.name: (used(one.query) | used(one.regex)) & names - {one.name} for one in variables}
    found = {name: frozenset(others) for name, others in direct.items()}
    for _round in variables:
        found = {name: others.union(*(found[one] for one in others)) for name, others in found.items()}
    return found


def _offer(project_id: int, variable: Variable, given: str | None, was: str | None, scope: Scope) -> Offer:
    """``was``: what was chosen before a variable that it depends on changed; it counts where it is still offered."""
    try:
        choices, problem = _choices(project_id, variable, scope), ""
    except ask.AskError as error:
        choices, problem = [], str(error)
    asked = given if given is not None else was
    wanted = asked.split(SEPARATOR) if asked is not None else list(variable.chosen)
    value, picked = _value(variable, choices, wanted, given=given is not None, scope=scope)
    return Offer(variable, choices, value, picked, (), problem)


def _value(
    variable: Variable, choices: Sequence[Choice], wanted: list[str], *, given: bool, scope: Scope
) -> tuple[Value, Sequence[str]]:
    """(what the variable stands for, which of its choices that is)."""
    wanted = [one for one in wanted if one != ""]
    if variable.kind in {"text", "constant"}:
        # a field that was emptied is empty, not as it was at first
        emptied = given and variable.kind == "text"
        typed = wanted[0] if wanted else "" if emptied else variable.query
        return Value((typed,)), (typed,)
    if variable.kind == "datasource":
        return Value(("Vigil",)), ("Vigil",)
    if variable.all and (ALL in wanted or (not wanted and not variable.chosen)):
        return _all(variable, choices), (ALL,)
    offered = {choice.value: choice.text or choice.value for choice in choices}
    # what a link names counts even where nothing offers it now; what was saved with the board does not
    kept = [one for one in wanted if given or one in offered or not offered]
    if not kept and variable.all and wanted:
        return _all(variable, choices), (ALL,)
    if not kept:
        kept = [choices[0].value] if choices else []
    if not variable.many:
        kept = kept[:1]
    shown = [scope.span.window(AUTO_PARTS) if one == AUTO else one for one in kept]
    # without any value, everything is the only question that can have an answer
    whole = ".*" if not kept and variable.kind == "query" else ""
    texts = tuple(offered.get(one, one) for one in kept)
    return Value(tuple(shown), texts, many=variable.many, whole=whole), kept


def _all(variable: Variable, choices: Sequence[Choice]) -> Value:
    whole = variable.all_value or ("" if choices else ".*")
    if len(choices) > MOST // 4:
        whole = whole or ".+"
    names = tuple(choice.text or choice.value for choice in choices)
    values = tuple(choice.value for choice in choices)
    return Value(values, (_("All"),), names, many=True, whole=whole, everything=True)


def _choices(project_id: int, variable: Variable, scope: Scope) -> list[Choice]:
    match variable.kind:
        case "custom":
            return variable.choices or _listed(variable.query)
        case "interval":
            return [one for one in variable.choices or _listed(variable.query) if _is_duration(one.value)]
        case "datasource":
            return [Choice("Vigil")]
        case "query":
            found = _asked(project_id, put(variable.query, scope), scope)
            return _ordered(_filtered(found, put(variable.regex, scope)), variable.order)[:MOST]
        case _:
            return []


def _listed(text: str) -> list[Choice]:
    """``a, b, name : value`` as Grafana writes custom variables; a comma inside a value is escaped."""
    parts = [part.strip().replace("\\,", ",") for part in re.split(r"(?<!\\),", text) if part.strip()]
    pairs = [re.split(r"\s+:\s+", part, maxsplit=1) for part in parts]
    return [Choice(pair[1], pair[0]) if len(pair) == 2 else Choice(pair[0]) for pair in pairs]


def _is_duration(text: str) -> bool:
    try:
        return text == AUTO or durations.parse(text) > 0
    except durations.BadDurationError:
        return False


def _asked(project_id: int, text: str, scope: Scope) -> list[str]:
    call = CALL.match(text)
    if call is None:
        return _results(project_id, text, scope) if text.strip() else []
    name, inside = call[1], call[2].strip()
    if name == "query_result":
        return _results(project_id, inside, scope)
    if name == "metrics":
        names = known.names(project_id, scope.span.end)
        return [one for one, match in _matches(inside, inside, names) if match]
    if name == "label_names":
        return known.labels(project_id, scope.span.end)
    return _label_values(project_id, inside, scope)


def _label_values(project_id: int, inside: str, scope: Scope) -> list[str]:
    match = VALUES.match(inside)
    if match is None:
        message = _("label_values(%(inside)s): the last argument must be the name of a label") % {
            "inside": inside
        }
        raise ask.AskError(message)
    label = match["label"]
    if not match["series"]:
        return known.values(project_id, label, scope.span.end)
    selector = spelling.present(match["series"].strip(), known.names(project_id, scope.span.end))
    return known.values_of(project_id, selector, label, scope.span)


def _results(project_id: int, expr: str, scope: Scope) -> list[str]:
    """Each series of the answer as Grafana writes it: ``name{label="value"} value time``."""
    found = ask.readings(project_id, expr, scope.span.end)
    at = int(scope.span.end.timestamp() * 1000)
    return [f"{_series(one.labels)} {one.value:.15g} {at}" for one in found]


def _series(labels: Mapping[str, str]) -> str:
    inside = ",".join(f'{name}="{value}"' for name, value in labels.items() if name != "__name__")
    return labels.get("__name__", "") + "{" + inside + "}"


def _matches(shown: str, pattern: str, values: Iterable[str]) -> list[tuple[str, Any]]:
    """Each value with its match; raises AskError, which names the expression as it is ``shown``."""
    try:
        sought = patterns.compiled(pattern)
        return [(one, sought.search(one)) for one in values]
    except patterns.PatternError as error:
        message = _("the filter “%(filter)s” is no regular expression: %(why)s") % {
            "filter": shown,
            "why": error,
        }
        raise ask.AskError(message) from error


def _filtered(values: Sequence[str], regex: str) -> list[Choice]:
    """Grafana's filter: ``/expression/``; its groups ``value`` and ``text``, or its first group, are taken."""
    if not regex:
        return [Choice(one) for one in dict.fromkeys(values)]
    body = re.match(r"^/(.*)/[gimsuy]*$", regex, re.DOTALL)
    found: dict[str, str] = {}
    for one, match in _matches(regex, body[1] if body else escaped(regex), values):
        if match is None:
            continue
        named = match.groupdict()
        value = named.get("value") or named.get("text") or (match[1] if match.groups() else one)
        if value:
            found.setdefault(value, named.get("text") or "")
    return [Choice(value, shown) for value, shown in found.items()]


def _ordered(choices: list[Choice], order: str) -> list[Choice]:
    if order.startswith("number"):

        def number(choice: Choice) -> tuple[float, str]:
            digits = re.search(r"-?\d+(\.\d+)?", choice.value)
            return (float(digits[0]) if digits else float("inf"), choice.value)

        return sorted(choices, key=number, reverse=order.endswith("down"))
    if order in {"up", "down"}:
        return sorted(choices, key=lambda one: (one.text or one.value).lower(), reverse=order == "down")
    return choices
