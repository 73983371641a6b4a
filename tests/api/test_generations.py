"""Calls listed over HTTP: filters, search, pages by key, one call whole, and what is refused."""

import datetime as dt
import json
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from monitor.core import clock
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation, ScoreRecord
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def said(cast: Cast) -> None:
    """Five calls, a minute apart, the newest first: c0 to c4."""
    now = clock.now()
    at = clock.to_ms(now)
    texts = ["Refund, please", "退货政策", "the refund policy", "hello", "refunds 100%"]
    made = [
        Generation(
            model="m" if n % 2 else "other", version=f"v{n % 2}", id=f"c{n}", started_ms=at - n * 60_000,
            duration_seconds=float(n), prompt=text, error="timeout" if n == 3 else None, topic="returns" if n < 2 else "",
        )
        for n, text in enumerate(texts)
    ]  # fmt: skip
    pipeline.take(cast.project.id, Batch(generations=made), now=now)
    marks = [ScoreRecord("c1", "rating", 4.0)]
    pipeline.take(cast.project.id, Batch(scores=marks, score_places=[0]), now=now)


def get(client: Client, cast: Cast, more: str = "", key: str = "", **given: str | float) -> Any:
    headers = {"authorization": f"Bearer {key or cast.query_key}"}
    return client.get(
        f"/api/v1/generations{more}", {name: str(one) for name, one in given.items()}, headers=headers
    )


def named(answer: Any) -> list[str]:
    return [one["id"] for one in answer.json()["data"]["generations"]]


@pytest.mark.parametrize(
    "given, expected",
    [
        ({}, ["c0", "c1", "c2", "c3", "c4"]),
        ({"q": "refund"}, ["c0", "c2", "c4"]),
        ({"q": "REFUND policy"}, ["c2"]),
        ({"q": '"refund policy"'}, ["c2"]),
        ({"q": "货政"}, ["c1"]),
        ({"q": "100%"}, ["c4"]),
        ({"q": "c3"}, ["c3"]),
        ({"q": "nothing of the kind"}, []),
        ({"q": "refund", "model": "other", "slower": "1"}, ["c2", "c4"]),
        ({"version": "v1"}, ["c1", "c3"]),
        ({"version": ""}, []),
        ({"errors": "1"}, ["c3"]),
        ({"error": "timeout"}, ["c3"]),
        ({"topic": "returns"}, ["c0", "c1"]),
    ],
    ids=str,
)
def test_filters_and_search(
    client: Client, cast: Cast, said: None, given: dict[str, str], expected: list[str]
) -> None:
    assert named(get(client, cast, **given)) == expected


@pytest.mark.parametrize("query", ["", "refund"])
def test_pages_follow_each_other_without_gap_or_repeat(
    client: Client, cast: Cast, said: None, query: str
) -> None:
    pages, before = list[list[str]](), ""
    while before is not None:
        answer = get(client, cast, q=query, limit=2, before=before)
        pages.append(named(answer))
        before = answer.json()["data"]["next"]
    whole = named(get(client, cast, q=query))
    assert [len(page) for page in pages] == ([2, 2, 1] if len(whole) == 5 else [2, 1])
    assert [one for page in pages for one in page] == whole


def test_a_call_is_told_by_the_names_it_was_sent_under(client: Client, cast: Cast, said: None) -> None:
    (one,) = get(client, cast, q="c1").json()["data"]["generations"]
    assert {name: one[name] for name in ("id", "model", "version", "duration_seconds", "prompt", "error")} == {
        "id": "c1", "model": "m", "version": "v1", "duration_seconds": 1.0, "prompt": "退货政策", "error": None,
    }  # fmt: skip
    whole = get(client, cast, f"/{one['generation']}").json()["data"]
    assert (whole["id"], whole["prompt"], whole["scores"][0]["value"]) == ("c1", "退货政策", 4.0)


def test_what_is_older_than_a_day_is_listed_when_asked_for(client: Client, cast: Cast) -> None:
    now = clock.now()
    then = now - dt.timedelta(days=3)
    made = Batch(generations=[Generation(model="m", id="old", started_ms=clock.to_ms(then))])
    pipeline.take(cast.project.id, made, now=now)
    assert named(get(client, cast)) == []
    start = (then - dt.timedelta(hours=1)).isoformat()
    assert named(get(client, cast, start=start)) == ["old"]
    assert named(get(client, cast, start=start, end=clock.to_ms(then) / 1000 - 60)) == []


@pytest.mark.parametrize(
    "given, says",
    [
        ({"limit": "501"}, "at most 500"),
        ({"limit": "many"}, "whole number"),
        ({"before": "x"}, '"before"'),
        ({"slower": "inf"}, '"slower"'),
        ({"start": "soon"}, '"start"'),
        ({"start": "10", "end": "5"}, '"end"'),
        ({"modle": "m"}, 'invalid parameter "modle"'),
    ],
    ids=str,
)
def test_what_cannot_be_read_is_named(client: Client, cast: Cast, given: dict[str, str], says: str) -> None:
    answer = get(client, cast, **given)
    assert (answer.status_code, says in answer.json()["error"]) == (400, True)


def test_strangers_see_nothing(client: Client, cast: Cast, said: None) -> None:
    assert named(get(client, cast, key=cast.other_key)) == []
    (one,) = get(client, cast, q="c1").json()["data"]["generations"]
    assert get(client, cast, f"/{one['generation']}", key=cast.other_key).status_code == 404
    assert get(client, cast, f"/{uuid4()}").status_code == 404
    assert client.get("/api/v1/generations").status_code == 401


def test_posting_needs_a_key_that_may_send(client: Client, cast: Cast) -> None:
    body = json.dumps({"generations": [{"model": "m"}]})
    for key, status in ((cast.query_key, 403), (cast.key, 200)):
        answer = client.post(
            "/api/v1/generations", body, content_type="application/json",
            headers={"authorization": f"Bearer {key}"},
        )  # fmt: skip
        assert answer.status_code == status
    assert (
        client.delete("/api/v1/generations", headers={"authorization": f"Bearer {cast.key}"}).status_code
        == 405
    )
