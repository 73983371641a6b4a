import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest
from django.db import connection

from monitor.core.alerts import Notice
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.core.samples import is_stale
from monitor.promql.errors import BadQueryError, DeadlineError, QueryError
from monitor.rules import evaluate, memory, read
from monitor.rules.evaluate import World
from monitor.rules.facts import Answer
from monitor.rules.models import AlertChange, Rule, RuleAlert, RuleGroup
from tests.fixtures.fix_cast import NOON, Cast

V2 = Labels({"__name__": "llm_p99", "version": "v2"})
Vector = list[tuple[Labels, float]]


@dataclass
class Lab:
    """A rule group, a world that answers what the test says, and all that came out of it."""

    group: RuleGroup
    answer: Vector | QueryError = field(default_factory=list)
    asked: list[tuple[str, dt.datetime]] = field(default_factory=list)
    samples: list[tuple[Labels, int, float]] = field(default_factory=list)
    told: list[Notice] = field(default_factory=list)

    @property
    def world(self) -> World:
        return World(self._ask, self._write, self._tell)

    def _ask(self, _: int, exprs: Sequence[str], at: dt.datetime) -> list[Answer]:
        self.asked += [(expr, at) for expr in exprs]
        if isinstance(self.answer, QueryError):
            return [Answer(error=self.answer) for _ in exprs]
        return [Answer(self.answer) for _ in exprs]

    def _write(self, _: int, samples: Sequence[tuple[Labels, int, float]]) -> None:
        self.samples += samples

    def _tell(self, _: int, notices: Sequence[Notice]) -> None:
        self.told += notices

    def rule(self, name: str = "Slow", **more: object) -> Rule:
        return Rule.objects.create(group=self.group, name=name, **{"expr": "llm_p99 > 0.5", **more})

    def run(self, minute: float, answer: Vector | QueryError | None = None) -> int:
        if answer is not None:
            self.answer = answer
        return evaluate.run_due(self.world, now=NOON + dt.timedelta(minutes=minute))

    @property
    def state(self) -> tuple[str, str]:
        rule = Rule.objects.get()
        return rule.state, rule.health

    @property
    def changes(self) -> list[str]:
        return list(AlertChange.objects.order_by("at", "id").values_list("to", flat=True))


@pytest.fixture
def lab(cast: Cast) -> Lab:
    return Lab(RuleGroup.objects.create(project=cast.project, name="latency", interval_ms=60_000))


def test_a_rule_goes_through_its_states(lab: Lab) -> None:
    lab.rule(for_ms=120_000)
    found = []
    for minute, answer in enumerate([[], [(V2, 0.7)], [(V2, 0.7)], [(V2, 0.7)], []]):
        lab.run(minute, answer)
        found.append(lab.state[0])
    assert found == ["inactive", "pending", "pending", "firing", "inactive"]
    assert lab.changes == ["pending", "firing", "resolved"]


def test_the_beginning_and_the_end_are_handed_on(lab: Lab) -> None:
    lab.rule(
        labels={"severity": "critical"}, annotations={"summary": "{{ $labels.version }} at {{ $value }}"}
    )
    lab.run(0, [(V2, 0.75)])
    lab.run(1, [])
    first, last = lab.told
    assert dict(first.labels) == {"alertname": "Slow", "severity": "critical", "version": "v2"}
    assert (first.annotations["summary"], first.starts_at) == ("v2 at 0.75", NOON)
    assert (last.ends_at, last.timeout) == (NOON + dt.timedelta(minutes=1), False)


def test_what_fires_is_handed_on_again_each_minute_for_routes_that_were_edited(lab: Lab) -> None:
    RuleGroup.objects.update(interval_ms=15_000)
    lab.rule()
    for quarter in range(8):
        lab.run(quarter / 4, [(V2, 1.0)])
    assert len(lab.told) == 2
    assert {notice.timeout for notice in lab.told} == {True}


@pytest.mark.parametrize(("interval_ms", "minutes"), [(15_000, 4), (60_000, 4), (300_000, 20)])
def test_what_fires_ends_by_itself_after_four_rounds_without_news(
    lab: Lab, interval_ms: int, minutes: int
) -> None:
    RuleGroup.objects.update(interval_ms=interval_ms)
    lab.rule()
    lab.run(0, [(V2, 1.0)])
    lab.run(5)
    assert [(one.ends_at, one.timeout) for one in lab.told] == [
        (NOON + dt.timedelta(minutes=at + minutes), True) for at in (0, 5)
    ]


def test_what_fires_goes_on_while_somebody_tries_to_ask(lab: Lab) -> None:
    lab.rule()
    lab.run(0, [(V2, 1.0)])
    lab.run(1, DeadlineError("too slow"))
    assert lab.told[-1].ends_at == NOON + dt.timedelta(minutes=5)
    assert lab.told[-1].labels == lab.told[0].labels


