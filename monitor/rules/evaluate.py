"""One group at one time: ask, step the state, write the series, hand the alerts on.

The new state, the series and what is handed on are one transaction, and the first evaluator of a time wins:
two at once double nothing, and a kill between evaluating and sending loses nothing.
"""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import F, Q

from monitor import meters, query
from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.labels import NAME, Labels
from monitor.promql.errors import QueryError
from monitor.rules import memory, state, templates
from monitor.rules.models import Health, Rule, RuleGroup, RuleState
from monitor.store import append

log = logging.getLogger("vigil.rules")
Vector = Sequence[tuple[Labels, float]]
OUTAGE_TOLERANCE = dt.timedelta(hours=1)
RESEND = dt.timedelta(minutes=1)


class TooManyError(ValueError):
    """A rule answered with more than its group's limit; whoever runs it narrows it or raises the limit."""


@dataclass(frozen=True, slots=True)
class World:
    """What evaluation needs from outside: to ask, to write samples, to hand alerts on."""

    ask: Callable[[int, str, dt.datetime], Vector]
    write: Callable[[int, Sequence[tuple[Labels, int, float]]], object]
    tell: Callable[[int, Sequence[Notice]], None]


def stored(tell: Callable[[int, Sequence[Notice]], None], *, now: dt.datetime) -> World:
    """The world of the running product: our query engine, our store."""

    def ask(project_id: int, expr: str, at: dt.datetime) -> Vector:
        result = query.instant(project_id, expr, at)
        return [(labels, float(values[-1])) for labels, _, values in result.points()]

    def write(project_id: int, samples: Sequence[tuple[Labels, int, float]]) -> int:
        return append.samples(project_id, samples, now=now)

    return World(ask, write, tell)


def run_due(world: World, *, now: dt.datetime) -> int:
    """Evaluate every group whose time has come; how many there were."""
    due = RuleGroup.objects.filter(
        Q(due_at=None) | Q(due_at__lte=now), enabled=True, project__deleted_at=None
    )
    done = 0
    for group in due.order_by(F("due_at").asc(nulls_first=True)).select_related("project"):
        at = claim(group, now=now)
        if at is None:
            continue
        done += 1
        try:
            run_group(group, world, at=at)
        except Exception as error:  # one broken group must not stop the others
            log.exception("rule group %s of %s failed", group.name, group.project.slug)
            RuleGroup.objects.filter(pk=group.pk).update(last_error=f"{type(error).__name__}: {error}")
    memory.end_orphans(world.write, world.tell, now=now)
    return done


def claim(group: RuleGroup, *, now: dt.datetime) -> dt.datetime | None:
    """The time to evaluate at, if this call is the one that may; times lie on the group's own grid."""
    interval = dt.timedelta(milliseconds=group.interval_ms)
    at = now if group.due_at is None else group.due_at + (now - group.due_at) // interval * interval
    won = RuleGroup.objects.filter(pk=group.pk, due_at=group.due_at).update(due_at=at + interval)
    return at if won else None


def run_group(group: RuleGroup, world: World, *, at: dt.datetime) -> None:
    """All rules in order; a rule that fails says so in its row and does not stop the next."""
    began = clock.monotonic()
    errors = [
        error
        for rule in group.rules.filter(enabled=True).select_related("group__project")
        if (error := run_rule(rule, world, at=at))
    ]
    changes = {"last_error": errors[0] if errors else "", "last_duration": clock.monotonic() - began}
    changes |= {} if errors else {"last_ok": at}
    RuleGroup.objects.filter(pk=group.pk).update(evaluated_at=at, **changes)


def run_rule(rule: Rule, world: World, *, at: dt.datetime) -> str:
    """One rule; its error, or the empty text."""
    began = clock.monotonic()
    asked_at = at - dt.timedelta(milliseconds=rule.group.query_offset_ms)
    try:
        vector = world.ask(rule.group.project_id, rule.expr, asked_at)
        _within_limit(rule.group.limit, len(vector))
        if rule.kind == Rule.Kind.RECORD:
            _record(rule, vector, world, asked_at=asked_at, at=at, began=began)
        else:
            _alert(rule, vector, world, asked_at=asked_at, at=at, began=began)
    except (QueryError, state.SameLabelsError, TooManyError) as error:
        meters.rules.labels("failed").inc()
        _failed(rule, str(error), at=at, took=clock.monotonic() - began)
        return f"{rule.name}: {error}"
    meters.rules.labels("ok").inc()
    return ""


def _within_limit(limit: int, found: int) -> None:
    if limit and found > limit:
        message = f"{found} results, and the group allows {limit}; narrow the expression or raise the limit"
        raise TooManyError(message)


