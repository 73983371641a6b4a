"""What the answers of rules become: new states, series, notices, and a line on how it went, in one transaction.

The first evaluator of a time wins: a row that was evaluated at that time or later is left alone.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from monitor import meters, query
from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.rules import facts as known_facts
from monitor.rules import memory, state
from monitor.rules.facts import Answer, Facts, Surroundings, TooManyError
from monitor.rules.models import Health, Rule, RuleGroup, RuleState
from monitor.rules.world import World
from monitor.store import bulk

_SEEN = ("evaluated_at", "state", "health", "last_ok", "last_error", "last_duration")

log = logging.getLogger("vigil.rules")


@dataclass(slots=True)
class Case:
    """One rule at one evaluation, and what came of it."""

    group: RuleGroup
    rule: Rule
    facts: Facts
    at: dt.datetime
    error: str = ""
    took: float = 0.0
    seen: Sequence[state.Seen] = ()
    floats: dict[Labels, float] = field(default_factory=dict)
    runs: dict[Labels, HistogramRun] = field(default_factory=dict)
    worst: RuleState = RuleState.INACTIVE

    @property
    def asked_at(self) -> dt.datetime:
        return self.at - dt.timedelta(milliseconds=self.group.query_offset_ms)

    @property
    def interval(self) -> dt.timedelta:
        return dt.timedelta(milliseconds=self.group.interval_ms)


def weigh(case: Case, answer: Answer, around: Surroundings) -> None:
    """What the answer means for the rule; an error stays the rule's own."""
    began = clock.monotonic()
    try:
        _weigh(case, answer, around)
    except (query.Failed, state.SameLabelsError, TooManyError) as error:
        case.error = str(error)
    except Exception as error:  # whatever one rule's texts set off stops no other
        log.exception("rule %s could not be weighed", case.facts.name)
        case.error = f"{type(error).__name__}: {error}"
    case.took = clock.monotonic() - began


def _weigh(case: Case, answer: Answer, around: Surroundings) -> None:
    if answer.error is not None:
        raise answer.error
    if case.facts.records:
        case.floats, case.runs = known_facts.recorded(case.facts, answer)
    else:
        case.seen = known_facts.seen(case.facts, answer, replace(around, at=case.at))


def untouched(cases: Sequence[Case]) -> list[Case]:
    """The cases that nobody has evaluated at this time or later; their rows stay ours until we commit.

    The groups' rows are locked first, by editors of whole groups too, so that nobody waits in a circle.
    """
    groups = {case.group.pk for case in cases}
    list(
        RuleGroup.objects.select_for_update(no_key=True)
        .filter(pk__in=groups)
        .order_by("pk")
        .values_list("pk")
    )
    rows = Rule.objects.select_for_update(no_key=True).filter(pk__in=[case.rule.pk for case in cases])
    seen = dict(rows.order_by("pk").values_list("pk", "evaluated_at"))
    mine = []
    for case in cases:
        last = seen.get(case.rule.pk)
        if case.rule.pk in seen and (last is None or last < case.at):
            case.rule.evaluated_at = last
            mine.append(case)
    return mine


def settle(project_id: int, cases: Sequence[Case], world: World) -> None:
    """Everything that the cases leave behind, with a few statements for all of them."""
    known = memory.load([case.rule for case in cases])
    outputs = memory.outputs([case.rule for case in cases])
    left = _Left()
    for case in cases:
        _step(case, known.get(case.rule.pk, []), outputs.get(case.rule.pk, ()), left)
    memory.save(project_id, known, left.steps)
    memory.save_outputs(project_id, outputs, left.written)
    if left.notices:
        world.tell(project_id, left.notices)
    _note(cases)
    # last, because from here on other writers of these series wait for our commit
    if left.samples:
        world.write(project_id, [(labels, at, value) for (labels, at), value in left.samples.items()])
    if left.runs:
        world.write_runs(project_id, left.runs)


@dataclass(slots=True)
class _Left:
    """What is to be stored and told in the end."""

    steps: dict[int, tuple[state.Step, dt.datetime]] = field(default_factory=dict)
    written: dict[int, list[Labels]] = field(default_factory=dict)
    samples: dict[tuple[Labels, int], float] = field(default_factory=dict)
    runs: list[tuple[Labels, HistogramRun]] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)

    def write(self, at_ms: int, samples: dict[Labels, float]) -> None:
        self.samples.update({(labels, at_ms): value for labels, value in samples.items()})


