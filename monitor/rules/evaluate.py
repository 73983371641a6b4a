"""One group at one time: ask, step the state, write the series, hand the alerts on.

The rules of a stage (see ``stages``) share their reads and one transaction: the new state, the series and
what is handed on are committed together, and the first evaluator of a time wins. Two at once double nothing,
and a kill between evaluating and sending loses nothing.
"""

import datetime as dt
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q

from monitor import meters, query
from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.rules import facts as known_facts
from monitor.rules import memory, state
from monitor.rules.facts import Answer, Facts, Surroundings, TooManyError
from monitor.rules.models import Health, Rule, RuleGroup, RuleState
from monitor.rules.stages import stages
from monitor.store import append

log = logging.getLogger("vigil.rules")
_SEEN = ["evaluated_at", "state", "health", "last_ok", "last_error", "last_duration"]
Sample = tuple[Labels, int, float]


@dataclass(frozen=True, slots=True)
class World:
    """What evaluation needs from outside: to ask, to write samples, to hand alerts on."""

    ask: Callable[[int, Sequence[str], dt.datetime], Sequence[Answer]]
    write: Callable[[int, Sequence[Sample]], object]
    tell: Callable[[int, Sequence[Notice]], None]
    write_runs: Callable[[int, Sequence[tuple[Labels, HistogramRun]]], object] = lambda *_: None
    url: str = ""


def stored(tell: Callable[[int, Sequence[Notice]], None], *, now: dt.datetime) -> World:
    """The world of the running product: our query engine, our store."""

    def write(project_id: int, samples: Sequence[Sample]) -> int:
        return append.samples(project_id, samples, now=now)

    def write_runs(project_id: int, rows: Sequence[tuple[Labels, HistogramRun]]) -> int:
        return append.histograms(project_id, rows, now=now)

    return World(asked, write, tell, write_runs, settings.VIGIL_PUBLIC_URL.rstrip("/"))


def asked(project_id: int, exprs: Sequence[str], at: dt.datetime) -> list[Answer]:
    """The answers of our query engine, each with its own error."""
    return [
        Answer(error=found)
        if isinstance(found, query.Failed)
        else Answer(
            [(labels, float(values[-1])) for labels, _, values in found.points()],
            list(found.runs()) if found.histograms else (),
        )
        for found in query.instants(project_id, exprs, at)
    ]


def run_due(world: World, *, now: dt.datetime) -> int:
    """Evaluate every group whose time has come; how many there were."""
    due = RuleGroup.objects.filter(
        Q(due_at=None) | Q(due_at__lte=now), enabled=True, project__deleted_at=None
    )
    began, done = clock.monotonic(), 0
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
        meters.rule_lag.observe((now - at).total_seconds() + clock.monotonic() - began)
    memory.end_orphans(world.write, world.tell, now=now)
    return done


def claim(group: RuleGroup, *, now: dt.datetime) -> dt.datetime | None:
    """The time to evaluate at, if this call is the one that may; times lie on the group's own grid."""
    interval = dt.timedelta(milliseconds=group.interval_ms)
    missed = 0 if group.due_at is None else (now - group.due_at) // interval
    at = now if group.due_at is None else group.due_at + missed * interval
    won = RuleGroup.objects.filter(pk=group.pk, due_at=group.due_at).update(
        due_at=at + interval, missed=F("missed") + missed
    )
    if won and missed:
        meters.rule_iterations_missed.labels(metered(group)).inc(missed)
    return at if won else None


def run_group(group: RuleGroup, world: World, *, at: dt.datetime) -> None:
    """All rules in order; a rule that fails says so in its row and does not stop the next."""
    began = clock.monotonic()
    rules = list(group.rules.filter(enabled=True))
    all_facts = [facts_of(rule, group) for rule in rules]
    errors = []
    for stage in stages([(one.expr, one.writes) for one in all_facts]):
        found = [_Case(rules[place], all_facts[place]) for place in stage]
        run_stage(group, found, world, at=at)
        errors += [f"{case.facts.name}: {case.error}" for case in found if case.error]
    took = clock.monotonic() - began
    changes = {"last_error": errors[0] if errors else "", "last_duration": took}
    changes |= {} if errors else {"last_ok": at}
    RuleGroup.objects.filter(pk=group.pk).update(evaluated_at=at, **changes)
    _count(group, len(rules), len(errors), took, at)


