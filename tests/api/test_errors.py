"""A failure of ours, and of what we stand on: in the shape that the asker reads, and naming who is away."""

import pytest
from django.db.utils import OperationalError
from django.test import Client, RequestFactory
from pytest_django import Settings

from monitor.api import errors
from monitor.people import read as people
from tests.fixtures.fix_cast import Cast


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/v1/query", "application/json"), ("/p/shop/overview/", "text/html")]
)
def test_a_failure_of_ours_answers_programs_in_their_shape(path: str, kind: str) -> None:
    answer = errors.broken(RequestFactory().get(path))
    assert answer.status_code == 500
    assert answer["Content-Type"].startswith(kind)


def test_without_the_database_a_page_says_so(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        message = "connection failed: Connection refused"
        raise OperationalError(message)

    client.force_login(cast.ada)
    client.raise_request_exception = False
    monkeypatch.setattr(people, "place", gone)
    answer = client.get("/p/shop/overview/")
    assert (answer.status_code, answer["Retry-After"]) == (503, "5")
    assert "PostgreSQL is not running" in answer.content.decode()


def test_without_the_caches_a_sign_in_says_so(client: Client, cast: Cast, settings: Settings) -> None:
    held = settings.CACHES["default"]
    settings.CACHES = {"default": {**held, "LOCATION": "unix:///nowhere.sock"}}
    client.raise_request_exception = False
    answer = client.post("/login/", {"username": "ada", "password": "ada-ada-ada"})
    assert answer.status_code == 503
    assert "Valkey" in answer.content.decode()
    settings.CACHES = {"default": held}
    assert client.post("/login/", {"username": "ada", "password": "ada-ada-ada"}).status_code == 302
