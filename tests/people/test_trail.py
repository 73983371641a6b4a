"""Every change of the configuration is kept with who made it, from where, and what was before."""

import datetime as dt
import json
from importlib import import_module
from typing import Any

import pytest
from auditlog.models import LogEntry
from auditlog.registry import auditlog
from django.apps import apps
from django.db import connection
from django.test import Client

from monitor.alerting.models import Contact, Route, Silence
from monitor.core import clock
from monitor.core.fields import MASK
from monitor.ingest.models import ScrapeTarget
from monitor.people import trail
from monitor.quality.credit.models import ScoringEngine
from monitor.store.models import EventTable, Membership, Role
from monitor.store.upkeep import retention
from tests.fixtures.fix_cast import Cast


def told(cast: Cast) -> list[trail.Entry]:
    now = clock.now()
    return trail.entries(cast.project.id, now - dt.timedelta(hours=1), now + dt.timedelta(hours=1))


@pytest.fixture
def page(client: Client, cast: Cast) -> Any:
    client.force_login(cast.ada)
    return lambda form: client.post("/p/shop/settings/", form, REMOTE_ADDR="203.0.113.9")


def test_a_change_on_a_page_is_kept_with_who_and_from_where(page: Any, cast: Cast) -> None:
    page({"do": "add-target", "job": "vllm", "url": "http://gpu-1:8000/metrics", "interval": "15"})
    newest = told(cast)[0]
    assert (newest.who, newest.address, newest.action) == ("ada", "203.0.113.9", "created")
    assert newest.changes["job"] == ("", "vllm")


def test_before_and_after_stand_side_by_side(cast: Cast) -> None:
    row = Membership.objects.get(user=cast.ben)
    row.role = Role.EDITOR
    row.save()
    newest = told(cast)[0]
    assert (newest.who, newest.action, newest.changes) == ("", "changed", {"role": ("viewer", "editor")})


def test_a_program_is_known_by_its_key(client: Client, cast: Cast) -> None:
    now = clock.now()
    silence = {
        "matchers": [{"name": "alertname", "value": "Slow", "isRegex": False}], "comment": "c", "createdBy": "amtool",
        "startsAt": now.isoformat(), "endsAt": (now + dt.timedelta(hours=1)).isoformat(),
    }  # fmt: skip
    answer = client.post("/api/v2/silences", json.dumps(silence), "application/json", headers=cast.bearer)
    assert answer.status_code == 200, answer.content
    assert told(cast)[0].who == "key all"


def test_of_settings_that_may_hold_secrets_only_the_change_is_told(cast: Cast) -> None:
    row = Contact.objects.create(
        project=cast.project, name="n", kind="webhook", settings={"url": "http://x/s3cret-1"}
    )
    row.settings = {"url": "http://x/s3cret-2"}
    row.save()
    newest = told(cast)[0]
    assert "settings" in newest.changes
    assert "s3cret" not in repr([one.changes for one in told(cast)])


def test_no_token_and_no_password_in_an_address_is_in_the_trail(cast: Cast) -> None:
    target = ScrapeTarget.objects.create(
        project=cast.project,
        job="vllm",
        url="http://ops:s3cret-1@gpu-1:8000/metrics?k=s3cret-2",
        bearer_token="s3cret-3",
    )
    target.bearer_token = "s3cret-4"
    target.save()
    ScoringEngine.objects.create(
        project=cast.project, name="e", url="http://vllm/v1", served_model="m", api_key="s3cret-5"
    )
    entries = told(cast)
    assert "s3cret" not in repr([one.changes for one in entries])
    assert [sorted(one.changes) for one in entries if one.action == "changed"] == [["bearer_token"]]
    made = {one.kind: one.changes for one in entries if one.action == "created"}
    assert made["scrape target"]["url"] == ("", f"http://{MASK}@gpu-1:8000/metrics?{MASK}")
    assert made["scoring engine"]["url"] == ("", "http://vllm/v1")