def facts_of(rule: Rule, group: RuleGroup) -> Facts:
    return Facts(
        name=rule.name,
        expr=rule.expr,
        records=rule.kind == Rule.Kind.RECORD,
        holds=state.Holds(
            dt.timedelta(milliseconds=rule.for_ms), dt.timedelta(milliseconds=rule.keep_firing_for_ms)
        ),
        labels={**group.labels, **rule.labels},
        annotations=rule.annotations,
        limit=group.limit,
    )


@dataclass(slots=True)
class _Case:
    """One rule at one evaluation, and what came of it."""

    rule: Rule
    facts: Facts
    error: str = ""
    took: float = 0.0
    seen: Sequence[state.Seen] = ()
    floats: dict[Labels, float] = field(default_factory=dict)
    runs: dict[Labels, HistogramRun] = field(default_factory=dict)
    worst: RuleState = RuleState.INACTIVE


def run_stage(group: RuleGroup, cases: Sequence[_Case], world: World, *, at: dt.datetime) -> None:
    """Rules that may be asked together. Questions come first, outside of the transaction."""
    asked_at = at - dt.timedelta(milliseconds=group.query_offset_ms)
    began = clock.monotonic()
    answers = world.ask(group.project_id, [case.facts.expr for case in cases], asked_at)
    shared = (clock.monotonic() - began) / len(cases)
    around = Surroundings(lambda expr: world.ask(group.project_id, [expr], asked_at)[0], world.url)
    for case, answer in zip(cases, answers, strict=True):
        _weigh(case, answer, around)
        case.took += shared
    with transaction.atomic():
        mine = _untouched(group, cases, at)
        if mine:
            _settle(group, mine, world, asked_at=asked_at, at=at)


def _weigh(case: _Case, answer: Answer, around: Surroundings) -> None:
    began = clock.monotonic()
    try:
        if answer.error is not None:
            raise answer.error
        if case.facts.records:
            case.floats, case.runs = known_facts.recorded(case.facts, answer)
        else:
            case.seen = known_facts.seen(case.facts, answer.points, around)
    except (query.Failed, state.SameLabelsError, TooManyError) as error:
        case.error = str(error)
    case.took = clock.monotonic() - began


def _untouched(group: RuleGroup, cases: Sequence[_Case], at: dt.datetime) -> list[_Case]:
    """The cases that nobody has evaluated at this time or later; their rows stay ours until we commit.

    The group's row is locked first, by editors of whole groups too, so that nobody waits in a circle.
    """
    RuleGroup.objects.select_for_update().filter(pk=group.pk).first()
    fresh = Q(evaluated_at=None) | Q(evaluated_at__lt=at)
    rows = Rule.objects.select_for_update().filter(fresh, pk__in=[case.rule.pk for case in cases])
    locked = {row.pk: row for row in rows.order_by("pk")}
    mine = [case for case in cases if case.rule.pk in locked]
    for case in mine:
        case.rule = locked[case.rule.pk]
    return mine


def _settle(
    group: RuleGroup, cases: Sequence[_Case], world: World, *, asked_at: dt.datetime, at: dt.datetime
) -> None:
    """Everything that the cases leave behind, with a few statements for all of them."""
    known = memory.load([case.rule for case in cases])
    outputs = memory.outputs([case.rule for case in cases])
    steps: dict[int, state.Step] = {}
    samples: dict[Labels, float] = {}
    runs: dict[Labels, HistogramRun] = {}
    notices: list[Notice] = []
    for case in cases:
        before = known.get(case.rule.pk, [])
        if not case.error and case.facts.records:
            now_written = {**case.floats, **dict.fromkeys(case.runs, 0.0)}
            markers = state.with_markers(outputs.get(case.rule.pk, ()), now_written)
            samples |= {labels: value for labels, value in markers.items() if labels not in case.runs}
            runs |= case.runs
        elif not case.error and (step := _stepped(case, group, before, at)):
            steps[case.rule.pk] = step
            samples |= state.with_markers(state.written(before), state.written(step.alerts))
            notices += _fading(before, group, at) if case.error else _notices(case.rule, group, step, at)
            before = list(step.alerts)
        case.worst = _worst(before)
    memory.save(group.project_id, known, steps, at=at)
    written = {
        case.rule.pk: [*case.floats, *case.runs] for case in cases if case.facts.records and not case.error
    }
    memory.save_outputs(group.project_id, outputs, written)
    at_ms = clock.to_ms(asked_at)
    if samples:
        world.write(group.project_id, [(labels, at_ms, value) for labels, value in samples.items()])
    if runs:
        world.write_runs(group.project_id, list(runs.items()))
    if notices:
        world.tell(group.project_id, notices)
    _note(cases, at)


