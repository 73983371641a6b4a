"""Who may open a page, and what a refresh brings."""

import re

import pytest
from django.template.loader import render_to_string
from django.test import Client

from monitor.store.models import Project
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look

PART = re.compile(r'data-part="([^"]+)" data-digest="([^"]+)"')


def test_nobody_is_sent_to_the_log_in(client: Client, cast: Cast) -> None:
    answer = client.get("/p/shop/overview/")
    assert answer.status_code == 302
    assert answer["location"].startswith("/login/?next=/p/shop/overview/")


def test_a_stranger_does_not_even_learn_that_the_project_exists(look: Look, cast: Cast) -> None:
    assert (
        look("overview", cast.cy).status_code == look("overview", cast.cy, project="none").status_code == 404
    )


def test_a_viewer_may_look(look: Look, cast: Cast) -> None:
    assert look("overview", cast.ben).status_code == 200


def test_the_first_page_is_the_project_last_looked_at(look: Look, client: Client, cast: Cast) -> None:
    look("overview", cast.ada, project="other")
    assert client.get("/")["location"] == "/p/other/overview/"


def test_someone_without_a_project_is_told_what_to_do(client: Client, cast: Cast) -> None:
    cast.cy.memberships.all().delete()
    client.force_login(cast.cy)
    assert "project create" in client.get("/").content.decode()


def test_a_project_is_made_in_the_browser_with_the_rules_of_the_house(client: Client, cast: Cast) -> None:
    cast.cy.is_superuser = True
    cast.cy.save()
    client.force_login(cast.cy)
    answer = client.post("/projects/new/", {"name": "My Shop", "rules": "1"})
    assert answer["location"] == "/p/my-shop/settings/"
    made = Project.objects.get(slug="my-shop")
    assert made.name == "My Shop"
    assert made.rule_groups.exists()
    assert client.get("/p/my-shop/overview/").status_code == 200


@pytest.mark.parametrize(
    ("slug", "why"), [("shop", "already exists"), ("a b", "valid"), ("", "Latin letters")]
)
def test_a_project_that_can_not_be_is_refused_with_the_reason(
    client: Client, cast: Cast, slug: str, why: str
) -> None:
    cast.cy.is_superuser = True
    cast.cy.save()
    client.force_login(cast.cy)
    answer = client.post("/projects/new/", {"name": "商店", "slug": slug})
    assert answer.status_code == 400
    assert why in answer.content.decode()


def test_only_who_rules_the_installation_makes_projects(client: Client, cast: Cast) -> None:
    client.force_login(cast.ben)
    assert client.post("/projects/new/", {"name": "x"}).status_code == 403


def test_a_link_to_another_page_keeps_the_time(look: Look) -> None:
    assert "/p/shop/compare/?from=" in look("overview").content.decode()


def test_a_refresh_without_news_is_304(look: Look, world: object) -> None:
    page = look("generations").content.decode()
    known = ",".join(f"{name}={digest}" for name, digest in PART.findall(page))
    first = look("generations", headers={"x-vigil-parts": known})
    again = look("generations", headers={"x-vigil-parts": known, "if-none-match": first["etag"]})
    assert (first.status_code, len(first.content), again.status_code) == (200, 0, 304)


def test_a_refresh_brings_only_the_parts_that_changed(look: Look, world: object) -> None:
    page = look("overview").content.decode()
    known = ",".join(f"{name}={digest}" for name, digest in PART.findall(page) if name != "tiles")
    parts = PART.findall(look("overview", headers={"x-vigil-parts": known}).content.decode())
    assert [name for name, _ in parts] == ["tiles"]


def test_a_page_is_compressed(look: Look, world: object) -> None:
    answer = look("overview", headers={"accept-encoding": "gzip"})
    assert answer["content-encoding"] == "gzip"


@pytest.mark.parametrize("page", ["overview", "compare", "generations", "explore"])
def test_a_page_weighs_at_most_60_kb(look: Look, world: object, page: str) -> None:
    answer = look(page, headers={"accept-encoding": "gzip"}, expr="llm_requests_total")
    assert len(answer.content) < 60_000


def test_no_page_carries_an_inline_script(look: Look, world: object) -> None:
    scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))", look("overview").content.decode())
    assert scripts == []


def test_a_lost_page_is_friendly(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    answer = client.get("/p/shop/nothing/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_the_language_changes_with_one_click(client: Client, look: Look) -> None:
    client.post("/language/setlang/", {"language": "zh-hans", "next": "/"})
    assert 'lang="zh-hans"' in look("overview").content.decode()


def test_a_refresh_weighs_at_most_30_kb_even_when_everything_changed(look: Look, world: object) -> None:
    answer = look("compare", headers={"x-vigil-parts": "", "accept-encoding": "gzip"})
    assert 1000 < len(answer.content) < 30_000


def test_the_page_of_a_failure_needs_nothing_that_could_fail() -> None:
    assert "Something broke on our side" in render_to_string("500.html")


def test_a_form_without_its_token_is_refused_kindly(cast: Cast) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.ada)
    answer = strict.post("/p/shop/settings/", {"do": "create-key"})
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()
