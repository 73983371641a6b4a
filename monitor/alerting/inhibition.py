"""Pure: which alerts are kept quiet because another one fires. Alertmanager's rules, found by an index."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from monitor.alerting import matching
from monitor.core.labels import Matcher

Alert = tuple[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """While a source fires, targets that agree with it in ``equal`` are quiet; a missing label is empty."""

    source: tuple[Matcher, ...]
    target: tuple[Matcher, ...]
    equal: tuple[str, ...] = ()

    def key(self, labels: Mapping[str, str]) -> tuple[str, ...]:
        return tuple(labels.get(name, "") for name in self.equal)


@dataclass(slots=True)
class _Sources:
    """One source is enough; of those that are targets themselves none may quiet another such."""

    first: str = ""
    first_plain: str = ""


class Inhibitor:
    """The rules together with what fires now."""

    def __init__(self, rules: Sequence[Rule], firing: Iterable[Alert]) -> None:
        self._rules = [(rule, _index(rule, firing)) for rule in rules] if rules else []

    def by(self, labels: Mapping[str, str]) -> str:
        """The fingerprint of a source that keeps this alert quiet, or the empty text."""
        for rule, sources in self._rules:
            found = sources.get(rule.key(labels))
            if found is None or not matching.all_match(rule.target, labels):
                continue
            both = matching.all_match(rule.source, labels)
            by = found.first_plain if both else found.first
            if by:
                return by
        return ""


def _index(rule: Rule, firing: Iterable[Alert]) -> dict[tuple[str, ...], _Sources]:
    index: dict[tuple[str, ...], _Sources] = {}
    for fingerprint, labels in firing:
        if not matching.all_match(rule.source, labels):
            continue
        found = index.setdefault(rule.key(labels), _Sources())
        found.first = found.first or fingerprint
        if not found.first_plain and not matching.all_match(rule.target, labels):
            found.first_plain = fingerprint
    return index
