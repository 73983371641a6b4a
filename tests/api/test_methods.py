"""Every path of programs says which methods it takes, and HEAD is a GET without its body."""

import pytest
from django.test import Client

from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
READ = ("/api/v1/rules", "/api/v1/alerts", "/api/v1/targets", "/api/v1/releases/1", "/api/v2/status")
BOTH = ("/api/v1/query", "/api/v1/labels", "/api/v1/status/buildinfo", "/api/v1/generations", "/federate")
WRITE = ("/api/v1/write", "/v1/traces", "/api/v1/deploys")
TAKEN = {
    **dict.fromkeys(READ, "GET, HEAD, OPTIONS"),
    **dict.fromkeys(BOTH, "GET, POST, HEAD, OPTIONS"),
    **dict.fromkeys(WRITE, "POST, OPTIONS"),
}


@pytest.mark.parametrize(("path", "allowed"), TAKEN.items())
def test_options_are_told_to_everybody(client: Client, path: str, allowed: str) -> None:
    answer = client.options(path)
    assert (answer.status_code, answer.content, answer["Allow"]) == (204, b"", allowed)


@pytest.mark.parametrize(("path", "allowed"), TAKEN.items())
def test_another_method_is_refused_with_those_that_are_taken(
    client: Client, cast: Cast, path: str, allowed: str
) -> None:
    answer = client.patch(path, headers=cast.bearer)
    assert (answer.status_code, answer["Allow"]) == (405, allowed)


@pytest.mark.parametrize("path", ["/api/v1/rules", "/api/v1/status/buildinfo", "/api/v2/receivers"])
def test_head_is_answered_like_get(client: Client, cast: Cast, path: str) -> None:
    whole, head = client.get(path, headers=cast.bearer), client.head(path, headers=cast.bearer)
    assert (head.status_code, head["Content-Type"], head.content) == (200, whole["Content-Type"], b"")


def test_head_wants_a_key_too(client: Client) -> None:
    assert client.head("/api/v1/rules").status_code == 401


@pytest.mark.parametrize("path", WRITE)
def test_who_only_takes_records_has_no_head(client: Client, cast: Cast, path: str) -> None:
    assert client.head(path, headers=cast.bearer).status_code == 405


def test_no_other_origin_is_let_in(client: Client) -> None:
    answer = client.options(
        "/api/v1/query", headers={"origin": "https://else.example", "access-control-request-method": "GET"}
    )
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
