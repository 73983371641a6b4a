import datetime as dt

import pytest
from django.test import Client
from pytest_django import Settings as PytestSettings

from monitor.core.clock import to_ms
from monitor.core.labels import Labels
from monitor.ingest import choices
from monitor.ingest.models import ApiKey, ScrapeTarget
from monitor.store.samples import append
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look


def test_a_new_key_is_shown_once(client: Client, cast: Cast, look: Look) -> None:
    client.force_login(cast.ada)
    answer = client.post("/p/shop/settings/", {"do": "create-key", "name": "gw", "scope-ingest": "1"})
    key = answer.context["new_key"]
    assert key in answer.content.decode()
    assert key not in look("settings").content.decode()


def test_who_waits_for_a_first_call_is_told_within_seconds(
    look: Look, cast: Cast, push: Push, now: dt.datetime
) -> None:
    assert 'data-seconds="3"' in look("settings", range="1h").content.decode()
    push([{"at": now}])
    page = look("settings", range="1h").content.decode()
    assert 'data-seconds="3"' not in page
    assert "Make an alert" in page


def test_what_vigil_tells_of_itself_is_no_data_that_arrived(look: Look, cast: Cast, now: dt.datetime) -> None:
    own = [
        (Labels({"__name__": name}), to_ms(now), 1.0) for name in ("vigil_up", "up", "ALERTS", "prometheus_rule_group_rules")
    ]  # fmt: skip
    append.samples(cast.project.id, own, now=now)
    assert "Nothing has arrived yet" in look("settings").content.decode()


def test_a_key_without_scope_is_refused_with_a_reason(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    answer = client.post("/p/shop/settings/", {"do": "create-key", "name": "gw"})
    assert "scope" in answer.context["problem"]


def test_a_revoked_key_stops_working(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    key = ApiKey.objects.get(project=cast.project, name="reader")
    client.post("/p/shop/settings/", {"do": "revoke-key", "id": str(key.pk)})
    key.refresh_from_db()
    assert key.revoked_at is not None


def test_a_key_of_another_project_cannot_be_revoked_here(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    key = ApiKey.objects.get(project=cast.other)
    client.post("/p/shop/settings/", {"do": "revoke-key", "id": str(key.pk)})
    key.refresh_from_db()
    assert key.revoked_at is None


def test_a_viewer_changes_nothing(client: Client, cast: Cast) -> None:
    client.force_login(cast.ben)
    answer = client.post("/p/shop/settings/", {"do": "create-key", "name": "x", "scope-ingest": "1"})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "url, interval", [("ftp://x/y", "15"), ("http://x/metrics", "0"), ("http://x/m", "soon")]
)
def test_a_bad_target_is_refused_with_a_reason(client: Client, cast: Cast, url: str, interval: str) -> None:
    client.force_login(cast.ada)
    form = {"do": "add-target", "job": "j", "url": url, "interval": interval}
    assert client.post("/p/shop/settings/", form).context["problem"]
    assert not ScrapeTarget.objects.exists()


def test_a_target_can_be_added(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    form = {"do": "add-target", "job": "vllm", "url": "http://127.0.0.1:9/metrics", "interval": "15"}
    client.post("/p/shop/settings/", form)
    assert ScrapeTarget.objects.get().job == "vllm"


def test_only_a_demo_project_has_a_button_to_be_deleted(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    client.post("/p/shop/settings/", {"do": "delete-demo"})
    cast.project.refresh_from_db()
    assert cast.project.deleted_at is None


def test_the_demo_project_is_deleted_with_one_click(client: Client, cast: Cast) -> None:
    cast.project.demo = True
    cast.project.save()
    client.force_login(cast.ada)
    client.post("/p/shop/settings/", {"do": "delete-demo"})
    assert client.get("/p/shop/overview/").status_code == 404


def test_the_page_turns_green_when_data_arrives(look: Look, world: object) -> None:
    assert "Data is arriving" in look("settings").content.decode()


def test_what_becomes_of_finds_can_be_chosen(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    client.post("/p/shop/settings/", {"do": "choose-redaction", "mode-phone": "hash", "mode-ip": "nonsense"})
    found = choices.chosen(cast.project.id).modes
    assert (found["phone"], found["ip"], found["card"]) == ("hash", "mask", "mask")


def test_an_example_of_what_replaces_a_find_is_of_its_kind(look: Look) -> None:
    page = look("settings").content.decode()
    assert ("mask: ‹card:1›" in page, "mask: ‹phone:1›" in page) == (True, True)


def test_a_pattern_can_be_added_and_removed(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    form = {"do": "add-pattern", "name": "employee", "pattern": "EMP-[0-9]{4}", "mode": "drop"}
    client.post("/p/shop/settings/", form)
    (one,) = choices.chosen(cast.project.id).patterns
    client.post("/p/shop/settings/", {"do": "remove-pattern", "id": str(one.id)})
    assert choices.chosen(cast.project.id).patterns == ()


def test_a_bad_pattern_is_refused_with_a_reason(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    form = {"do": "add-pattern", "name": "x", "pattern": "(", "mode": "mask"}
    assert "RE2" in client.post("/p/shop/settings/", form).context["problem"]


@pytest.mark.usefixtures("own_cache")
def test_jobs_are_unknown_until_they_ran(look: Look) -> None:
    content = look("settings/jobs").content.decode()
    assert "compact" in content
    assert ">unknown<" in content
    assert ">well<" not in content


def test_while_nothing_can_be_known_of_jobs_that_is_said(look: Look, settings: PytestSettings) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1"}}
    assert "manage.py doctor" in look("settings/jobs").content.decode()


def test_jobs_are_for_admins(look: Look, cast: Cast) -> None:
    assert look("settings/jobs", who=cast.ben).status_code == 403
