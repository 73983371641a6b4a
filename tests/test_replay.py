"""A week of live evaluation and delivery, recorded, and the same week replayed: the same changes, the same messages."""

import datetime as dt
import json
from collections.abc import Callable
from functools import partial
from io import StringIO

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from monitor import query, replay
from monitor.alerting import deliver, receive
from monitor.alerting.models import Contact, Delivery, Inhibition, Route, Silence, TimeInterval
from monitor.core import clock
from monitor.core.labels import Labels
from monitor.rules import evaluate, tryout
from monitor.rules.models import AlertChange, Rule, RuleGroup
from monitor.store.samples import append
from tests.fixtures.fix_cast import NOON, Cast
from tests.fixtures.fix_outside import Outside

STEP = dt.timedelta(hours=1)
WEEK = dt.timedelta(days=7)
# enough of it for alerts of both rules
DAYS = dt.timedelta(days=2)
NIGHT = "- times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: '06:00'}]"


@pytest.fixture
def week(cast: Cast, outside: Callable[[], Outside]) -> Cast:
    """Two rules over three versions, two contacts, a night without messages, an inhibition and a silence."""
    service = outside()
    store(cast.project.id)
    group = RuleGroup.objects.create(
        project=cast.project, name="latency", interval_ms=STEP.total_seconds() * 1000
    )
    shared = {"group": group, "annotations": {"summary": "{{ $labels.version }} at {{ $value }}"}}
    Rule.objects.create(
        name="Slow", expr="p99 > 0.5", for_ms=3_600_000, labels={"severity": "warning"}, **shared
    )
    Rule.objects.create(
        name="Stuck",
        expr="p99 > 0.9",
        keep_firing_for_ms=5_400_000,
        labels={"severity": "critical"},
        **shared,
    )
    night = TimeInterval.objects.create(project=cast.project, name="night", spec=NIGHT)
    ops, boss = (
        Contact.objects.create(
            project=cast.project, name=name, kind="webhook", settings={"url": service.url + "/hook/s3cr3t"}
        )
        for name in ("ops", "boss")
    )
    urgent = Route.objects.create(
        project=cast.project, name="urgent", matchers='severity="critical"', go_on=True, group_by="version",
        repeat_interval="6h",
    )  # fmt: skip
    urgent.contacts.add(boss)
    rest = Route.objects.create(
        project=cast.project, name="rest", position=1, group_interval="2h", repeat_interval="1d"
    )
    rest.contacts.add(ops)
    rest.mute_intervals.add(night)
    Inhibition.objects.create(
        project=cast.project,
        source_matchers='severity="critical"',
        target_matchers='severity="warning"',
        equal="version",
    )
    Silence.objects.create(
        project=cast.project, matchers='version="v3"', starts_at=NOON + dt.timedelta(days=2),
        ends_at=NOON + dt.timedelta(days=4), author="ada", updated_at=NOON,
    )  # fmt: skip
    return cast


def store(project_id: int) -> None:
    seeded = np.random.default_rng(7)
    steps = WEEK // STEP + 1
    times = [clock.to_ms(NOON + STEP * place) for place in range(steps)]
    for version in ("v1", "v2", "v3"):
        walk = np.clip(
            0.5 + np.cumsum(seeded.normal(0, 0.12, steps)) * 0.3 + seeded.normal(0, 0.15, steps), 0, 2
        )
        labels = Labels({"__name__": "p99", "version": version})
        append.samples(
            project_id, list(zip([labels] * steps, times, walk.tolist(), strict=True)), now=NOON + WEEK
        )


