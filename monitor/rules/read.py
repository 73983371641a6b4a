"""What pages may know of rules: plain facts, no querysets."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from monitor.core import durations
from monitor.rules import state
from monitor.rules.evaluate import rule_link
from monitor.rules.history import changed
from monitor.rules.models import AlertChange, Rule, RuleAlert, RuleEdit, RuleFile, RuleGroup


@dataclass(frozen=True, slots=True)
class AlertRow:
    """A pending or firing alert. ``rule_id`` None: its rule was just deleted."""

    fingerprint: str
    name: str
    severity: str
    state: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float
    active_at: dt.datetime
    fired_at: dt.datetime | None
    rule_id: int | None
    expr: str
    link: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """An alert entered a state: pending, firing, resolved, or inactive (a pending one that came to nothing)."""

    at: dt.datetime
    to: str
    name: str
    severity: str
    labels: Mapping[str, str]
    value: float
    fingerprint: str
    rule_id: int | None


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule with its state. ``state`` "unknown": switched off, never asked, or it could not ask."""

    id: int
    group_id: int
    group: str
    name: str
    kind: str
    expr: str
    hold: str
    keep_firing_for: str
    interval: str
    labels: Mapping[str, str]
    own_labels: Mapping[str, str]
    annotations: Mapping[str, str]
    severity: str
    source: str
    enabled: bool
    state: str
    health: str
    last_error: str
    last_ok: dt.datetime | None
    evaluated_at: dt.datetime | None
    last_duration: float | None
    link: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    id: int
    name: str
    interval_seconds: float
    query_offset_seconds: float
    limit: int
    origin: str
    source: str
    enabled: bool
    evaluated_at: dt.datetime | None
    due_at: dt.datetime | None
    last_duration: float | None
    last_error: str
    missed: int
    late: bool
    labels: Mapping[str, str]
    rules: tuple[RuleRow, ...]

    @property
    def health(self) -> str:
        """``unknown`` until it was evaluated, while it is switched off, and while nobody evaluates it."""
        if not self.enabled or self.evaluated_at is None or self.late:
            return "unknown"
        return "err" if self.last_error else "ok"


@dataclass(frozen=True, slots=True)
class FileRow:
    """A mounted rule file; ``error``: why its groups are not what stands in it."""

    path: str
    read_at: dt.datetime
    error: str


@dataclass(frozen=True, slots=True)
class EditRow:
    """Somebody made, changed or took away a rule; ``changed`` is empty for the first and the last."""

    at: dt.datetime
    by: str
    name: str
    group: str
    what: str
    changed: tuple[tuple[str, str, str], ...]


SEVERITIES = {"critical": 0, "error": 1, "warning": 2, "info": 3}


def late(group: RuleGroup, now: dt.datetime | None) -> bool:
    """Whether nobody evaluates the group, for so long that what it found last holds no more."""
    if now is None or group.due_at is None or not group.enabled:
        return False
    return now > state.outdated_at(group.due_at, dt.timedelta(milliseconds=group.interval_ms))


def left_alone(now: dt.datetime) -> str:
    """A group, of any project, that nobody evaluates any more; empty: there is none."""
    due = RuleGroup.objects.filter(enabled=True, project__deleted_at=None, due_at__lt=now)
    found = next((one for one in due.select_related("project") if late(one, now)), None)
    return "" if found is None else f"{found.name} of {found.project.slug}"


def alerts(project_id: int, *, now: dt.datetime | None = None) -> list[AlertRow]:
    """What fires and what is pending: firing first, the worst first, the newest first.

    With ``now``, what nobody has looked at for long is unknown.
    """
    rows = RuleAlert.objects.filter(project_id=project_id, state__in=["firing", "pending"])
    found = [_alert(row, now) for row in rows.select_related("rule__group__project")]
    found.sort(key=lambda row: row.active_at, reverse=True)
    return sorted(found, key=lambda row: (row.state != "firing", SEVERITIES.get(row.severity, 9)))


def firing_count(project_id: int) -> int:
    return RuleAlert.objects.filter(project_id=project_id, state="firing").count()