def _stepped(
    case: _Case, group: RuleGroup, before: Sequence[state.Alert], at: dt.datetime
) -> state.Step | None:
    """The new state; None with the case's error said when the results can't be told apart.

    A rule with more alerts than the limit has none, as in Prometheus.
    """
    if case.rule.evaluated_at:
        interval = dt.timedelta(milliseconds=group.interval_ms)
        before = state.after_gap(before, case.facts.holds, state.Gap(case.rule.evaluated_at, at, interval))
    try:
        step = state.step(before, case.seen, case.facts.holds, at=at)
        known_facts.within(case.facts.limit, sum(alert.active for alert in step.alerts), "alerts")
    except state.SameLabelsError as error:
        case.error = str(error)
        return None
    except TooManyError as error:
        case.error = str(error)
        return state.cleared(before)
    return step


def _note(cases: Sequence[_Case], at: dt.datetime) -> None:
    """How it went, in the rules' rows. One that could not ask and has no alerts is unknown, never inactive."""
    for case in cases:
        rule = case.rule
        rule.evaluated_at, rule.last_duration, rule.last_error = at, case.took, case.error
        rule.health = Health.ERROR if case.error else Health.OK
        lost = case.error and case.worst == RuleState.INACTIVE
        rule.state = RuleState.UNKNOWN if lost else case.worst
        rule.last_ok = rule.last_ok if case.error else at
        meters.rules.labels("failed" if case.error else "ok").inc()
    # the rows are locked, so none of them can be deleted and come back by this
    Rule.objects.bulk_create(
        [case.rule for case in cases], update_conflicts=True, unique_fields=["id"], update_fields=_SEEN
    )


def _notices(rule: Rule, group: RuleGroup, new: state.Step, at: dt.datetime) -> list[Notice]:
    """What changed, and once a minute all that fires: edited routes and texts then reach old alerts too."""
    changed = {change.alert.labels for change in new.changes if change.to in {"firing", "resolved"}}
    again = rule.evaluated_at is None or at - _since_epoch(at) % state.RESEND > rule.evaluated_at
    link = link_to(group.project.slug, rule.expr)
    return [
        memory.notice(alert, link, rule.expr)
        for alert in new.alerts
        if alert.labels in changed or (again and alert.state == "firing")
    ]


def _fading(known: Sequence[state.Alert], group: RuleGroup, at: dt.datetime) -> list[Notice]:
    interval = dt.timedelta(milliseconds=group.interval_ms)
    return [state.faded(memory.notice(one, ""), at, interval) for one in known if one.state == "firing"]


def _since_epoch(at: dt.datetime) -> dt.timedelta:
    return at - clock.from_ms(0)


def rule_link(rule: Rule) -> str:
    """Where a person sees the rule's expression drawn."""
    return link_to(rule.group.project.slug, rule.expr)


def link_to(slug: str, expr: str) -> str:
    return f"/p/{slug}/explore/?" + urlencode({"expr": expr})


def _worst(alerts: Sequence[state.Alert]) -> RuleState:
    states = {alert.state for alert in alerts}
    if "firing" in states:
        return RuleState.FIRING
    return RuleState.PENDING if "pending" in states else RuleState.INACTIVE


def metered(group: RuleGroup) -> str:
    """Project and group, as Prometheus writes file and group."""
    return f"{group.project.slug};{group.name}"


def _count(group: RuleGroup, rules: int, failed: int, took: float, at: dt.datetime) -> None:
    """The numbers that Prometheus tells of its groups, under its names."""
    name = metered(group)
    meters.rule_iterations.labels(name).inc()
    meters.rule_failures.labels(name).inc(failed)
    meters.rule_last_seconds.labels(name).set(took)
    meters.rule_last_time.labels(name).set(at.timestamp())
    meters.rule_interval.labels(name).set(group.interval_ms / 1000)
    meters.rule_rules.labels(name).set(rules)