def test_tokens_that_were_written_before_are_taken_out(cast: Cast) -> None:
    entry = LogEntry.objects.log_create(
        cast.project,
        action=LogEntry.Action.UPDATE,
        changes={"bearer_token": ["s3cret-1", "s3cret-2"], "job": ["a", "b"]},
    )
    with connection.cursor() as cursor:
        cursor.execute(import_module("dashboards.migrations.0002_no_tokens_in_the_trail").FORWARD)
    entry.refresh_from_db()
    assert entry.changes == {"bearer_token": [MASK, MASK], "job": ["a", "b"]}


def test_whom_a_route_tells_is_told(cast: Cast) -> None:
    contact = Contact.objects.create(project=cast.project, name="night", kind="webhook")
    route = Route.objects.create(project=cast.project, name="all")
    route.contacts.add(contact)
    route.contacts.remove(contact)
    assert [one.changes for one in told(cast)[:2]] == [
        {"contacts": ("night", "")},
        {"contacts": ("", "night")},
    ]


def test_who_deleted_a_project_is_told(cast: Cast, now: dt.datetime) -> None:
    retention.mark_deleted(cast.project, now=now)
    assert told(cast)[0].changes["deleted_at"][0] == ""


def test_a_silence_ended_in_the_admin_is_told(client: Client, cast: Cast) -> None:
    at = clock.now()
    hour = dt.timedelta(hours=1)
    row = Silence.objects.create(
        project=cast.project,
        matchers='{a="b"}',
        author="ben",
        starts_at=at - hour,
        ends_at=at + hour,
        updated_at=at,
    )
    client.force_login(cast.ada)
    client.post("/admin/monitor/silence/", {"action": "expire", "_selected_action": [str(row.pk)]})
    newest = told(cast)[0]
    assert (newest.who, newest.action, "ends_at" in newest.changes) == ("ada", "changed", True)


# written by workers and senders, or kept with who did it in rows of their own
NOT_FOLLOWED = {
    "AlertChange", "Alert", "AlertGroup", "ChangeSearch", "Delivery", "DeliveryAttempt", "DriftReport",
    "DriftSignal", "DriftSketch", "GoldenItem", "GoldenMark", "JudgeAnswer", "JudgeClaim", "JudgeEpoch", "JudgeFailure",
    "JudgeSpending", "PushedMetric", "ReleaseEvidence", "RolloutRun", "RuleAlert", "RuleOutput", "ScoringRequest", "Shipping",
    # of each: who, and when
    "DashboardVersion", "Label", "ReleaseDecision", "RuleEdit",
}  # fmt: skip


def test_every_table_is_followed_or_known_to_hold_no_configuration() -> None:
    models = [one for name in ("monitor", "dashboards") for one in apps.get_app_config(name).get_models()]
    left = {one.__name__ for one in models if not auditlog.contains(one) and not issubclass(one, EventTable)}
    assert left == NOT_FOLLOWED


def test_what_workers_note_of_themselves_is_no_change_of_anybodys(cast: Cast) -> None:
    row = Contact.objects.create(project=cast.project, name="n", kind="webhook")
    row.last_error = "refused"
    row.save()
    assert [one.action for one in told(cast) if one.kind == "contact"] == ["created"]


def test_changes_of_other_projects_are_not_told(cast: Cast) -> None:
    Contact.objects.create(project=cast.other, name="theirs", kind="webhook")
    assert "theirs" not in [one.what for one in told(cast)]


@pytest.mark.parametrize(("form", "kind"), [("csv", "text/csv"), ("ndjson", "application/x-ndjson")])
def test_admins_take_the_trail_with_them(page: Any, client: Client, cast: Cast, form: str, kind: str) -> None:
    page({"do": "create-key", "name": "gateway", "scope-ingest": "1"})
    answer = client.get(f"/p/shop/settings/audit/{form}/")
    assert answer["Content-Type"].startswith(kind)
    assert "gateway" in answer.content.decode()
    assert "gateway" in client.get("/p/shop/settings/audit/").content.decode()


def test_others_do_not_see_it(client: Client, cast: Cast) -> None:
    client.force_login(cast.ben)
    assert client.get("/p/shop/settings/audit/").status_code == 403
