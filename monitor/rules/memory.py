"""The alerts of a rule between two evaluations, in the database; and the end of those whose rule is gone."""

import datetime as dt
from collections.abc import Callable, Iterable, Sequence

from django.db import transaction
from django.db.models import Q

from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.labels import Labels, fingerprint
from monitor.rules import state
from monitor.rules.models import AlertChange, Rule, RuleAlert, RuleState

Write = Callable[[int, Sequence[tuple[Labels, int, float]]], object]
Tell = Callable[[int, Sequence[Notice]], None]
_FIELDS = ["labels", "annotations", "value", "state", "active_at", "fired_at", "resolved_at", "kept_since"]


def load(rule: Rule) -> list[state.Alert]:
    """What was known after the last evaluation."""
    return [as_alert(row) for row in RuleAlert.objects.filter(rule=rule).order_by("id")]


def save(rule: Rule, new: state.Step, *, at: dt.datetime) -> None:
    """Replace what is known and note what changed."""
    project_id = rule.group.project_id
    rows = [_row(project_id, rule.pk, alert) for alert in new.alerts]
    keep = [row.fingerprint for row in rows]
    RuleAlert.objects.filter(rule=rule).exclude(fingerprint__in=keep).delete()
    RuleAlert.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["rule", "fingerprint"], update_fields=_FIELDS
    )
    _note(project_id, rule.pk, new.changes, at)


def as_alert(row: RuleAlert) -> state.Alert:
    return state.Alert(
        labels=Labels(row.labels), annotations=row.annotations, value=row.value,
        state=row.state,  # type: ignore[arg-type] # only written from state.Alert
        active_at=row.active_at, fired_at=row.fired_at, resolved_at=row.resolved_at, kept_since=row.kept_since,
    )  # fmt: skip


def notice(alert: state.Alert, link: str) -> Notice:
    """An alert as it is handed on; it starts when it fired."""
    return Notice(
        labels=alert.labels,
        starts_at=alert.fired_at or alert.active_at,
        ends_at=alert.resolved_at,
        annotations=alert.annotations,
        value=alert.value,
        link=link,
    )


def end_orphans(write: Write, tell: Tell, *, now: dt.datetime) -> int:
    """End the alerts of rules that were deleted or switched off: nobody will look at them again."""
    gone = Q(rule=None) | Q(rule__enabled=False) | Q(rule__group__enabled=False)
    gone |= Q(rule__kind=Rule.Kind.RECORD)
    ended = 0
    for project_id in list(RuleAlert.objects.filter(gone).values_list("project_id", flat=True).distinct()):
        with transaction.atomic():
            mine = RuleAlert.objects.filter(gone, project_id=project_id)
            ids = list(mine.values_list("pk", flat=True))
            rows = list(RuleAlert.objects.filter(pk__in=ids).select_for_update(skip_locked=True))
            _end(project_id, rows, write, tell, now)
        ended += len(rows)
    return ended


def forget(*, now: dt.datetime, days: int) -> int:
    """Drop history that is so old."""
    gone, _ = AlertChange.objects.filter(at__lt=now - dt.timedelta(days=days)).delete()
    return gone


def _end(project_id: int, rows: Sequence[RuleAlert], write: Write, tell: Tell, now: dt.datetime) -> None:
    active = [(row.rule_id, as_alert(row)) for row in rows if row.state != "resolved"]
    at_ms = clock.to_ms(now)
    markers = state.with_markers(state.written([alert for _, alert in active]), {})
    if markers:
        write(project_id, [(labels, at_ms, value) for labels, value in markers.items()])
    for rule_id, alert in active:
        step = state.step([alert], [], state.Holds(), at=now)
        _note(project_id, rule_id, step.changes, now)
        tell(project_id, [notice(one, "") for one in step.alerts])
    Rule.objects.filter(pk__in=[row.rule_id for row in rows if row.rule_id]).update(state=RuleState.UNKNOWN)
    RuleAlert.objects.filter(pk__in=[row.pk for row in rows]).delete()


def _row(project_id: int, rule_id: int, alert: state.Alert) -> RuleAlert:
    return RuleAlert(
        project_id=project_id, rule_id=rule_id, fingerprint=fingerprint(project_id, alert.labels),
        labels=dict(alert.labels), annotations=dict(alert.annotations), value=alert.value, state=alert.state,
        active_at=alert.active_at, fired_at=alert.fired_at, resolved_at=alert.resolved_at,
        kept_since=alert.kept_since,
    )  # fmt: skip


def _note(project_id: int, rule_id: int | None, changes: Iterable[state.Change], at: dt.datetime) -> None:
    AlertChange.objects.bulk_create(
        AlertChange(
            project_id=project_id, rule_id=rule_id, fingerprint=fingerprint(project_id, change.alert.labels),
            labels=dict(change.alert.labels), to=change.to, at=at, value=change.alert.value,
        )
        for change in changes
    )  # fmt: skip
