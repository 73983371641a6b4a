"""Who changed which rule, when, and what it was before: one row per rule that somebody made, changed or took away."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from monitor.core import durations
from monitor.rules.models import Rule, RuleEdit

Words = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Author:
    """A person's name, or the file or command that did it; and when."""

    by: str
    at: dt.datetime


def words(rule: Rule) -> Words:
    """The rule as its history keeps it: what people can change of it, as they write it."""
    return {
        "group": rule.group.name, "kind": rule.kind, "name": rule.name, "expr": rule.expr,
        "for": durations.text(rule.for_ms), "keep_firing_for": durations.text(rule.keep_firing_for_ms),
        "labels": dict(rule.labels), "annotations": dict(rule.annotations), "enabled": rule.enabled,
    }  # fmt: skip


def note(rule: Rule, before: Words, author: Author) -> None:
    """Keep that the rule, stored by now, is another than before (empty: it is new)."""
    keep([edit(rule, before, words(rule), author)])


def note_end(rules: Iterable[Rule], author: Author) -> None:
    """Keep what rules were that are about to be deleted."""
    keep([edit(rule, words(rule), {}, author) for rule in rules])


def edit(rule: Rule, before: Words, after: Words, author: Author) -> RuleEdit:
    return RuleEdit(
        project_id=rule.group.project_id, rule=rule if after else None, name=rule.name, group=rule.group.name,
        at=author.at, by=author.by[:150], before=before, after=after,
    )  # fmt: skip


def keep(edits: Iterable[RuleEdit]) -> None:
    """Store the edits that changed something."""
    RuleEdit.objects.bulk_create(one for one in edits if one.before != one.after)


def changed(edit: RuleEdit) -> list[str]:
    """The names of what differs; empty for a rule that was made or deleted."""
    if not edit.before or not edit.after:
        return []
    return [name for name in edit.after if edit.after[name] != edit.before.get(name)]
