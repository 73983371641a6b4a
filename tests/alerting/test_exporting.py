"""What is written as an alertmanager.yml is what is read back, in the same project and in another."""

import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from monitor.alerting import configuration, exporting, policy
from monitor.alerting.models import AlertPolicy, Contact, Inhibition, Route, TimeInterval
from monitor.alerting.receivers import RECEIVERS
from monitor.alerting.routing import Way
from monitor.core import fields
from tests.fixtures.fix_cast import NOON, Cast
from tests.kits import receiver as kit

AMTOOL = shutil.which("amtool")
WORDS = (
    "ops",
    "on",
    "模型",
    "pager 2",
    "nobody",
    "a, b",
    "007",
    "null",
    "x: y",
    "#1",
    "ops 2",
    "line\u2028end",
)


def state(project_id: int) -> dict[str, Any]:
    """All that counts of a project's alerting, by names."""
    rows = list(Contact.objects.filter(project_id=project_id).order_by("name"))
    names = {row.pk: row.name for row in rows}

    def seen(way: Way) -> Any:
        return (
            way.matchers, way.group_by, way.go_on, way.wait, way.interval, way.repeat, sorted(names[pk] for pk in way.contacts or ()),
            sorted(way.muted), sorted(way.active), [seen(one) for one in way.children],
        )  # fmt: skip

    return {
        "contacts": [
            (row.name, row.receiver or row.name, row.kind, row.settings, row.language, row.send_resolved, row.enabled)
            for row in rows
        ],
        "ways": [seen(way) for way in policy.ways_of(project_id)],
        "inhibitions": list(
            Inhibition.objects.filter(project_id=project_id).order_by("position", "id")
            .values_list("name", "source_matchers", "target_matchers", "equal")
        ),
        "times": sorted(TimeInterval.objects.filter(project_id=project_id).values_list("name", flat=True)),
        "policy": list(AlertPolicy.objects.filter(project_id=project_id).values_list("resolve_timeout", flat=True)),
    }  # fmt: skip


def furnish(cast: Cast, seed: int) -> None:
    """Contacts, routes, times and inhibitions as people may have left them."""
    one = random.Random(seed)
    AlertPolicy.objects.create(project=cast.project, resolve_timeout=one.choice(["5m", "1m30s"]))
    times = [
        TimeInterval.objects.create(project=cast.project, name=name, spec=spec)
        for name, spec in (("night", "times: [{start_time: 17:00, end_time: 24:00}]"), ("on", "- years: [2026]\n- months: [1:3]"))
    ]  # fmt: skip
    contacts = [_contact(cast, name, one) for name in one.sample(WORDS, one.randint(0, 8))]
    routes: list[Route | None] = [None]
    for number in range(one.choice([0, 1, 1, 4, 7])):
        route = Route.objects.create(
            project=cast.project, name=f"r{number}", parent=one.choice(routes), position=one.randint(0, 3),
            matchers=one.choice(["", 'severity="critical"', '模型=~"a|b", on="yes"']), go_on=one.random() < 0.3,
            group_by=one.choice(["", "", "-", "...", "alertname, on"]), group_wait=one.choice(["", "0s", "5s"]),
            group_interval=one.choice(["", "1m30s"]), repeat_interval=one.choice(["", "1d"]),
        )  # fmt: skip
        route.contacts.set(one.sample(contacts, min(len(contacts), one.choice([0, 1, 1, 2, 3]))))
        route.mute_intervals.set(one.sample(times, one.choice([0, 0, 1])))
        route.active_intervals.set(one.sample(times, one.choice([0, 0, 1])))
        routes.append(route)
    for number in range(one.randint(0, 2)):
        Inhibition.objects.create(
            project=cast.project, position=number, name=one.choice(["", "n"]), source_matchers='severity="critical"',
            target_matchers='severity=~"w.*"', equal=one.choice(["", "a, on"]),
        )  # fmt: skip


def _contact(cast: Cast, name: str, one: random.Random) -> Contact:
    kind = one.choice(list(RECEIVERS))
    declared = RECEIVERS[kind].fields
    settings = kit.settings(kind, "https://svc.example")
    if one.random() < 0.5:
        settings |= {
            "email": {"server": "m.example:465", "sender": "v@b.example", "encryption": "tls"},
            "telegram": {"chat": "-5"},
        }.get(kind, {})
    elif one.random() < 0.5:
        settings = fields.clean(
            declared, {part.name: settings[part.name] for part in declared if part.required}
        )
    return Contact.objects.create(
        project=cast.project, name=name, receiver=one.choice(["", "", "team", "ops"]), kind=kind, settings=settings,
        language=one.choice(["both", "zh", "en"]), send_resolved=one.random() < 0.5, enabled=one.random() < 0.8,
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(16))
def test_what_is_written_reads_as_the_same(cast: Cast, seed: int, tmp_path: Path) -> None:
    furnish(cast, seed)
    before = state(cast.project.pk)
    text = exporting.give(cast.project.pk, secrets=True)
    taken = configuration.take(cast.other.pk, text, now=NOON)
    assert taken.losses == ()
    assert state(cast.other.pk) == before
    assert exporting.give(cast.other.pk, secrets=True) == text
    hidden = exporting.give(cast.project.pk)
    assert kit.SECRET not in hidden
    assert configuration.take(cast.project.pk, hidden, now=NOON).losses == ()
    assert state(cast.project.pk) == before


@pytest.mark.skipif(AMTOOL is None, reason="needs amtool: apt-get install prometheus-alertmanager")
@pytest.mark.parametrize("seed", range(20, 24))
def test_alertmanager_takes_what_is_written(cast: Cast, seed: int, tmp_path: Path) -> None:
    furnish(cast, seed)
    Route.objects.update(matchers="")
    path = tmp_path / "alertmanager.yml"
    path.write_text(exporting.give(cast.project.pk), encoding="utf-8")
    assert AMTOOL is not None
    done = subprocess.run([AMTOOL, "check-config", str(path)], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr + path.read_text()


def test_a_remark_that_somebody_took_out_or_broke_does_no_harm(cast: Cast) -> None:
    Contact.objects.create(
        project=cast.project, name="ding", kind="dingtalk", settings={"url": "https://x.example"}
    )
    text = exporting.give(cast.project.pk, secrets=True)
    for broken in (
        "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#")),
        text.replace('{"contact"', '{{"contact"'),
        text.replace('"dingtalk"', '"nosuch"'),
        '# vigil: {"contact": "ding\\u0000"}\n# vigil: {"together": ["gone"], "receiver": "ding"}\n' + text,
    ):
        configuration.take(cast.project.pk, broken, now=NOON)
    assert Contact.objects.filter(name="ding").count() == 1
