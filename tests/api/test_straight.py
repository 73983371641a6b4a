"""Programs pass Django's handler by, pages and strangers don't, and both are answered alike."""

import io
from collections.abc import Iterable
from typing import Any

import pytest
from django.test import Client

from monitor.api import straight
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
PATH = "/api/v1/status/buildinfo"


def asked(path: str, **more: str) -> tuple[str, dict[str, str], bytes]:
    """Status, headers and body that the server would get."""
    said: list[tuple[str, dict[str, str]]] = []

    def start(status: str, headers: list[tuple[str, str]], *_: Any) -> Any:
        said.append((status, dict(headers)))

    def onwards(_environ: dict[str, Any], respond: Any) -> Iterable[bytes]:
        respond("200 OK", [])
        return [b"onwards"]

    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "wsgi.input": io.BytesIO(), **more}
    body = b"".join(straight.door(onwards)(environ, start))
    return *said[0], body


def test_a_key_is_answered_as_through_the_handler(client: Client, cast: Cast) -> None:
    status, headers, body = asked(PATH, HTTP_AUTHORIZATION=f"Bearer {cast.key}")
    usual = client.get(PATH, headers=cast.bearer)
    assert (status, body) == ("200 OK", usual.content)
    assert headers["Content-Length"] == usual.headers["Content-Length"]


def test_a_wrong_key_is_refused() -> None:
    assert asked(PATH, HTTP_AUTHORIZATION="Bearer nobody's")[0] == "401 Unauthorized"


@pytest.mark.parametrize("path", ["/p/shop/", "/api/v1/label/größe/values"])
def test_what_is_no_door_of_programs_goes_on(path: str) -> None:
    assert asked(path, HTTP_AUTHORIZATION="Bearer x")[2] == b"onwards"


def test_who_brings_no_key_goes_on() -> None:
    assert asked(PATH)[2] == b"onwards"


def test_what_breaks_is_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_request: Any) -> Any:
        raise RuntimeError

    monkeypatch.setitem(straight.VIEWS, PATH, straight._guarded(broken))
    assert asked(PATH, HTTP_AUTHORIZATION="Bearer x")[0].startswith("500")
