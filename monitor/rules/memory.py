"""What is known of rules between two evaluations, in the database; and the end of what a rule left behind."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from django.db import transaction
from django.db.models import Q

from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.labels import Labels, fingerprint
from monitor.rules import state
from monitor.rules.models import AlertChange, Rule, RuleAlert, RuleOutput, RuleState

Write = Callable[[int, Sequence[tuple[Labels, int, float]]], object]
Tell = Callable[[int, Sequence[Notice]], None]
Known = dict[int, list[state.Alert]]
_FIELDS = ["labels", "annotations", "value", "state", "active_at", "fired_at", "resolved_at", "kept_since"]


def load(rules: Iterable[Rule]) -> Known:
    """The alerts of each rule after its last evaluation."""
    known: Known = defaultdict(list)
    rows = RuleAlert.objects.filter(rule__in=[rule.pk for rule in rules])
    for row in rows.order_by("id"):
        assert row.rule_id is not None
        known[row.rule_id].append(as_alert(row))
    return known


def save(project_id: int, known: Known, new: Mapping[int, tuple[state.Step, dt.datetime]]) -> None:
    """Replace what is known by what came out of it when, touching only what differs; note what changed."""
    rows, gone, changes = [], Q(), []
    for rule_id, (step, at) in new.items():
        before = {alert.labels: alert for alert in known.get(rule_id, ())}
        rows += [_row(project_id, rule_id, one) for one in step.alerts if before.get(one.labels) != one]
        ended = before.keys() - {alert.labels for alert in step.alerts}
        if ended:
            gone |= Q(rule=rule_id, fingerprint__in=[fingerprint(project_id, labels) for labels in ended])
        changes += _changes(project_id, rule_id, step.changes, at)
    if gone:
        RuleAlert.objects.filter(gone).delete()
    RuleAlert.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["rule", "fingerprint"], update_fields=_FIELDS
    )
    AlertChange.objects.bulk_create(changes)


def outputs(rules: Iterable[Rule]) -> dict[int, list[Labels]]:
    """The series that each recording rule wrote last."""
    rows = RuleOutput.objects.filter(rule__in=[rule.pk for rule in rules if rule.kind == Rule.Kind.RECORD])
    return {row.rule_id: [Labels(one) for one in row.series] for row in rows if row.rule_id is not None}


def save_outputs(
    project_id: int, before: Mapping[int, Sequence[Labels]], new: Mapping[int, Sequence[Labels]]
) -> None:
    rows = [
        RuleOutput(project_id=project_id, rule_id=rule_id, series=[dict(labels) for labels in series])
        for rule_id, series in new.items()
        if set(series) != set(before.get(rule_id, ()))
    ]
    RuleOutput.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["rule"], update_fields=["series"]
    )


def as_alert(row: RuleAlert) -> state.Alert:
    return state.Alert(
        labels=Labels(row.labels), annotations=row.annotations, value=row.value,
        state=row.state,  # type: ignore[arg-type] # only written from state.Alert
        active_at=row.active_at, fired_at=row.fired_at, resolved_at=row.resolved_at, kept_since=row.kept_since,
    )  # fmt: skip


def notice(alert: state.Alert, link: str, expr: str = "") -> Notice:
    """An alert as it is handed on; it starts when it fired."""
    return Notice(
        labels=alert.labels,
        starts_at=alert.fired_at or alert.active_at,
        ends_at=alert.resolved_at,
        annotations=alert.annotations,
        value=alert.value,
        link=link,
        expr=expr,
        active_at=alert.active_at,
    )


def end_orphans(write: Write, tell: Tell, *, now: dt.datetime) -> int:
    """End what rules that were deleted or switched off left: nobody will look at it again. How many alerts."""
    off = Q(rule=None) | Q(rule__enabled=False) | Q(rule__group__enabled=False)
    _end_outputs(off | Q(rule__kind=Rule.Kind.ALERT), write, now)
    gone = off | Q(rule__kind=Rule.Kind.RECORD)
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


def _end_outputs(gone: Q, write: Write, now: dt.datetime) -> None:
    """The last series of recording rules that will not write again get their markers."""
    at_ms = clock.to_ms(now)
    for found in RuleOutput.objects.filter(gone).values_list("pk", flat=True):
        with transaction.atomic():
            row = RuleOutput.objects.select_for_update(skip_locked=True).filter(pk=found).first()
            if row is None:
                continue
            markers = state.with_markers([Labels(one) for one in row.series], {})
            if markers:
                write(row.project_id, [(labels, at_ms, value) for labels, value in markers.items()])
            row.delete()


def _end(project_id: int, rows: Sequence[RuleAlert], write: Write, tell: Tell, now: dt.datetime) -> None:
    active = [(row.rule_id, as_alert(row)) for row in rows if row.state != "resolved"]
    at_ms = clock.to_ms(now)
    markers = state.with_markers(state.written([alert for _, alert in active]), {})
    if markers:
        write(project_id, [(labels, at_ms, value) for labels, value in markers.items()])
    for rule_id, alert in active:
        step = state.step([alert], [], state.Holds(), at=now)
        AlertChange.objects.bulk_create(_changes(project_id, rule_id, step.changes, now))
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


def _changes(
    project_id: int, rule_id: int | None, changes: Iterable[state.Change], at: dt.datetime
) -> list[AlertChange]:
    return [
        AlertChange(
            project_id=project_id, rule_id=rule_id, fingerprint=fingerprint(project_id, change.alert.labels),
            labels=dict(change.alert.labels), to=change.to, at=at, value=change.alert.value,
        )
        for change in changes
    ]  # fmt: skip
