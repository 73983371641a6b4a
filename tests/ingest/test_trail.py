"""Every change of the configuration is kept with who made it, from where, and what was before."""

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client

from monitor.alerting.models import Contact
from monitor.core import clock
from monitor.ingest import trail
from monitor.store.models import Membership, Role
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