def live(length: dt.timedelta = WEEK, *, told: bool = True) -> None:
    for place in range(length // STEP + 1):
        now = NOON + STEP * place
        evaluate.run_due(evaluate.stored(partial(receive.take, now=now), now=now), now=now)
        if told:
            deliver.run_due(now=now)


def test_a_replayed_week_is_the_week_as_it_was(week: Cast) -> None:
    live()
    changes = [
        (row.at, row.to, row.labels["alertname"], row.labels["version"], row.value)
        for row in AlertChange.objects.order_by("at", "id")
    ]
    sent = sorted(
        (row.created_at, row.contact.name, _keys(row.content, ends=False), _keys(row.content, ends=True))
        for row in Delivery.objects.exclude(state="skipped").select_related("contact")
    )
    events, messages = replayed(week.project.id)
    assert sorted(events) == sorted(changes)
    assert sorted(messages) == sent
    assert len(changes) > 60
    assert len(sent) > 12


def test_a_replay_leaves_the_alert_series_of_the_rules_as_they_are(week: Cast) -> None:
    """Those that live evaluation wrote; after a rule has changed nothing of its old alerts."""
    live(DAYS, told=False)
    before = alerts(week.project.id)
    for _ in range(2):
        assert list(replay.rules(week.project.id, NOON, NOON + DAYS))
        assert alerts(week.project.id) == before
    assert {labels["alertname"] for labels in before} == {"Slow", "Stuck"}
    Rule.objects.filter(name="Slow").update(expr="p99 > 99")
    list(replay.rules(week.project.id, NOON, NOON + DAYS))
    assert {labels["alertname"] for labels in alerts(week.project.id)} == {"Stuck"}


def alerts(project_id: int) -> dict[Labels, list[float]]:
    """ALERTS and ALERTS_FOR_STATE of those days, hour by hour."""
    found = query.range(
        project_id, '{__name__=~"ALERTS.*"}', clock.to_ms(NOON), clock.to_ms(NOON + DAYS), STEP
    )
    rows = np.where(found.present(), found.values, -1.0)
    return {labels: row.tolist() for labels, row in zip(found.labels, rows, strict=True) if (row >= 0).any()}


def _keys(content: dict[str, list[dict[str, dict[str, str]]]], *, ends: bool) -> list[str]:
    alerts = [one for one in content["alerts"] if (one["ends_at"] is not None) == ends]
    return sorted(f"{one['labels']['alertname']} {one['labels']['version']}" for one in alerts)


def replayed(project_id: int) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    tried = list(tryout.every(project_id, NOON, NOON + WEEK))
    events: list[tuple[object, ...]] = [
        (
            event.at,
            event.to,
            event.alert.labels["alertname"],
            event.alert.labels["version"],
            event.alert.value,
        )
        for one in tried
        for event in (one.story.events if one.story else [])
    ]
    told = sorted(
        (pair for one in tried if one.story for pair in one.story.notices), key=lambda pair: pair[0]
    )
    found = replay.rehearse(project_id, told, NOON + WEEK, now=NOON + WEEK, tick=STEP)
    named = [
        (
            one.at,
            one.contact,
            *(
                sorted(f"{each['alertname']} {each['version']}" for each in alerts)
                for alerts in (one.firing, one.resolved)
            ),
        )
        for one in found
    ]
    return events, named


def test_the_command_prints_what_would_have_happened(week: Cast) -> None:
    out = StringIO()
    call_command(
        "replay", "--project", "shop", "--from", NOON.isoformat(), "--to", str((NOON + WEEK).timestamp()),
        stdout=out, stderr=StringIO(),
    )  # fmt: skip
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert {line["what"] for line in lines} == {"pending", "inactive", "firing", "resolved", "message"}


@pytest.mark.parametrize(
    "changed, complaint",
    [
        ({"project": "nosuch"}, "no project"),
        ({"from": "soon"}, "is no time"),
        ({"to": "0"}, "must lie after"),
    ],
)
def test_the_command_says_what_is_wrong(cast: Cast, changed: dict[str, str], complaint: str) -> None:
    asked = {"project": "shop", "from": "100", "to": "200"} | changed
    with pytest.raises(CommandError, match=complaint):
        call_command("replay", *(f"--{name}={value}" for name, value in asked.items()), stderr=StringIO())
