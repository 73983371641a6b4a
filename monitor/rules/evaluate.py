"""The groups that are due: asked together, settled together, so that thousands of rules cost few reads.

Groups of one project share their looks at the store and one transaction for each stage (see ``stages``): the
new state, the series and what is handed on are committed together. Two evaluators at once double nothing, and
a kill between evaluating and sending loses nothing. Where something breaks each group is tried by itself.
"""

import datetime as dt
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Count, F, Q

from monitor import meters
from monitor.core import clock, durations
from monitor.rules import memory, settling, state
from monitor.rules.facts import Facts, Surroundings
from monitor.rules.models import Rule, RuleGroup
from monitor.rules.settling import Case
from monitor.rules.stages import stages
from monitor.rules.world import World, asked, stored
from monitor.store import bulk

__all__ = ["World", "asked", "claim", "facts_of", "metered", "rule_link", "run_due", "run_group", "stored"]

log = logging.getLogger("vigil.rules")
# so many rules are asked and settled together; another evaluator may take the next groups meanwhile
TOGETHER = 5000


@dataclass(slots=True)
class _Turn:
    """One group at one time, and how it went."""

    group: RuleGroup
    at: dt.datetime
    stages: list[list[Case]]
    took: float = 0.0
    errors: list[str] = field(default_factory=list)

    @property
    def rules(self) -> int:
        return sum(len(stage) for stage in self.stages)


def run_due(world: World, *, now: dt.datetime) -> int:
    """Evaluate every group whose time has come; how many there were."""
    began, done = clock.monotonic(), 0
    for groups in _batches(now):
        claimed = _claimed(groups, now=now)
        if claimed:
            _run_batch(claimed, world)
        for at in claimed.values():
            meters.rule_lag.observe((now - at).total_seconds() + clock.monotonic() - began)
        done += len(claimed)
    memory.end_orphans(world.write, world.tell, now=now)
    return done


def _batches(now: dt.datetime) -> Iterator[list[RuleGroup]]:
    """Due groups of one project each, the longest due first."""
    due = RuleGroup.objects.filter(
        Q(due_at=None) | Q(due_at__lte=now), enabled=True, project__deleted_at=None
    )
    due = due.annotate(many=Count("rules")).order_by(F("due_at").asc(nulls_first=True), "pk")
    open_ones: dict[int, tuple[int, list[RuleGroup]]] = {}
    for group in due.select_related("project"):
        many, groups = open_ones.get(group.project_id, (0, []))
        if groups and many + group.many > TOGETHER:
            yield groups
            many, groups = 0, []
        groups.append(group)
        open_ones[group.project_id] = many + group.many, groups
    yield from (groups for _, groups in open_ones.values())


def claim(group: RuleGroup, *, now: dt.datetime) -> dt.datetime | None:
    """The time to evaluate at, if this call is the one that may; times lie on the group's own grid."""
    return _claimed([group], now=now).get(group)


def _claimed(groups: Sequence[RuleGroup], *, now: dt.datetime) -> dict[RuleGroup, dt.datetime]:
    """The groups that this call may evaluate, each with its time."""
    claimed: dict[RuleGroup, dt.datetime] = {}
    due: dict[int, tuple[dt.datetime, int]] = {}
    with transaction.atomic():
        rows = RuleGroup.objects.select_for_update(no_key=True).filter(pk__in=[group.pk for group in groups])
        current = {
            pk: (last, missed)
            for pk, last, missed in rows.order_by("pk").values_list("pk", "due_at", "missed")
        }
        for group in groups:
            if group.pk not in current or current[group.pk][0] != group.due_at:
                continue
            interval = dt.timedelta(milliseconds=min(group.interval_ms, durations.LONGEST_MS))
            missed = 0 if group.due_at is None else (now - group.due_at) // interval
            at = now if group.due_at is None else group.due_at + missed * interval
            due[group.pk] = at + interval, current[group.pk][1] + missed
            claimed[group] = at
            if missed:
                meters.rule_iterations_missed.labels(metered(group)).inc(missed)
        moments, counts = [moment for moment, _ in due.values()], [missed for _, missed in due.values()]
        bulk.update(RuleGroup, list(due), {"due_at": moments, "missed": counts})
    return claimed


