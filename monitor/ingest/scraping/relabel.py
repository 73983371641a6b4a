"""Relabelling as Prometheus does it: rules that rewrite, keep or drop a label set; pure."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import re2

from monitor.core.labels import Labels

DEFAULT_REGEX = "(.*)"
_PLACEHOLDER = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)
_DEFAULTS: Mapping[str, Any] = {
    "source_labels": (),
    "separator": ";",
    "target_label": "",
    "regex": DEFAULT_REGEX,
    "modulus": 0,
    "replacement": "$1",
    "action": "replace",
}
_NEEDS_TARGET = frozenset({"replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"})
_ONLY = {
    "labeldrop": ("regex",),
    "labelkeep": ("regex",),
    "keepequal": ("source_labels", "target_label"),
    "dropequal": ("source_labels", "target_label"),
}


class BadRuleError(ValueError):
    """A rule that can't work; ``key`` names what to mend."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}" if key else why)
        self.key = key
        self.why = why


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of ``relabel_configs`` or ``metric_relabel_configs``."""

    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    target_label: str = ""
    regex: str = DEFAULT_REGEX
    modulus: int = 0
    replacement: str = "$1"
    action: str = "replace"
    pattern: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        options = re2.Options()
        options.log_errors = False
        try:
            object.__setattr__(self, "pattern", re2.compile(f"(?s:{self.regex})", options))
        except re2.error as error:
            raise BadRuleError("regex", f"{self.regex!r} is no RE2 expression: {error}") from error

    def source(self, labels: Mapping[str, str]) -> str:
        return self.separator.join(labels.get(name, "") for name in self.source_labels)


def read(given: Any) -> Rule:
    """One rule as it stands in YAML; raises BadRuleError."""
    if not isinstance(given, dict):
        raise BadRuleError("", "is not a mapping such as {source_labels: [job], action: keep, regex: api}")
    unknown = next((str(key) for key in given if key not in _DEFAULTS), None)
    if unknown is not None:
        raise BadRuleError(unknown, f"no such key; there are {', '.join(_DEFAULTS)}")
    # regex: 8080 and replacement: 1 are numbers to YAML and texts to Prometheus
    texts = {key: _text(key, given[key]) for key in given if key not in {"source_labels", "modulus"}}
    texts["action"] = texts.get("action", "replace").lower()
    names, modulus = given.get("source_labels") or [], given.get("modulus", 0)
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise BadRuleError("source_labels", "is not a list of label names")
    if not isinstance(modulus, int) or isinstance(modulus, bool) or modulus < 0:
        raise BadRuleError("modulus", f"{modulus!r} is not a whole number of at least 0")
    rule = Rule(source_labels=tuple(names), modulus=modulus, **texts)
    _check(rule)
    return rule


def _text(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if not isinstance(value, str | int | float | None):
        raise BadRuleError(key, "is not a text; put it in quotes")
    return "" if value is None else str(value)


def _check(rule: Rule) -> None:
    if rule.action not in ACTIONS:
        raise BadRuleError("action", f"{rule.action!r} is not known; there are {', '.join(sorted(ACTIONS))}")
    if rule.action in _NEEDS_TARGET and not rule.target_label:
        raise BadRuleError("target_label", f"missing; {rule.action} needs one")
    if rule.action == "hashmod" and rule.modulus == 0:
        raise BadRuleError("modulus", "missing; hashmod needs one greater than 0")
    for key in _DEFAULTS if rule.action in _ONLY else ():
        if key not in {*_ONLY[rule.action], "action"} and getattr(rule, key) != _DEFAULTS[key]:
            raise BadRuleError(key, f"{rule.action} takes only {' and '.join(_ONLY[rule.action])}")


def apply(labels: Mapping[str, str], rules: Iterable[Rule]) -> Labels | None:
    """The label set after all rules in turn; None as soon as one drops it."""
    known = dict(labels)
    for rule in rules:
        if not ACTIONS[rule.action](rule, known):
            return None
        known = {name: value for name, value in known.items() if value}
    return Labels(known)


def expanded(template: str, match: Any) -> str:
    """Go's expansion: ``$1``, ``${1}``, ``$name``, ``$$``; a group that there is not stands for nothing."""

    def group(found: re.Match[str]) -> str:
        if found[1]:
            return "$"
        name = found[2] or found[3]
        if name.isdecimal():
            number = int(name)
            return (match.group(number) or "") if number <= match.re.groups else ""
        return (match.group(name) or "") if name in match.re.groupindex else ""

    return _PLACEHOLDER.sub(group, template)


def _replace(rule: Rule, labels: dict[str, str]) -> bool:
    match = rule.pattern.fullmatch(rule.source(labels))
    if match is not None:
        target = expanded(rule.target_label, match)
        if target:
            labels[target] = expanded(rule.replacement, match)
    return True


def _keep(rule: Rule, labels: dict[str, str]) -> bool:
    return rule.pattern.fullmatch(rule.source(labels)) is not None


def _drop(rule: Rule, labels: dict[str, str]) -> bool:
    return not _keep(rule, labels)


def _keepequal(rule: Rule, labels: dict[str, str]) -> bool:
    return labels.get(rule.target_label, "") == rule.source(labels)


def _dropequal(rule: Rule, labels: dict[str, str]) -> bool:
    return not _keepequal(rule, labels)


def _lowercase(rule: Rule, labels: dict[str, str]) -> bool:
    labels[rule.target_label] = rule.source(labels).lower()
    return True


def _uppercase(rule: Rule, labels: dict[str, str]) -> bool:
    labels[rule.target_label] = rule.source(labels).upper()
    return True


def _hashmod(rule: Rule, labels: dict[str, str]) -> bool:
    digest = hashlib.md5(rule.source(labels).encode(), usedforsecurity=False).digest()
    labels[rule.target_label] = str(int.from_bytes(digest[8:], "big") % rule.modulus)
    return True


def _labelmap(rule: Rule, labels: dict[str, str]) -> bool:
    for name, value in list(labels.items()):
        match = rule.pattern.fullmatch(name)
        if match is not None:
            labels[expanded(rule.replacement, match)] = value
    labels.pop("", None)
    return True


def _labeldrop(rule: Rule, labels: dict[str, str]) -> bool:
    for name in [name for name in labels if rule.pattern.fullmatch(name) is not None]:
        del labels[name]
    return True


def _labelkeep(rule: Rule, labels: dict[str, str]) -> bool:
    for name in [name for name in labels if rule.pattern.fullmatch(name) is None]:
        del labels[name]
    return True


ACTIONS: Mapping[str, Callable[[Rule, dict[str, str]], bool]] = {
    "replace": _replace, "keep": _keep, "drop": _drop, "keepequal": _keepequal, "dropequal": _dropequal,
    "lowercase": _lowercase, "uppercase": _uppercase, "hashmod": _hashmod, "labelmap": _labelmap,
    "labeldrop": _labeldrop, "labelkeep": _labelkeep,
}  # fmt: skip


def rules(given: Any, key: str) -> Sequence[Rule]:
    """A list of rules as it stands in YAML; errors say which entry."""
    if given is None:
        return ()
    if not isinstance(given, list):
        raise BadRuleError(key, "is not a list of rules")
    found = []
    for place, one in enumerate(given):
        try:
            found.append(read(one))
        except BadRuleError as error:
            raise BadRuleError(
                f"{key}[{place}]" + (f".{error.key}" if error.key else ""), error.why
            ) from error
    return tuple(found)
