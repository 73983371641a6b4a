"""The admin of senders: a key is seen once, a token never, and people stay in their projects."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from monitor.ingest import keys
from monitor.ingest.models import ApiKey, ScrapeJob, ScrapeTarget
from monitor.store.models import Membership, Project, Role
from tests.fixtures.fix_cast import NOON, Cast

pytestmark = pytest.mark.django_db
URL = "http://10.0.0.7:8080/metrics"


@pytest.fixture
def ada(client: Client, cast: Cast) -> Client:
    client.force_login(cast.ada)
    return client


def target(cast: Cast, **more: Any) -> dict[str, Any]:
    return {
        "project": cast.project.pk, "job": "paddle", "url": URL, "interval_seconds": 15, "labels": "{}",
        "enabled": "on", "bearer_token": "", **more,
    }  # fmt: skip


def test_a_new_key_is_shown_once_and_works(ada: Client, cast: Cast) -> None:
    form = {"project": cast.project.pk, "name": "vllm", "scopes": ["ingest", "query"]}
    answer = ada.post("/admin/monitor/apikey/add/", form)
    text = answer.content.decode().partition('id="new-key">')[2].partition("<")[0]
    known = keys.find(text, now=NOON)
    assert known is not None
    assert (known.project_id, known.scopes) == (cast.project.pk, frozenset({"ingest", "query"}))
    assert "no-store" in answer["Cache-Control"]
    row = ApiKey.objects.get(name="vllm")
    for page in ("", f"{row.pk}/change/", f"{row.pk}/history/"):
        assert text not in ada.get(f"/admin/monitor/apikey/{page}").content.decode()


def test_a_key_without_scopes_is_refused(ada: Client, cast: Cast) -> None:
    before = ApiKey.objects.count()
    answer = ada.post("/admin/monitor/apikey/add/", {"project": cast.project.pk, "name": "x"})
    assert answer.status_code == 200
    assert ApiKey.objects.count() == before


def test_revoking_ends_a_key(ada: Client, cast: Cast) -> None:
    row = ApiKey.objects.get(digest=keys.digest(cast.key))
    ada.post("/admin/monitor/apikey/", {"action": "revoke", "_selected_action": [row.pk]})
    assert keys.find(cast.key, now=NOON) is None


def test_changing_a_key_keeps_its_text(ada: Client, cast: Cast) -> None:
    row = ApiKey.objects.get(digest=keys.digest(cast.query_key))
    ada.post(f"/admin/monitor/apikey/{row.pk}/change/", {"name": "renamed", "scopes": ["query", "manage"]})
    known = keys.find(cast.query_key, now=NOON)
    assert known is not None
    assert (known.name, known.scopes) == ("renamed", frozenset({"query", "manage"}))


def test_a_target_is_stored_with_its_labels(ada: Client, cast: Cast) -> None:
    ada.post("/admin/monitor/scrapetarget/add/", target(cast, labels='{"zone": "z"}'))
    assert ScrapeTarget.objects.get().labels == {"zone": "z"}


@pytest.mark.parametrize(
    "field, value",
    [
        ("url", "ftp://10.0.0.7/metrics"), ("url", "not an address"), ("url", "http://"), ("url", "http://a:b/m"), ("url", "http://a /m"), ("interval_seconds", 1),
        ("interval_seconds", 90_000), ("labels", "[1]"), ("labels", '{"a": 1}'), ("labels", '{"__name__": "x"}'),
        ("labels", '{"": "x"}'),
    ],
)  # fmt: skip
def test_a_target_that_cannot_work_is_refused_at_its_field(
    ada: Client, cast: Cast, field: str, value: object
) -> None:
    answer = ada.post("/admin/monitor/scrapetarget/add/", target(cast, **{field: value}))
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not ScrapeTarget.objects.exists()


@pytest.mark.parametrize("url", ["http://paddle:8080/metrics", "https://[::1]/m", "http://localhost/m?x=1"])
def test_addresses_inside_a_network_are_taken(ada: Client, cast: Cast, url: str) -> None:
    ada.post("/admin/monitor/scrapetarget/add/", target(cast, url=url))
    assert ScrapeTarget.objects.get().url == url


def test_a_token_is_kept_hidden_and_can_be_forgotten(ada: Client, cast: Cast) -> None:
    ada.post("/admin/monitor/scrapetarget/add/", target(cast, bearer_token="s3cret-token"))
    row = ScrapeTarget.objects.get()
    page = f"/admin/monitor/scrapetarget/{row.pk}/change/"
    assert b"s3cret-token" not in ada.get(page).content
    tokens = []
    for more in ({}, {"forget_token": "on"}):
        ada.post(page, target(cast, **more))
        row.refresh_from_db()
        tokens.append(row.bearer_token)
    assert tokens == ["s3cret-token", ""]


def test_a_project_is_made_with_its_people(ada: Client, cast: Cast) -> None:
    form = {
        "slug": "new", "name": "New", "buckets": 1, "memberships-TOTAL_FORMS": 1, "memberships-INITIAL_FORMS": 0,
        "memberships-0-user": cast.ben.pk, "memberships-0-role": "editor",
    }  # fmt: skip
    ada.post("/admin/monitor/project/add/", form)
    assert Membership.objects.get(project__slug="new").user == cast.ben


def test_deleting_projects_hides_them_and_ends_their_keys(ada: Client, cast: Cast) -> None:
    ada.post("/admin/monitor/project/", {"action": "mark_deleted", "_selected_action": [cast.project.pk]})
    assert Project.objects.get(pk=cast.project.pk).deleted_at is not None
    assert keys.find(cast.key, now=NOON) is None
    assert ada.post(f"/admin/monitor/project/{cast.project.pk}/delete/", {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("page", ["apikey", "scrapetarget", "project"])
def test_every_list_and_form_opens(ada: Client, cast: Cast, page: str) -> None:
    ScrapeTarget.objects.create(project=cast.project, job="a", url=URL)
    assert ada.get(f"/admin/monitor/{page}/").status_code == 200
    assert ada.get(f"/admin/monitor/{page}/add/").status_code == 200


def test_the_style_of_the_admin_is_served_without_a_collecting_step(ada: Client) -> None:
    page = ada.get("/admin/monitor/apikey/").content.decode()
    sheets = [ada.get(address) for address in re.findall(r'href="(/static/[^"]+\.css)"', page)]
    assert sheets
    assert {sheet.status_code for sheet in sheets} == {200}
    for sheet in sheets:
        sheet.close()


def staff(cast: Cast, role: Role) -> User:
    """Cy works in the admin now, and has ``role`` in the shop and his own project."""
    cast.cy.is_staff = True
    cast.cy.save()
    cast.cy.user_permissions.set(Permission.objects.filter(content_type__app_label="monitor"))
    Membership.objects.create(user=cast.cy, project=cast.project, role=role)
    return cast.cy


@pytest.mark.parametrize("role, seen", [(Role.VIEWER, 0), (Role.EDITOR, 1)])
def test_people_change_targets_only_where_they_are_editors(
    client: Client, cast: Cast, role: Role, seen: int
) -> None:
    client.force_login(staff(cast, role))
    row = ScrapeTarget.objects.create(project=cast.project, job="a", url=URL)
    assert client.get("/admin/monitor/scrapetarget/").context["cl"].result_count == seen
    answer = client.post(f"/admin/monitor/scrapetarget/{row.pk}/change/", target(cast, job="b"))
    row.refresh_from_db()
    assert (answer.status_code, row.job) == (302, "b" if seen else "a")


def test_an_editor_makes_no_keys_for_a_project_he_does_not_run(client: Client, cast: Cast) -> None:
    client.force_login(staff(cast, Role.EDITOR))
    form = {"project": cast.project.pk, "name": "mine", "scopes": ["ingest"]}
    client.post("/admin/monitor/apikey/add/", form)
    assert not ApiKey.objects.filter(name="mine").exists()
    client.post("/admin/monitor/apikey/add/", {**form, "project": cast.other.pk})
    assert ApiKey.objects.filter(name="mine").exists()


def test_an_address_is_a_target_once(ada: Client, cast: Cast) -> None:
    ScrapeTarget.objects.create(project=cast.project, job="a", url=URL)
    answer = ada.post("/admin/monitor/scrapetarget/add/", target(cast))
    assert list(answer.context["adminform"].form.errors) == ["url"]


JOB = "job_name: vllm\nbasic_auth: {username: u, password: s3cret-word}\nstatic_configs: [{targets: ['a:1']}]"


def test_a_scrape_job_is_written_as_in_prometheus_and_its_secrets_stay_hidden(
    ada: Client, cast: Cast
) -> None:
    form = {"project": cast.project.pk, "enabled": "on", "written": JOB}
    ada.post("/admin/monitor/scrapejob/add/", form)
    row = ScrapeJob.objects.get(name="vllm")
    page = f"/admin/monitor/scrapejob/{row.pk}/change/"
    shown = ada.get(page)
    assert b"s3cret-word" not in shown.content
    written = shown.context["adminform"].form.initial["written"].replace("a:1", "b:2")
    ada.post(page, {"enabled": "on", "written": written})
    row.refresh_from_db()
    assert row.config["basic_auth"]["password"] == "s3cret-word"
    assert row.config["static_configs"][0]["targets"] == ["b:2"]


@pytest.mark.parametrize(
    "written, says",
    [("job_name: a\nec2_sd_configs: [{}]", "scrape_configs[0].ec2_sd_configs"), ("- job_name: a\n- job_name: b", "one entry"), ("job_name: there", "of this name")],
)  # fmt: skip
def test_a_job_that_cannot_work_is_refused_by_its_key(
    ada: Client, cast: Cast, written: str, says: str
) -> None:
    ScrapeJob.objects.create(project=cast.project, name="there", config={"job_name": "there"})
    answer = ada.post("/admin/monitor/scrapejob/add/", {"project": cast.project.pk, "written": written})
    assert says in str(answer.context["adminform"].form.errors)
    assert ScrapeJob.objects.count() == 1


def test_what_a_job_found_is_changed_in_the_job(ada: Client, cast: Cast) -> None:
    job = ScrapeJob.objects.create(project=cast.project, name="a", config={"job_name": "a"})
    row = ScrapeTarget.objects.create(project=cast.project, source=job, job="a", url=URL, identity="1")
    page = f"/admin/monitor/scrapetarget/{row.pk}/change/"
    assert ada.post(page, target(cast)).status_code == 403
    assert ada.get(page).status_code == 200