def _run_batch(claimed: Mapping[RuleGroup, dt.datetime], world: World) -> None:
    if len(claimed) > 1:
        try:
            run_groups(claimed, world)
        except Exception:
            log.exception("%d rule groups could not be evaluated together; each is tried alone", len(claimed))
        else:
            return
    for group, at in claimed.items():
        try:
            run_group(group, world, at=at)
        except Exception as error:  # one broken group must not stop the others
            log.exception("rule group %s of %s failed", group.name, group.project.slug)
            meters.rule_failures.labels(metered(group)).inc()
            RuleGroup.objects.filter(pk=group.pk).update(last_error=f"{type(error).__name__}: {error}")


def run_group(group: RuleGroup, world: World, *, at: dt.datetime) -> None:
    """One group by itself."""
    run_groups({group: at}, world)


def run_groups(claimed: Mapping[RuleGroup, dt.datetime], world: World) -> None:
    """All rules of groups of one project, each group's in order; a rule that fails does not stop the next."""
    rules: dict[int, list[Rule]] = defaultdict(list)
    for rule in Rule.objects.filter(group__in=list(claimed), enabled=True).order_by("position", "id"):
        rules[rule.group_id].append(rule)
    turns = [_turn(group, rules[group.pk], at) for group, at in claimed.items()]
    for number in range(max((len(turn.stages) for turn in turns), default=0)):
        at_once = [turn for turn in turns if number < len(turn.stages)]
        began = clock.monotonic()
        _run_stage([case for turn in at_once for case in turn.stages[number]], world)
        shared = (clock.monotonic() - began) / sum(len(turn.stages[number]) for turn in at_once)
        for turn in at_once:
            turn.took += shared * len(turn.stages[number])
            turn.errors += [f"{case.facts.name}: {case.error}" for case in turn.stages[number] if case.error]
    _finish(turns)


def _turn(group: RuleGroup, rules: Sequence[Rule], at: dt.datetime) -> _Turn:
    cases = [Case(group, rule, facts_of(rule, group), at) for rule in rules]
    found = stages([(case.facts.expr, case.facts.writes) for case in cases])
    return _Turn(group, at, [[cases[place] for place in stage] for stage in found])


def _run_stage(cases: Sequence[Case], world: World) -> None:
    """Rules that may be asked together. Questions come first, outside of the transaction."""
    project_id = cases[0].group.project_id
    moments: dict[dt.datetime, list[Case]] = defaultdict(list)
    for case in cases:
        moments[case.asked_at].append(case)
    for asked_at, alike in moments.items():
        began = clock.monotonic()
        answers = world.ask(project_id, [case.facts.expr for case in alike], asked_at)
        shared = (clock.monotonic() - began) / len(alike)
        around = Surroundings(
            lambda expr, at=asked_at: world.ask(project_id, [expr], at)[0],  # type: ignore[misc] # bound at once
            world.url,
        )
        for case, answer in zip(alike, answers, strict=True):
            settling.weigh(case, answer, around)
            case.took += shared
    with transaction.atomic():
        mine = settling.untouched(cases)
        if mine:
            settling.settle(project_id, mine, world)


def _finish(turns: Sequence[_Turn]) -> None:
    """How it went, in the groups' rows and in our own numbers."""
    for turn in turns:
        group = turn.group
        group.evaluated_at, group.last_duration = turn.at, turn.took
        group.last_error = turn.errors[0] if turn.errors else ""
        group.last_ok = group.last_ok if turn.errors else turn.at
        _count(turn)
    groups = [turn.group for turn in turns]
    names = ("evaluated_at", "last_duration", "last_error", "last_ok")
    bulk.update(
        RuleGroup,
        [group.pk for group in groups],
        {name: [getattr(group, name) for group in groups] for name in names},
    )


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


def rule_link(rule: Rule) -> str:
    """Where a person sees the rule's expression drawn."""
    return settling.link_to(rule.group.project.slug, rule.expr)


def metered(group: RuleGroup) -> str:
    """Project and group, as Prometheus writes file and group."""
    return f"{group.project.slug};{group.name}"


def _count(turn: _Turn) -> None:
    """The numbers that Prometheus tells of its groups, under its names."""
    name = metered(turn.group)
    meters.rule_iterations.labels(name).inc()
    meters.rule_failures.labels(name).inc(len(turn.errors))
    meters.rule_last_seconds.labels(name).set(turn.took)
    meters.rule_last_time.labels(name).set(turn.at.timestamp())
    meters.rule_interval.labels(name).set(turn.group.interval_ms / 1000)
    meters.rule_rules.labels(name).set(turn.rules)
