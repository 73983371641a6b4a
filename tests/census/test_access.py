"""Every address x every role x a foreign project: nobody gets what his role does not allow, and nothing falls over.

The addresses come from the product itself, so a new one is walked by existing.
"""

import re
from collections.abc import Iterable, Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from dashboards.pages import PAGES
from dashboards.pages.base import Page
from monitor.api import openapi
from monitor.ingest import keys
from monitor.ingest.models import SCOPES
from monitor.store.models import Membership, Role
from tests.fixtures.fix_cast import Cast

RANK = [Role.VIEWER, Role.LABELLER, Role.EDITOR, Role.ADMIN]
SAMPLES = {
    "slug": "shop",
    "int": "1",
    "str": "x",
    "path": "x",
    "uuid": "0190163d-8694-739b-aea5-966c26f8ad91",
}
# what anybody may open without being known: the login itself, static files, the manual, is it alive
OPEN = re.compile(
    r"^(login/|logout/|account/|language/|assets/|docs/|healthz|readyz|-/healthy|-/ready|admin/login/|admin/logout/)"
)
# they check the key themselves and are walked with keys below
API = re.compile(r"^(api/|v1/|metrics|federate)")
ACTS = [(name, act) for name in PAGES for act in PAGES[name].acts]


def addresses(patterns: Iterable[URLPattern | URLResolver], before: str = "") -> Iterator[str]:
    for one in patterns:
        here = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from addresses(one.url_patterns, here)
        elif "(" not in here and "^" not in here and "\\" not in here:
            yield re.sub(
                r"<(?:(\w+):)?(\w+)>", lambda found: SAMPLES.get(found[2]) or SAMPLES[found[1] or "str"], here
            )


ALL = sorted(set(addresses(get_resolver().url_patterns)))
PROJECT = [one for one in ALL if one.startswith("p/")]
CLOSED = [one for one in ALL if not OPEN.match(one) and not API.match(one)]


def member(cast: Cast, role: Role) -> User:
    Membership.objects.filter(user=cast.ben).update(role=role)
    return cast.ben


def test_the_walk_finds_the_pages() -> None:
    assert {f"p/shop/{name}/" for name in PAGES} <= set(PROJECT)
    assert "api/v1/query" in ALL


def test_a_stranger_without_a_name_is_sent_to_the_login(client: Client, cast: Cast) -> None:
    answers = {one: client.get(f"/{one}") for one in CLOSED}
    let_in = {
        one: answer.status_code for one, answer in answers.items() if answer.status_code not in {302, 404}
    }
    assert let_in == {}
    sent = {one: answer["Location"] for one, answer in answers.items() if answer.status_code == 302}
    assert {one: place for one, place in sent.items() if "/login/" not in place} == {}


def test_a_member_of_another_project_is_told_that_this_one_does_not_exist(client: Client, cast: Cast) -> None:
    client.force_login(cast.cy)
    assert {one: client.get(f"/{one}").status_code for one in PROJECT} == dict.fromkeys(PROJECT, 404)
    assert {one: client.post(f"/{one}").status_code for one in PROJECT} == dict.fromkeys(PROJECT, 404)


@pytest.mark.parametrize("role", RANK)
def test_every_page_opens_or_says_why_not_for_every_role(client: Client, cast: Cast, role: Role) -> None:
    client.force_login(member(cast, role))
    statuses = {one: client.get(f"/{one}").status_code for one in PROJECT}
    assert {one: status for one, status in statuses.items() if status not in {200, 302, 403, 404}} == {}


@pytest.mark.parametrize(("name", "act"), ACTS)
def test_a_form_is_refused_below_its_role(client: Client, cast: Cast, name: str, act: str) -> None:
    least = RANK.index(Role(PAGES[name].acts[act]))
    for role in RANK[:least]:
        client.force_login(member(cast, role))
        assert client.post(f"/p/shop/{name}/", {"do": act}).status_code == 403, role


def test_a_page_with_forms_names_them_all() -> None:
    answering = {name for name in PAGES if type(PAGES[name]).act is not Page.act}
    assert {name for name in PAGES if PAGES[name].acts} == answering


def test_a_form_that_a_page_does_not_have_is_refused(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    assert {client.post(f"/p/shop/{name}/", {"do": "no-such"}).status_code for name in PAGES} == {400}


@pytest.mark.parametrize("role", RANK)
def test_the_admin_is_for_staff_only(client: Client, cast: Cast, role: Role) -> None:
    client.force_login(member(cast, role))
    inside = [one for one in ALL if one.startswith("admin/") and not OPEN.match(one)]
    statuses = {one: client.get(f"/{one}").status_code for one in inside}
    assert {one: status for one, status in statuses.items() if status not in {302, 404}} == {}


@pytest.mark.parametrize("text", ["", "vgl_nobody"])
@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_no_api_answers_without_a_key_that_is_known(
    client: Client, cast: Cast, method: str, text: str
) -> None:
    headers = {"authorization": f"Bearer {text}"} if text else {}
    doors = [one for one in ALL if API.match(one) and one not in {"metrics", "api/docs"}]
    statuses = {one: getattr(client, method)(f"/{one}", headers=headers).status_code for one in doors}
    assert {one: status for one, status in statuses.items() if status not in {401, 404, 405}} == {}


# whoever may decide on releases may also tell of a deploy
ALSO = {("/api/v1/deploys", "manage")}


@pytest.mark.parametrize("scope", SCOPES)
def test_an_api_takes_a_key_with_its_scope_and_no_other(client: Client, cast: Cast, scope: str) -> None:
    """The description at ``/api/docs`` says which scope that is, and names every address (see its own test)."""
    key = keys.create(cast.project, "one", [scope], now=cast.project.created_at)
    wrong = []
    for one in openapi.OPERATIONS:
        where = re.sub(
            r"{(\w+)}",
            lambda found: {"kind": "hold", "generation": SAMPLES["uuid"]}.get(found[1], "1"),
            one.path,
        )
        answer = getattr(client, one.method)(where, headers={"authorization": f"Bearer {key}"})
        refused = answer.status_code == 403 and b"lacks the scope" in answer.content
        if refused == (scope == one.scope or (one.path, scope) in ALSO):
            wrong.append((one.method, one.path, answer.status_code))
    assert wrong == []


def test_a_session_may_ask_and_never_change(client: Client, cast: Cast) -> None:
    """A person's cookie travels with any form of any page: nothing that changes anything may take it."""
    client.force_login(cast.ada)
    took = {
        (one.method, one.path)
        for one in openapi.OPERATIONS
        if one.scope != "query"
        and getattr(client, one.method)(re.sub(r"{\w+}", "1", one.path)).status_code != 401
    }
    assert took == set()