def test_a_native_histogram_fires_and_its_text_is_the_value(lab: Lab) -> None:
    run = HistogramRun(
        np.array([0]), np.array([3.0]), np.array([1.5]), np.array([0.0]), schema=0,
        positive_index=np.array([-1, 0]), positive=np.array([[2.0, 1.0]]),
    )  # fmt: skip
    lab.rule(annotations={"summary": "{{ $labels.version }} {{ $value }}"})
    answers = World(
        lambda _id, exprs, _at: [Answer(runs=[(V2, run)]) for _ in exprs], lab.world.write, lab.world.tell
    )
    evaluate.run_due(answers, now=NOON)
    assert lab.state == ("firing", "ok")
    assert lab.told[0].annotations == {"summary": "v2 {count:3, sum:1.5, (0.25,0.5]:2, (0.5,1]:1}"}


def test_a_query_that_fails_is_unknown_and_never_inactive(lab: Lab) -> None:
    lab.rule()
    lab.run(0, BadQueryError("unexpected )", 7))
    rule = Rule.objects.get()
    assert (rule.state, rule.health, rule.last_error) == ("unknown", "err", "unexpected )")
    assert RuleGroup.objects.get().last_error == "Slow: unexpected )"


def test_a_query_that_fails_keeps_the_alerts_it_had(lab: Lab) -> None:
    lab.rule()
    lab.run(0, [(V2, 1.0)])
    lab.run(1, DeadlineError("too slow"))
    assert (lab.state, lab.changes) == (("firing", "err"), ["firing"])


def test_a_query_that_works_again_is_healthy_again(lab: Lab) -> None:
    lab.rule()
    lab.run(0, DeadlineError("too slow"))
    lab.run(1, [])
    assert lab.state == ("inactive", "ok")
    assert Rule.objects.get().last_error == ""


def test_more_results_than_the_limit_are_an_error(lab: Lab) -> None:
    RuleGroup.objects.update(limit=1)
    lab.rule()
    lab.run(0, [(V2, 1.0), (V2.having({"version": "v1"}), 1.0)])
    assert lab.state == ("unknown", "err")


def test_a_rule_beyond_its_limit_loses_its_alerts_and_they_fade(lab: Lab) -> None:
    RuleGroup.objects.update(limit=1)
    lab.rule()
    lab.run(0, [(V2, 1.0)])
    lab.run(1, [(V2, 1.0), (V2.having({"version": "v1"}), 1.0)])
    assert (lab.state, lab.changes) == (("unknown", "err"), ["firing", "inactive"])
    assert lab.told[-1].ends_at == NOON + dt.timedelta(minutes=5)
    assert [value for labels, _, value in lab.samples if labels.name == "ALERTS"][-1] != 1.0


def test_a_rule_within_its_limit_again_begins_anew(lab: Lab) -> None:
    RuleGroup.objects.update(limit=1)
    lab.rule(for_ms=60_000)
    for minute, answer in enumerate(
        [[(V2, 1.0)]] * 2 + [[(V2, 1.0), (V2.having({"version": "v1"}), 1.0)], [(V2, 1.0)]]
    ):
        lab.run(minute, answer)
    assert (lab.state, lab.changes[-1]) == (("pending", "ok"), "pending")


def test_alerts_that_are_kept_firing_count_towards_the_limit(lab: Lab) -> None:
    RuleGroup.objects.update(limit=1)
    lab.rule(keep_firing_for_ms=600_000)
    lab.run(0, [(V2, 1.0)])
    lab.run(1, [(V2.having({"version": "v1"}), 1.0)])
    assert "exceeded limit of 1 with 2 alerts" in Rule.objects.get().last_error


def test_results_that_labels_make_one_are_an_error(lab: Lab) -> None:
    lab.rule(labels={"version": "all"})
    lab.run(0, [(V2, 1.0), (V2.having({"version": "v1"}), 1.0)])
    assert "same labels" in Rule.objects.get().last_error