def _alert(
    rule: Rule, vector: Vector, world: World, *, asked_at: dt.datetime, at: dt.datetime, began: float
) -> None:
    seen = [_seen(rule, labels, value, world, asked_at) for labels, value in vector]
    holds = state.Holds(
        dt.timedelta(milliseconds=rule.for_ms), dt.timedelta(milliseconds=rule.keep_firing_for_ms)
    )
    with transaction.atomic():
        if not _first(rule, at):
            return
        known = memory.load(rule)
        if rule.evaluated_at and at - rule.evaluated_at > OUTAGE_TOLERANCE:
            known = state.after_gap(known, at - rule.evaluated_at)
        new = state.step(known, seen, holds, at=at)
        memory.save(rule, new, at=at)
        _write(rule, state.with_markers(state.written(known), state.written(new.alerts)), world, asked_at)
        world.tell(rule.group.project_id, _notices(rule, new, at))
        _worked(rule, _worst(new.alerts), at=at, took=clock.monotonic() - began)


def _record(
    rule: Rule, vector: Vector, world: World, *, asked_at: dt.datetime, at: dt.datetime, began: float
) -> None:
    changes = {**rule.group.labels, **rule.labels, NAME: rule.name}
    samples: dict[Labels, float] = {}
    for labels, value in vector:
        renamed = labels.having(changes)
        if renamed in samples:
            message = f"two results have the same labels once the rule's are applied: {dict(renamed)}"
            raise state.SameLabelsError(message)
        samples[renamed] = value
    with transaction.atomic():
        if not _first(rule, at):
            return
        before = [Labels(pairs) for pairs in rule.recorded]
        _write(rule, state.with_markers(before, samples), world, asked_at)
        Rule.objects.filter(pk=rule.pk).update(recorded=[dict(labels) for labels in samples])
        _worked(rule, RuleState.INACTIVE, at=at, took=clock.monotonic() - began)


def _seen(rule: Rule, labels: Labels, value: float, world: World, at: dt.datetime) -> state.Seen:
    plain = labels.drop([NAME])

    def lookup(expr: str) -> list[tuple[Labels, float]]:
        try:
            return list(world.ask(rule.group.project_id, expr, at))
        except QueryError as error:
            message = f"query {expr!r}: {error}"
            raise templates.BadTemplateError(message) from error

    def fill(text: str) -> str:
        return templates.render(text, plain, value, query=lookup)

    extra = {name: fill(text) for name, text in {**rule.group.labels, **rule.labels}.items()}
    return state.Seen(
        labels=plain.having({**extra, state.ALERTNAME: rule.name}),
        annotations={name: fill(text) for name, text in rule.annotations.items()},
        value=value,
    )


def _first(rule: Rule, at: dt.datetime) -> bool:
    """Whether nobody has evaluated this rule at this time or later; the row stays ours until we commit."""
    untouched = Q(evaluated_at=None) | Q(evaluated_at__lt=at)
    return Rule.objects.filter(untouched, pk=rule.pk).update(evaluated_at=at) == 1


def _write(rule: Rule, samples: dict[Labels, float], world: World, asked_at: dt.datetime) -> None:
    at_ms = clock.to_ms(asked_at)
    if samples:
        world.write(rule.group.project_id, [(labels, at_ms, value) for labels, value in samples.items()])


def _notices(rule: Rule, new: state.Step, at: dt.datetime) -> list[Notice]:
    """What changed, and once a minute all that fires: edited routes and texts then reach old alerts too."""
    changed = {change.alert.labels for change in new.changes if change.to in {"firing", "resolved"}}
    again = rule.evaluated_at is None or at - _since_epoch(at) % RESEND > rule.evaluated_at
    link = rule_link(rule)
    return [
        memory.notice(alert, link)
        for alert in new.alerts
        if alert.labels in changed or (again and alert.state == "firing")
    ]


def _since_epoch(at: dt.datetime) -> dt.timedelta:
    return at - clock.from_ms(0)


def rule_link(rule: Rule) -> str:
    """Where a person sees the rule's expression drawn."""
    return f"/p/{rule.group.project.slug}/explore/?" + urlencode({"expr": rule.expr})


def _worst(alerts: Sequence[state.Alert]) -> RuleState:
    states = {alert.state for alert in alerts}
    if "firing" in states:
        return RuleState.FIRING
    return RuleState.PENDING if "pending" in states else RuleState.INACTIVE


def _worked(rule: Rule, worst: RuleState, *, at: dt.datetime, took: float) -> None:
    Rule.objects.filter(pk=rule.pk).update(
        state=worst, health=Health.OK, last_ok=at, last_error="", last_duration=took
    )


def _failed(rule: Rule, error: str, *, at: dt.datetime, took: float) -> None:
    """Alerts stay as they were: a rule that could not ask knows no better. Without any, it is unknown."""
    with transaction.atomic():
        if not _first(rule, at):
            return
        worst = _worst(memory.load(rule))
        Rule.objects.filter(pk=rule.pk).update(
            state=RuleState.UNKNOWN if worst == RuleState.INACTIVE else worst,
            health=Health.ERROR,
            last_error=error,
            last_duration=took,
        )