def history(project_id: int, start: dt.datetime, end: dt.datetime, *, limit: int = 2000) -> list[ChangeRow]:
    """What changed in [start, end), the newest first."""
    rows = AlertChange.objects.filter(project_id=project_id, at__gte=start, at__lt=end)
    return [
        ChangeRow(
            at=row.at, to=row.to, name=row.labels.get("alertname", ""), severity=row.labels.get("severity", ""),
            labels=row.labels, value=row.value, fingerprint=f"{row.fingerprint:016x}", rule_id=row.rule_id,
        )
        for row in rows.order_by("-at", "-id")[:limit]
    ]  # fmt: skip


def rules(project_id: int, *, now: dt.datetime | None = None) -> list[RuleRow]:
    """Every rule in the order of groups and of rules within them; with ``now``, unknown where nobody asks."""
    rows = Rule.objects.filter(group__project_id=project_id).select_related("group__project")
    return [_rule(row, now) for row in rows.order_by("group__name", "group_id", "position", "id")]


def groups(project_id: int, *, now: dt.datetime | None = None) -> list[GroupRow]:
    """The groups with their rules; with ``now``, unknown where nobody asks."""
    by_group: dict[int, list[RuleRow]] = {}
    for row in rules(project_id, now=now):
        by_group.setdefault(row.group_id, []).append(row)
    return [
        GroupRow(
            id=group.pk, name=group.name, interval_seconds=group.interval_ms / 1000,
            query_offset_seconds=group.query_offset_ms / 1000, limit=group.limit, origin=group.origin,
            source=group.source, enabled=group.enabled, evaluated_at=group.evaluated_at, due_at=group.due_at,
            last_duration=group.last_duration, last_error=group.last_error, missed=group.missed, late=late(group, now), labels=group.labels,
            rules=tuple(by_group.get(group.pk, ())),
        )
        for group in RuleGroup.objects.filter(project_id=project_id).order_by("name", "id")
    ]  # fmt: skip


def recorded(project_id: int) -> dict[str, str]:
    """The expressions behind the series that rules record, by name."""
    rows = Rule.objects.filter(group__project_id=project_id, kind=Rule.Kind.RECORD)
    return dict(rows.values_list("name", "expr"))


def files(project_id: int) -> list[FileRow]:
    """The mounted rule files of a project."""
    rows = RuleFile.objects.filter(project_id=project_id)
    return [FileRow(row.path, row.read_at, row.error) for row in rows]


def edits(project_id: int, *, rule_id: int | None = None, limit: int = 100) -> list[EditRow]:
    """Who changed what, the newest first."""
    rows = RuleEdit.objects.filter(project_id=project_id)
    rows = rows.filter(rule_id=rule_id) if rule_id is not None else rows
    return [
        EditRow(
            at=row.at, by=row.by, name=row.name, group=row.group,
            what="deleted" if not row.after else "made" if not row.before else "changed",
            changed=tuple((name, str(row.before.get(name, "")), str(row.after.get(name, ""))) for name in changed(row)),
        )
        for row in rows[:limit]
    ]  # fmt: skip


def _alert(row: RuleAlert, now: dt.datetime | None) -> AlertRow:
    unseen = row.rule is not None and late(row.rule.group, now)
    return AlertRow(
        fingerprint=f"{row.fingerprint:016x}", name=row.labels.get("alertname", ""),
        severity=row.labels.get("severity", ""), state="unknown" if unseen else row.state, labels=row.labels,
        annotations=row.annotations, value=row.value, active_at=row.active_at, fired_at=row.fired_at,
        rule_id=row.rule_id, expr=row.rule.expr if row.rule else "", link=rule_link(row.rule) if row.rule else "",
    )  # fmt: skip


def _rule(row: Rule, now: dt.datetime | None) -> RuleRow:
    unseen = late(row.group, now)
    return RuleRow(
        id=row.pk, group_id=row.group_id, group=row.group.name, name=row.name, kind=row.kind, expr=row.expr,
        hold=durations.text(row.for_ms), keep_firing_for=durations.text(row.keep_firing_for_ms),
        interval=durations.text(row.group.interval_ms), labels={**row.group.labels, **row.labels},
        own_labels=row.labels, annotations=row.annotations, severity=row.severity, source=row.group.source, enabled=row.enabled and row.group.enabled,
        state="unknown" if unseen else row.state, health="unknown" if unseen else row.health, last_error=row.last_error, last_ok=row.last_ok,
        evaluated_at=row.evaluated_at, last_duration=row.last_duration, link=rule_link(row),
    )  # fmt: skip