def _step(case: Case, before: Sequence[state.Alert], last_written: Sequence[Labels], left: _Left) -> None:
    at_ms = clock.to_ms(case.asked_at)
    if not case.error and case.facts.records:
        now_written = {**case.floats, **dict.fromkeys(case.runs, 0.0)}
        markers = state.with_markers(last_written, now_written)
        left.write(at_ms, {labels: value for labels, value in markers.items() if labels not in case.runs})
        left.runs += case.runs.items()
        left.written[case.rule.pk] = [*case.floats, *case.runs]
    elif case.error:
        left.notices += _unasked(case, before)
    elif step := _stepped(case, before):
        left.steps[case.rule.pk] = step, case.at
        left.write(at_ms, state.with_markers(state.written(before), state.written(step.alerts)))
        left.notices += _fading(before, case) if case.error else _notices(case, step)
        before = step.alerts
    case.worst = _worst(before)


def _stepped(case: Case, before: Sequence[state.Alert]) -> state.Step | None:
    """The new state; None with the case's error said when the results can't be told apart.

    A rule with more alerts than the limit has none, as in Prometheus.
    """
    if before and case.rule.evaluated_at:
        gap = state.Gap(case.rule.evaluated_at, case.at, case.interval)
        before = state.after_gap(before, case.facts.holds, gap)
    try:
        step = state.step(before, case.seen, case.facts.holds, at=case.at)
        known_facts.within(case.facts.limit, sum(alert.active for alert in step.alerts), "alerts")
    except state.SameLabelsError as error:
        case.error = str(error)
        return None
    except TooManyError as error:
        case.error = str(error)
        return state.cleared(before)
    return step


def _note(cases: Sequence[Case]) -> None:
    """How it went, in the rules' rows. One that could not ask and has no alerts is unknown, never inactive."""
    for case in cases:
        rule = case.rule
        rule.evaluated_at, rule.last_duration, rule.last_error = case.at, case.took, case.error
        rule.health = Health.ERROR if case.error else Health.OK
        lost = case.error and case.worst == RuleState.INACTIVE
        rule.state = RuleState.UNKNOWN if lost else case.worst
        rule.last_ok = rule.last_ok if case.error else case.at
    failed = sum(bool(case.error) for case in cases)
    meters.rules.labels("failed").inc(failed)
    meters.rules.labels("ok").inc(len(cases) - failed)
    bulk.update(
        Rule,
        [case.rule.pk for case in cases],
        {name: [getattr(case.rule, name) for case in cases] for name in _SEEN},
    )


def _notices(case: Case, new: state.Step) -> list[Notice]:
    """What changed, and once a minute all that fires: edited routes and texts then reach old alerts too."""
    changed = {change.alert.labels for change in new.changes if change.to in {"firing", "resolved"}}
    again = _speaks_again(case)
    due = [alert for alert in new.alerts if alert.labels in changed or (again and alert.state == "firing")]
    return _told(due, case)


def _unasked(case: Case, known: Sequence[state.Alert]) -> list[Notice]:
    """Who can't ask knows of no end: what fires goes on, while somebody tries."""
    return _told([alert for alert in known if alert.state == "firing"], case) if _speaks_again(case) else []


def _speaks_again(case: Case) -> bool:
    last = case.rule.evaluated_at
    return last is None or case.at - _since_epoch(case.at) % state.RESEND > last


def _told(alerts: Sequence[state.Alert], case: Case) -> list[Notice]:
    """Each fires for a few rounds only, so that nothing fires for ever when nobody evaluates any more."""
    link = link_to(case.group.project.slug, case.rule.expr) if alerts else ""
    notices = [memory.notice(alert, link, case.rule.expr) for alert in alerts]
    return [one if one.ends_at else state.faded(one, case.at, case.interval) for one in notices]


def _fading(known: Sequence[state.Alert], case: Case) -> list[Notice]:
    return [
        state.faded(memory.notice(one, ""), case.at, case.interval) for one in known if one.state == "firing"
    ]


def _since_epoch(at: dt.datetime) -> dt.timedelta:
    return at - clock.from_ms(0)


def link_to(slug: str, expr: str) -> str:
    """Where a person sees an expression drawn."""
    return f"/p/{slug}/explore/?" + urlencode({"expr": expr})


def _worst(alerts: Sequence[state.Alert]) -> RuleState:
    states = {alert.state for alert in alerts}
    if "firing" in states:
        return RuleState.FIRING
    return RuleState.PENDING if "pending" in states else RuleState.INACTIVE
