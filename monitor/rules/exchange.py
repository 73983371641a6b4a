"""Rule groups of a project, out of rule files and into them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from monitor.rules import validate
from monitor.rules.models import Origin, Rule, RuleGroup
from monitor.rules.yaml import GroupSpec, RuleSpec

INTERVAL_MS = 60_000


class RefusedFileError(ValueError):
    """A file with rules that can't be stored: nothing of it is. Lists every complaint."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How many groups and rules there are now, and how many groups were there before and replaced."""

    groups: int
    rules: int
    replaced: int


def take(project_id: int, groups: Sequence[GroupSpec], *, origin: Origin = Origin.ADMIN) -> Taken:
    """Store the groups, all or none; a group of the same name is replaced.

    A rule that stays what it was keeps its state: reading a file again ends no alert.
    """
    found = validate.complaints(groups)
    if found:
        raise RefusedFileError("\n".join(found))
    replaced = 0
    with transaction.atomic():
        for spec in groups:
            _, created = RuleGroup.objects.update_or_create(
                project_id=project_id,
                name=spec.name,
                defaults={
                    "interval_ms": spec.interval_ms or INTERVAL_MS,
                    "query_offset_ms": spec.query_offset_ms,
                    "limit": spec.limit,
                    "labels": dict(spec.labels),
                    "origin": origin,
                },
            )
            replaced += not created
            _take_rules(RuleGroup.objects.get(project_id=project_id, name=spec.name), spec.rules)
    return Taken(len(groups), sum(len(group.rules) for group in groups), replaced)


def give(project_id: int, *, only: str | None = None) -> list[GroupSpec]:
    """The groups as a rule file holds them; rules that are switched off are left out."""
    rows = RuleGroup.objects.filter(project_id=project_id).order_by("name")
    rows = rows.filter(name=only) if only else rows
    return [_group(row) for row in rows.prefetch_related("rules")]


def _take_rules(group: RuleGroup, specs: Sequence[RuleSpec]) -> None:
    """A rule is the same as before if its kind, name and expression are."""
    before = {(row.kind, row.name, row.expr): row for row in group.rules.order_by("-position")}
    keep = []
    for position, spec in enumerate(specs):
        kind = Rule.Kind.ALERT if spec.alert else Rule.Kind.RECORD
        row = before.pop((kind, spec.name, spec.expr), None) or Rule(group=group, kind=kind, name=spec.name)
        row.expr, row.position = spec.expr, position
        row.for_ms, row.keep_firing_for_ms = spec.for_ms, spec.keep_firing_for_ms
        row.labels, row.annotations = dict(spec.labels), dict(spec.annotations)
        row.save()
        keep.append(row.pk)
    group.rules.exclude(pk__in=keep).delete()


def _group(row: RuleGroup) -> GroupSpec:
    rules = sorted(row.rules.all(), key=lambda rule: (rule.position, rule.pk))
    return GroupSpec(
        name=row.name,
        rules=tuple(_rule(rule) for rule in rules if rule.enabled),
        interval_ms=row.interval_ms,
        query_offset_ms=row.query_offset_ms,
        limit=row.limit,
        labels=row.labels,
    )


def _rule(row: Rule) -> RuleSpec:
    is_alert = row.kind == Rule.Kind.ALERT
    return RuleSpec(
        alert=row.name if is_alert else "",
        record="" if is_alert else row.name,
        expr=row.expr,
        for_ms=row.for_ms if is_alert else 0,
        keep_firing_for_ms=row.keep_firing_for_ms if is_alert else 0,
        labels=row.labels,
        annotations=row.annotations if is_alert else {},
    )
