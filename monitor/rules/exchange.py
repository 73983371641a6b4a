"""Rule groups of a project, out of rule files and into them."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from monitor.rules import history, validate
from monitor.rules.history import Author
from monitor.rules.models import Origin, Rule, RuleGroup
from monitor.rules.yaml import GroupSpec, RuleSpec

INTERVAL_MS = 60_000
BATCH = 1000
# so many complaints are listed
MOST_TOLD = 100


class RefusedFileError(ValueError):
    """A file with rules that can't be stored: nothing of it is. Lists every complaint."""


@dataclass(frozen=True, slots=True)
class Taken:
    """How many groups and rules there are now, how many groups were there before, and what was left out and why."""

    groups: int
    rules: int
    replaced: int
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms groups are taken. ``source``: the mounted file that owns them from now on; empty: people do.

    ``partly``: rules that can't be stored are left out and reported, instead of refusing everything.
    """

    author: Author
    source: str = ""
    enabled: bool = True
    partly: bool = False

    @property
    def origin(self) -> Origin:
        return Origin.FILE if self.source else Origin.ADMIN


def take(project_id: int, groups: Sequence[GroupSpec], terms: Terms) -> Taken:
    """Store the groups, all or none; a group of the same name and source is replaced. Raises RefusedFileError.

    A rule that stays what it was keeps its state: reading a file again ends no alert.
    """
    lost: tuple[str, ...] = ()
    if terms.partly:
        groups, lost = _good_ones(groups)
    if found := validate.complaints(groups):
        more = [f"… and {len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else []
        raise RefusedFileError("\n".join(found[:MOST_TOLD] + more))
    replaced = 0
    with transaction.atomic():
        for spec in groups:
            row, created = _take_group(project_id, spec, terms)
            replaced += not created
            _take_rules(row, spec.rules, terms.author)
    return Taken(len(groups), sum(len(group.rules) for group in groups), replaced, lost)


def give(project_id: int, *, only: str | None = None) -> list[GroupSpec]:
    """The groups as a rule file holds them, with what is switched off marked so."""
    rows = RuleGroup.objects.filter(project_id=project_id).order_by("name", "source")
    rows = rows.filter(name=only) if only else rows
    return together(rows.prefetch_related("rules"))


def together(rows: Iterable[RuleGroup]) -> list[GroupSpec]:
    """The groups for one file: those of different files that share a name get their file's name with it."""
    found: dict[str, GroupSpec] = {}
    for row in rows:
        spec = _group(row)
        if spec.name in found:
            spec = replace(spec, name=_unlike(spec.name, row.source or "Vigil", found))
        found[spec.name] = spec
    return list(found.values())


def _unlike(name: str, source: str, taken: Mapping[str, object]) -> str:
    """A name of its own that can be stored again."""
    for number in itertools.count(1):
        end = f" ({source[-80:]}{'' if number == 1 else f' {number}'})"
        if (found := name[: validate.LONGEST_NAME - len(end)] + end) not in taken:
            return found
    raise AssertionError


def remove(groups: Sequence[RuleGroup], author: Author) -> None:
    """Take groups away, with a note of what each rule was; their alerts are ended at the next evaluation."""
    with transaction.atomic():
        for group in groups:
            history.note_end(group.rules.select_related("group"), author)
            group.delete()


def _take_group(project_id: int, spec: GroupSpec, terms: Terms) -> tuple[RuleGroup, bool]:
    """Its row, and whether it is new. What is off in the file is off here; nothing that was switched off goes on."""
    wanted = _settings(spec, terms)
    row, created = RuleGroup.objects.select_for_update(no_key=True).get_or_create(
        project_id=project_id,
        source=terms.source,
        name=spec.name,
        defaults=wanted | {"enabled": terms.enabled},
    )
    before = row.interval_ms
    for name, value in wanted.items():
        setattr(row, name, value)
    row.enabled = row.enabled and spec.enabled
    if row.interval_ms != before:
        row.due_at = None
    row.save()
    return row, created


def _settings(spec: GroupSpec, terms: Terms) -> dict[str, object]:
    return {
        "interval_ms": spec.interval_ms or INTERVAL_MS, "states_interval": spec.interval_ms is not None,
        "query_offset_ms": spec.query_offset_ms,
        "limit": spec.limit, "labels": dict(spec.labels), "origin": terms.origin,
    }  # fmt: skip


def _good_ones(groups: Sequence[GroupSpec]) -> tuple[list[GroupSpec], tuple[str, ...]]:
    lost: list[str] = []
    kept = []
    for group in groups:
        whole = validate.complaints([replace(group, rules=())])
        if whole:
            lost += [f"{complaint}; its {len(group.rules)} rules are left out" for complaint in whole]
            continue
        alone = [(rule, validate.complaints([replace(group, rules=(rule,))])) for rule in group.rules]
        lost += [complaint for _, found in alone for complaint in found]
        kept.append(replace(group, rules=tuple(rule for rule, found in alone if not found)))
    return kept, tuple(lost)


def _take_rules(group: RuleGroup, specs: Sequence[RuleSpec], author: Author) -> None:
    """A rule is the same as before if its kind, name and expression are; else one of its kind and name changed."""
    same = {(row.kind, row.name, row.expr): row for row in group.rules.order_by("-position")}
    kinds = [Rule.Kind.ALERT if spec.alert else Rule.Kind.RECORD for spec in specs]
    matched = [same.pop((kind, spec.name, spec.expr), None) for kind, spec in zip(kinds, specs, strict=True)]
    like = {(row.kind, row.name): row for row in same.values()}
    rows: list[tuple[Rule, history.Words]] = []
    for position, (kind, spec, known) in enumerate(zip(kinds, specs, matched, strict=True)):
        row = known or like.pop((kind, spec.name), None) or Rule(kind=kind, name=spec.name)
        row.group = group
        before = history.words(row) if row.pk else {}
        moved = row.position != position
        row.expr, row.position = spec.expr, position
        row.for_ms, row.keep_firing_for_ms = spec.for_ms, spec.keep_firing_for_ms
        row.labels, row.annotations = dict(spec.labels), dict(spec.annotations)
        row.enabled = row.enabled and spec.enabled
        if row.pk and (moved or before != history.words(row)):
            row.save()
        rows.append((row, before))
    Rule.objects.bulk_create([row for row, _ in rows if not row.pk], BATCH)
    history.keep([history.edit(row, before, history.words(row), author) for row, before in rows])
    keep = [row.pk for row, _ in rows]
    gone = group.rules.exclude(pk__in=keep)
    history.note_end(gone.select_related("group"), author)
    gone.delete()


def _group(row: RuleGroup) -> GroupSpec:
    rules = sorted(row.rules.all(), key=lambda rule: (rule.position, rule.pk))
    return GroupSpec(
        name=row.name,
        rules=tuple(_rule(rule) for rule in rules),
        interval_ms=row.interval_ms if row.states_interval or row.interval_ms != INTERVAL_MS else None,
        query_offset_ms=row.query_offset_ms,
        limit=row.limit,
        labels=row.labels,
        enabled=row.enabled,
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
        enabled=row.enabled,
    )