def test_one_broken_rule_does_not_stop_the_next(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.rule("First", labels={"version": "all"})
    lab.rule("Second")
    lab.run(0, [(V2, 1.0), (V2.having({"version": "v1"}), 1.0)])
    assert set(Rule.objects.values_list("name", "health")) == {("First", "err"), ("Second", "ok")}


def test_alerts_are_written_as_series_and_end_with_a_marker(lab: Lab) -> None:
    lab.rule()
    lab.run(0, [(V2, 1.0)])
    lab.run(1, [])
    values = [(labels.name, is_stale(np.array([value]))[0]) for labels, _, value in lab.samples]
    assert values == [
        ("ALERTS", False),
        ("ALERTS_FOR_STATE", False),
        ("ALERTS", True),
        ("ALERTS_FOR_STATE", True),
    ]


def test_a_recording_rule_writes_its_series_under_the_new_name(lab: Lab) -> None:
    lab.rule("job:p99", kind="record", labels={"by": "vigil"})
    lab.run(0, [(V2, 0.7)])
    ((labels, at, value),) = lab.samples
    assert dict(labels) == {"__name__": "job:p99", "by": "vigil", "version": "v2"}
    assert (at, value) == (int(NOON.timestamp() * 1000), 0.7)


def test_a_recorded_series_that_ends_gets_a_marker(lab: Lab) -> None:
    lab.rule("job:p99", kind="record")
    lab.run(0, [(V2, 0.7)])
    lab.run(1, [])
    assert is_stale(np.array([lab.samples[-1][2]]))[0]


def test_the_series_of_a_recording_rule_that_is_deleted_end(lab: Lab) -> None:
    lab.rule("job:p99", kind="record")
    lab.run(0, [(V2, 0.7)])
    Rule.objects.all().delete()
    lab.run(1)
    lab.run(2)
    assert [is_stale(np.array([value]))[0] for _, _, value in lab.samples] == [False, True]


def test_evaluations_that_did_not_happen_are_counted(lab: Lab) -> None:
    lab.rule()
    lab.run(0)
    lab.run(5.5)
    assert RuleGroup.objects.get().missed == 4


def test_a_template_sees_the_name_of_the_series(lab: Lab) -> None:
    lab.rule(annotations={"summary": "{{ $labels.__name__ }}"})
    lab.run(0, [(V2, 1.0)])
    assert lab.told[0].annotations["summary"] == "llm_p99"


def test_the_rules_of_a_stage_are_asked_together(lab: Lab) -> None:
    calls = []
    lab.rule("First")
    lab.rule("Second")
    world = World(lambda *asked: calls.append(len(asked[1])) or lab._ask(*asked), lab._write, lab._tell)  # type: ignore[func-returns-value] # counts in passing
    evaluate.run_due(world, now=NOON)
    assert calls == [2]


def test_due_groups_are_asked_and_told_together(lab: Lab) -> None:
    lab.rule("First")
    other = RuleGroup.objects.create(project=lab.group.project, name="other", interval_ms=60_000)
    Rule.objects.create(group=other, name="Second", expr="llm_p99 > 0.5")
    calls: list[int] = []

    def tell(_: int, notices: Sequence[Notice]) -> None:
        calls.append(len(notices))

    lab.answer = [(V2, 1.0)]
    evaluate.run_due(World(lab._ask, lab._write, tell), now=NOON)
    assert (calls, len({at for _, at in lab.asked})) == ([2], 1)


def test_a_group_that_breaks_does_not_stop_those_beside_it(lab: Lab) -> None:
    lab.rule("Good")
    other = RuleGroup.objects.create(project=lab.group.project, name="other", interval_ms=60_000)
    Rule.objects.create(group=other, name="Bad", expr="llm_p99 > 0.5")

    def tell(project_id: int, notices: Sequence[Notice]) -> None:
        if any(notice.labels["alertname"] == "Bad" for notice in notices):
            raise OSError
        lab._tell(project_id, notices)

    lab.answer = [(V2, 1.0)]
    evaluate.run_due(World(lab._ask, lab._write, tell), now=NOON)
    assert [notice.labels["alertname"] for notice in lab.told] == ["Good"]
    assert list(RuleGroup.objects.order_by("pk").values_list("last_error", flat=True)) == ["", "OSError: "]


def test_a_group_is_evaluated_on_its_own_grid(lab: Lab) -> None:
    lab.rule()
    assert [lab.run(minute) for minute in (0, 0.5, 1.1, 1.2, 7.9)] == [1, 0, 1, 0, 1]
    assert [(at - NOON).seconds for _, at in lab.asked] == [0, 60, 420]


def test_a_query_offset_asks_in_the_past_and_writes_there(lab: Lab) -> None:
    RuleGroup.objects.update(query_offset_ms=30_000)
    lab.rule()
    lab.run(0, [(V2, 1.0)])
    assert lab.asked[0][1] == NOON - dt.timedelta(seconds=30)
    assert {at for _, at, _ in lab.samples} == {int(NOON.timestamp() * 1000) - 30_000}


def test_a_pending_alert_starts_anew_after_an_outage(lab: Lab) -> None:
    lab.rule(for_ms=600_000)
    lab.run(0, [(V2, 1.0)])
    lab.run(180, [(V2, 1.0)])
    assert lab.state[0] == "pending"


@pytest.mark.parametrize("where", ["rule", "group"])
def test_switching_off_ends_the_alerts(lab: Lab, where: str) -> None:
    lab.rule()
    lab.run(0, [(V2, 1.0)])
    (Rule if where == "rule" else RuleGroup).objects.update(enabled=False)
    lab.run(1)
    assert lab.changes == ["firing", "resolved"]
    assert lab.told[-1].ends_at == NOON + dt.timedelta(minutes=1)
    assert Rule.objects.get().state == "unknown"


def test_deleting_a_rule_ends_its_alerts_once(lab: Lab) -> None:
    lab.rule()
    lab.run(0, [(V2, 1.0)])
    Rule.objects.all().delete()
    lab.run(1)
    lab.run(2)
    assert lab.changes == ["firing", "resolved"]
    assert not RuleAlert.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_alerts_of_a_deleted_rule_are_ended_by_one_of_two_evaluators(lab: Lab) -> None:
    lab.rule()
    lab.run(0, [(V2, 1.0)])
    Rule.objects.all().delete()
    lab.told.clear()

    def other() -> None:
        memory.end_orphans(lab._write, lab._tell, now=NOON)
        connection.close()

    def tell_while_another_looks(project_id: int, notices: Sequence[Notice]) -> None:
        lab._tell(project_id, notices)
        thread = threading.Thread(target=other)
        thread.start()
        thread.join(timeout=5)

    memory.end_orphans(lab._write, tell_while_another_looks, now=NOON)
    assert len(lab.told) == 1


def test_only_one_of_two_evaluators_gets_a_due_group(lab: Lab) -> None:
    first, second = (RuleGroup.objects.get() for _ in range(2))
    assert [evaluate.claim(one, now=NOON) for one in (first, second)] == [NOON, None]


def test_a_second_evaluator_of_the_same_time_changes_nothing(lab: Lab) -> None:
    lab.rule()
    lab.answer = [(V2, 1.0)]
    slow = RuleGroup.objects.select_related("project").get()
    lab.run(0)
    before = (list(lab.told), list(lab.samples), lab.changes)
    evaluate.run_group(slow, lab.world, at=NOON)
    assert (lab.told, lab.samples, lab.changes) == before


def test_a_kill_before_the_hand_over_leaves_the_state_as_it_was(lab: Lab) -> None:
    lab.rule()

    def killed(_: int, notices: Sequence[Notice]) -> None:
        raise KeyboardInterrupt

    world = World(lab._ask, lab._write, killed)
    lab.answer = [(V2, 1.0)]
    with pytest.raises(KeyboardInterrupt):
        evaluate.run_due(world, now=NOON)
    assert (lab.changes, memory.load(Rule.objects.all())) == ([], {})
    lab.run(1)
    assert [notice.starts_at for notice in lab.told] == [NOON + dt.timedelta(minutes=1)]


@pytest.mark.django_db(transaction=True)
def test_many_evaluators_at_once_hand_over_each_alert_once(lab: Lab) -> None:
    for number in range(4):
        lab.rule(f"Slow{number}")
    lab.answer = [(V2, 1.0)]
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        lab.run(0)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(notice.labels["alertname"] for notice in lab.told) == [
        f"Slow{number}" for number in range(4)
    ]
    assert lab.changes == ["firing"] * 4


def test_groups_of_deleted_projects_rest(lab: Lab, cast: Cast) -> None:
    lab.rule()
    cast.project.deleted_at = NOON
    cast.project.save()
    assert lab.run(0) == 0


def test_pages_read_plain_facts(lab: Lab, cast: Cast) -> None:
    lab.rule(for_ms=300_000, labels={"severity": "critical"}, annotations={"summary": "bad"})
    lab.run(0, [(V2, 0.7)])
    for minute in range(1, 6):
        lab.run(minute)
    (alert,) = read.alerts(cast.project.id)
    assert (alert.name, alert.state, alert.severity, alert.value, alert.active_at) == (
        "Slow",
        "firing",
        "critical",
        0.7,
        NOON,
    )
    (rule,) = read.rules(cast.project.id)
    assert (rule.state, rule.health, rule.hold, rule.group) == ("firing", "ok", "5m", "latency")
    assert read.firing_count(cast.project.id) == 1
    assert [(row.to, row.name) for row in read.history(cast.project.id, NOON, NOON + dt.timedelta(hours=1))] == [
        ("firing", "Slow"), ("pending", "Slow"),
    ]  # fmt: skip
    assert (read.alerts(cast.other.id), read.rules(cast.other.id), read.firing_count(cast.other.id)) == (
        [],
        [],
        0,
    )


def test_the_link_of_a_rule_opens_its_expression(lab: Lab) -> None:
    assert evaluate.rule_link(lab.rule()) == "/p/shop/explore/?expr=llm_p99+%3E+0.5"
