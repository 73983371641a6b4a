"""A series store elsewhere: what the settings make of it, and which of its answers may be repeated."""

import base64
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest

from monitor.outside.metrics import AwayError, BadEndpointError, RefusedError, endpoint
from tests.fixtures.fix_outside import Outside

Start = Callable[[], Outside]


def test_credentials_become_a_header_and_leave_the_address() -> None:
    made = endpoint("https://tom:p%40ss@mimir.example/prometheus/", headers="X-Scope-OrgID=team%2Ca")
    assert made.read_url == "https://mimir.example/prometheus"
    assert made.write_url == "https://mimir.example/prometheus/api/v1/write"
    assert base64.b64decode(made.headers["authorization"].removeprefix("Basic ")) == b"tom:p@ss"
    assert made.headers["x-scope-orgid"] == "team,a"
    assert "p@ss" in made.secrets
    assert "p@ss" not in repr(made)


def test_writing_may_go_elsewhere() -> None:
    made = endpoint("http://query:9090", "http://receive:19291/api/v1/receive")
    assert (made.read_url, made.write_url) == ("http://query:9090", "http://receive:19291/api/v1/receive")


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"url": "mimir:9090"}, "METRICS_URL"),
        ({"url": "http://m/?tenant=1"}, "METRICS_URL"),
        ({"url": "http://m", "write_url": "ftp://m"}, "METRICS_WRITE_URL"),
        ({"url": "http://m", "headers": "X-Scope-OrgID: a"}, "METRICS_HEADERS"),
        ({"url": "http://m", "headers": "a=b%0Ac"}, "METRICS_HEADERS"),
        ({"url": "http://m", "label": "a-b"}, "METRICS_LABEL"),
        ({"url": "http://m", "label": "__name__"}, "METRICS_LABEL"),
        ({"url": "http://m", "histograms": "classic"}, "METRICS_HISTOGRAMS"),
    ],
)
def test_a_bad_value_is_refused_by_its_name(settings: dict[str, str], names: str) -> None:
    with pytest.raises(BadEndpointError, match=names):
        endpoint(**settings)


def test_a_question_carries_parameters_and_headers(outside: Start) -> None:
    store = outside()
    store.always(200, {"status": "success", "data": [1]})
    made = endpoint(store.url, headers="X-Scope-OrgID=a")
    assert made.ask("query", [("query", "up + 1"), ("timeout", "3s")], 3)["data"] == [1]
    made.ask("label/job/values", [("match[]", "up"), ("match[]", "down")], 3)
    first, second = store.received
    assert (first.method, first.path, parse_qs(first.body.decode())["query"]) == (
        "POST",
        "/api/v1/query",
        ["up + 1"],
    )
    assert (second.method, second.query) == ("GET", {"match[]": ["up", "down"]})
    assert {first.headers["x-scope-orgid"], second.headers["x-scope-orgid"]} == {"a"}


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 401, 403, 404, 302])
def test_data_waits_where_a_retry_may_help(outside: Start, status: int) -> None:
    store = outside()
    store.answer(status, b"not now", retry_after="7")
    with pytest.raises(AwayError, match=f"{status}: not now") as caught:
        endpoint(store.url).send(b"")
    assert caught.value.after == 7


def test_data_that_is_refused_is_refused_for_good(outside: Start) -> None:
    store = outside()
    store.answer(400, b"out of order sample")
    with pytest.raises(RefusedError, match="out of order"):
        endpoint(store.url).send(b"")


def test_nobody_there_is_away_and_no_secret_is_told() -> None:
    made = endpoint("http://tom:very-secret@127.0.0.1:9")
    with pytest.raises(AwayError) as caught:
        made.ask("query", [("query", "up")], 1)
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"status": "error", "errorType": "bad_data", "error": "what?"}, RefusedError),
        (422, {"status": "error", "errorType": "422", "error": "what?"}, RefusedError),
        (503, {"status": "error", "errorType": "timeout", "error": "what?"}, RefusedError),
        (503, {"status": "error", "errorType": "unavailable", "error": "what?"}, AwayError),
        (502, "what?", AwayError),
        (200, "<html>what?</html>", RefusedError),
    ],
)
def test_an_engine_that_can_not_answer_is_told_from_one_that_will_not(
    outside: Start, status: int, body: object, error: type[Exception]
) -> None:
    store = outside()
    store.answer(status, body)
    with pytest.raises(error, match=r"what\?"):
        endpoint(store.url).ask("query", [("query", "up")], 1)


def test_private_addresses_may_be_set_by_who_runs_the_machine(
    outside: Start, settings: pytest.FixtureRequest
) -> None:
    settings.VIGIL_ALLOW_PRIVATE_TARGETS = False  # type: ignore[attr-defined] # pytest-django's settings
    store = outside()
    endpoint(store.url).send(b"x")
    assert store.received[0].body == b"x"
