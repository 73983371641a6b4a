"""Whoever rules one project reaches nothing of another by naming it: every address and form that takes a number."""

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from dashboards.boards import shelf
from dashboards.boards.document import Board
from dashboards.boards.shelf import Author
from monitor.alerting import receive
from monitor.alerting.models import Alert, Contact, Silence
from monitor.core.alerts import Notice
from monitor.core.labels import Labels
from monitor.ingest.models import ApiKey, RedactionPattern, ScrapeTarget
from monitor.quality.models import ClaimState, Judge, JudgeClaim
from monitor.rules.models import Rule, RuleGroup
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_release import Open

Things = Mapping[str, Any]
TABLES = (
    "monitor_apikey", "monitor_scrapetarget", "monitor_redactionpattern", "monitor_rule", "monitor_rulegroup",
    "monitor_contact", "monitor_silence", "monitor_judge", "monitor_judgeclaim", "monitor_goldenitem", "monitor_label",
    "monitor_release", "monitor_releasedecision", "monitor_score", "dashboards_dashboard", "monitor_delivery",
)  # fmt: skip


@pytest.fixture
def things(cast: Cast, push: Push, release: Open, now: dt.datetime) -> Things:
    """One of each in the shop."""
    hour = dt.timedelta(hours=1)
    group = RuleGroup.objects.create(project=cast.project, name="g", interval_ms=15_000)
    judge = Judge.objects.create(project=cast.project, name="helpful")
    (call,) = push([{"session": "s-1"}])
    claim = JudgeClaim.objects.create(
        judge=judge, generation_id=call, claimed_at=now, state=ClaimState.FAILED
    )
    author = Author("ada", now)
    receive.take_outside(cast.project.pk, [Notice(Labels({"alertname": "Slow"}), now)], now=now)
    return {
        "call": call, "judge": judge.pk, "claim": claim.pk, "release": release().pk,
        "key": ApiKey.objects.filter(project=cast.project).values_list("pk", flat=True)[0],
        "target": ScrapeTarget.objects.create(project=cast.project, job="vllm", url="http://vllm/metrics").pk,
        "pattern": RedactionPattern.objects.create(project=cast.project, name="order", pattern="ORD-[0-9]{6}").pk,
        "rule": Rule.objects.create(group=group, name="Slow", expr="vector(1)").pk,
        "contact": Contact.objects.create(project=cast.project, name="n", kind="webhook").pk,
        "silence": Silence.objects.create(
            project=cast.project, matchers='{a="b"}', author="ada", starts_at=now, ends_at=now + hour, updated_at=now
        ).pk,
        "alert": f"{Alert.objects.get().fingerprint:016x}",
        "board": shelf.make(cast.project.pk, Board("theirs"), author, uid="theirs"),
    }  # fmt: skip


def rows() -> list[Any]:
    """All that could have been changed."""
    found = []
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"SELECT to_jsonb(t) - 'last_used_at' FROM {table} t ORDER BY 1")  # noqa: S608 — our own names
            found += [(table, json.dumps(row[0], sort_keys=True)) for row in cursor.fetchall()]
    return found


def pages(things: Things) -> list[str]:
    board = f"dashboards/{things['board']}"
    return [
        f"generations/{things['call']}/", f"rules/{things['rule']}/", f"releases/{things['release']}/",
        f"releases/{things['release']}/evidence.json", f"alerts/{things['alert']}/", f"{board}/", f"{board}/data/",
        f"{board}/export/", f"{board}/history/", f"{board}/settings/",
    ]  # fmt: skip


def forms(things: Things) -> list[tuple[str, dict[str, Any]]]:
    board, rule, release = (
        f"dashboards/{things['board']}/",
        f"rules/{things['rule']}/",
        f"releases/{things['release']}/",
    )
    return [
        ("settings/", {"do": "revoke-key", "id": things["key"]}),
        ("settings/", {"do": "remove-target", "id": things["target"]}),
        ("settings/", {"do": "remove-pattern", "id": things["pattern"]}),
        *((rule, {"do": do}) for do in ("off", "on", "delete", "clone", "test")),
        (rule, {"do": "save", "name": "Mine", "expr": "vector(2)", "group": "g", "interval": "15s"}),
        *((release, {"do": do, "stage": "0", "override": "yes"}) for do in ("approve", "hold", "resume", "rollback", "close")),
        ("alerts/", {"do": "end-silence", "id": things["silence"]}),
        (f"generations/{things['call']}/", {"do": "", "mark": "1", "reason": "mine"}),
        (f"generations/{things['call']}/", {"do": "score"}),
        ("labelling/", {"do": "label", "judge": "helpful", "call": things["call"], "mark": "1"}),
        ("quality/", {"do": "again", "judge": things["judge"], "claim": things["claim"]}),
        ("quality/", {"do": "freeze", "judge": "helpful"}),
        ("quality/", {"do": "thaw", "judge": "helpful"}),
        *((board, {"do": do, "version": "1", "title": "mine"}) for do in ("save", "delete", "remove", "restore", "copy")),
        (f"{board}settings/", {"do": "settings", "title": "mine"}),
    ]  # fmt: skip


def test_no_page_shows_a_thing_of_another_project(client: Client, cast: Cast, things: Things) -> None:
    client.force_login(cast.ada)
    there = {path: client.get(f"/p/shop/{path}").status_code for path in pages(things)}
    assert {path: status for path, status in there.items() if status not in {200, 304}} == {}
    client.force_login(cast.cy)
    assert {path: client.get(f"/p/other/{path}").status_code for path in pages(things)} == dict.fromkeys(
        pages(things), 404
    )


def test_no_form_changes_a_thing_of_another_project(client: Client, cast: Cast, things: Things) -> None:
    client.force_login(cast.cy)
    client.raise_request_exception = False
    before = rows()
    statuses = {
        f"{path} {form}": client.post(f"/p/other/{path}", form).status_code for path, form in forms(things)
    }
    assert {asked: status for asked, status in statuses.items() if status >= 500} == {}
    assert rows() == before


def test_no_key_reaches_a_thing_of_another_project(client: Client, cast: Cast, things: Things) -> None:
    ApiKey.objects.filter(project=cast.other).update(scopes=["ingest", "query", "manage"])
    headers = {"authorization": f"Bearer {cast.other_key}"}
    release, silence = f"/api/v1/releases/{things['release']}", f"/api/v2/silence/{things['silence']}"
    before = rows()
    asked = {
        path: client.get(path, headers=headers).status_code
        for path in (
            f"/api/v1/generations/{things['call']}",
            release,
            f"{release}/verdict",
            f"{release}/evidence",
            silence,
        )
    }
    assert asked == dict.fromkeys(asked, 404)
    decided = {
        kind: client.post(f"{release}/{kind}", {}, "application/json", headers=headers).status_code
        for kind in ("approve", "hold", "resume", "rollback", "close", "flagger")
    }
    assert decided == dict.fromkeys(decided, 404)
    assert client.delete(silence, headers=headers).status_code == 404
    score = {
        "scores": [
            {"generation_id": name, "name": "quality", "value": 1} for name in ("call-0", str(things["call"]))
        ]
    }
    answer = client.post("/api/v1/scores", score, "application/json", headers=headers).json()
    assert (answer["accepted"], len(answer["rejected"])) == (0, 2)
    assert rows() == before
