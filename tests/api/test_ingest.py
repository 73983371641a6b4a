"""The ingest door: what is taken, what is refused, and that both are said."""

import datetime as dt
import gzip
import json
import zlib
from typing import Any

import cramjam
import pytest
from django.conf import settings
from django.db import connection
from django.db.utils import InterfaceError, OperationalError, ProgrammingError
from django.test import Client

from monitor import meters
from monitor.core import clock
from monitor.ingest import keys
from monitor.ingest.models import ApiKey
from tests.fixtures.fix_cast import Cast
from tests.fixtures.remote_write import series, version_1

pytestmark = pytest.mark.django_db


def call(**more: Any) -> dict[str, Any]:
    return {
        "model": "qwen",
        "version": "v1",
        "duration_seconds": 1.5,
        "ttft_seconds": 0.2,
        "output_tokens": 14,
        **more,
    }


def post(client: Client, cast: Cast, content: Any, path: str = "generations", **headers: str) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    kind = headers.pop("kind", "application/json")
    return client.post(
        f"/api/v1/{path}", body, content_type=kind, headers={"authorization": f"Bearer {cast.key}", **headers}
    )


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM monitor_generation")
        return int(cursor.fetchone()[0])


def test_a_generation_is_stored_and_counted(client: Client, cast: Cast) -> None:
    answer = post(client, cast, {"generations": [call(id="a", prompt="hi", output="yes")]})
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "duplicates": 0, "rejected": []})
    assert stored() == 1


def test_the_same_id_again_is_a_duplicate_even_at_another_time(client: Client, cast: Cast) -> None:
    earlier = clock.now() - dt.timedelta(hours=3)
    post(client, cast, {"generations": [call(id="a")]})
    answer = post(client, cast, {"generations": [call(id="a", started_at=earlier.isoformat()), call(id="a")]})
    assert answer.json() == {"accepted": 0, "duplicates": 2, "rejected": []}
    assert stored() == 1


def test_ndjson_and_gzip_are_read(client: Client, cast: Cast) -> None:
    lines = b"\n".join(json.dumps(call(id=str(i))).encode() for i in range(3)) + b"\n"
    answer = post(
        client, cast, gzip.compress(lines), kind="application/x-ndjson", **{"content-encoding": "gzip"}
    )
    assert answer.json()["accepted"] == 3


def test_zstd_is_read(client: Client, cast: Cast) -> None:
    body = bytes(cramjam.zstd.compress(json.dumps({"generations": [call()]}).encode()))
    assert post(client, cast, body, **{"content-encoding": "zstd"}).json()["accepted"] == 1


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (call(duration_seconds=-1), "duration_seconds"),
        (call(duration_seconds=float("nan")), "duration_seconds"),
        (call(cost_usd=float("inf")), "cost_usd"),
        (call(started_at=0), "started_at"),
        (call(started_at="2100-01-01T00:00:00Z"), "started_at"),
        (call(started_at="2026-11-18T12:00:00"), "started_at"),
        (call(output_tokens=1.5), "output_tokens"),
        (call(model=""), "model"),
        ({"version": "v1"}, ""),
        ("text", ""),
    ],
)
def test_a_bad_record_is_named_and_loses_no_neighbour(
    client: Client, cast: Cast, bad: Any, field: str
) -> None:
    answer = post(client, cast, {"generations": [call(id="a"), bad, call(id="b")]}).json()
    assert answer["accepted"] == 2
    assert [(one["index"], one["field"]) for one in answer["rejected"]] == [(1, field)]


def test_when_nothing_could_be_read_it_is_a_400(client: Client, cast: Cast) -> None:
    answer = post(client, cast, {"generations": [call(duration_seconds=-1)]})
    assert answer.status_code == 400
    assert "duration_seconds" in answer.json()["error"]


@pytest.mark.parametrize("body", [b"not json", b"\xff\xfe", b"[1,2]", b'{"other":[]}', b"[" * 100_000, b""])
def test_a_body_that_is_no_batch_is_a_400(client: Client, cast: Cast, body: bytes) -> None:
    answer = post(client, cast, body)
    assert answer.status_code == 400
    assert answer.json()["errorType"] == "bad_data"


def test_too_large_says_the_limit(client: Client, cast: Cast) -> None:
    answer = post(client, cast, b" " * (settings.VIGIL_MAX_BODY_BYTES + 1))
    assert answer.status_code == 413
    assert str(settings.VIGIL_MAX_BODY_BYTES) in answer.json()["error"]


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
def test_a_bomb_costs_no_more_than_the_limit(client: Client, cast: Cast, encoding: str) -> None:
    zeros = b"0" * (settings.VIGIL_MAX_BODY_BYTES + 10_000)
    pack = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "zstd": lambda b: bytes(cramjam.zstd.compress(b)),
    }
    answer = post(client, cast, pack[encoding](zeros), **{"content-encoding": encoding})
    assert answer.status_code == 413


def test_a_body_of_very_many_members_is_refused_before_they_are_all_looked_at(
    client: Client, cast: Cast
) -> None:
    # with what follows each of them copied each time this took minutes
    many = gzip.compress(b"") * 500_000
    answer = post(client, cast, many, **{"content-encoding": "gzip"})
    assert answer.status_code == 400
    assert "members" in answer.json()["error"]


def test_surrogates_and_nul_are_stored_as_text_can_be(client: Client, cast: Cast) -> None:
    body = b'{"generations":[{"model":"m","prompt":"a\\u0000b \\ud800 c","id":"x\\u0000"}]}'
    answer = post(client, cast, body)
    assert answer.status_code in {200, 400}
    ok = post(client, cast, b'{"generations":[{"model":"m\\u0000","prompt":"a\\u0000b"}]}')
    assert ok.json()["accepted"] == 1


def test_personal_data_never_reaches_the_table(client: Client, cast: Cast) -> None:
    post(
        client,
        cast,
        {
            "generations": [
                call(
                    prompt="mail ada@example.com or 13812345678",
                    output=[
                        {"role": "assistant", "content": "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"}
                    ],
                )
            ]
        },
    )
    with connection.cursor() as cursor:
        cursor.execute("SELECT prompt, output, detail::text FROM monitor_payload")
        text = " ".join(cursor.fetchone())
    assert "ada@" not in text
    assert "13812345678" not in text
    assert "sk-proj" not in text
    assert "‹email:1›" in text


def test_points_become_series(client: Client, cast: Cast) -> None:
    points = [
        {"name": "queue", "labels": {'we"ird': "x"}, "value": 3},
        {"name": "queue", "value": float("nan")},
    ]
    answer = post(client, cast, {"points": points}, path="points").json()
    assert (answer["accepted"], answer["rejected"][0]["index"]) == (1, 1)


def test_ten_thousand_labels_are_refused(client: Client, cast: Cast) -> None:
    many = {f"l{i}": "x" for i in range(10_000)}
    answer = post(client, cast, {"points": [{"name": "q", "labels": many, "value": 1}]}, path="points")
    assert answer.status_code == 400
    assert "labels" in answer.json()["error"]


def test_scores_find_their_generation(client: Client, cast: Cast) -> None:
    post(client, cast, {"generations": [call(id="a")]})
    scores = [
        {"generation_id": "a", "name": "helpful", "value": 4},
        {"generation_id": "b", "name": "helpful", "value": 4},
    ]
    answer = post(client, cast, {"scores": scores}, path="scores").json()
    assert (answer["accepted"], answer["rejected"][0]["field"]) == (1, "generation_id")
    again = post(client, cast, {"scores": scores[:1]}, path="scores").json()
    assert (again["accepted"], again["duplicates"]) == (0, 1)


@pytest.mark.parametrize(("key", "status"), [("", 401), ("wrong", 401), ("query_key", 403)])
def test_a_key_without_the_scope_is_refused(client: Client, cast: Cast, key: str, status: int) -> None:
    text = getattr(cast, key, key)
    headers = {"authorization": f"Bearer {text}"} if text else {}
    answer = client.post("/api/v1/generations", b"{}", content_type="application/json", headers=headers)
    assert answer.status_code == status
    assert answer.json()["status"] == "error"


def test_projects_do_not_share_ids(client: Client, cast: Cast) -> None:
    post(client, cast, {"generations": [call(id="a")]})
    headers = {"authorization": f"Bearer {cast.other_key}"}
    answer = client.post(
        "/api/v1/generations",
        json.dumps({"generations": [call(id="a")]}),
        content_type="application/json",
        headers=headers,
    )
    assert answer.json()["accepted"] == 1


def test_another_value_for_a_stored_time_is_refused_and_counted(client: Client, cast: Cast) -> None:
    at = clock.to_ms(clock.now())

    def send(*samples: tuple[int, float]) -> Any:
        body = version_1([series({"__name__": "x"}, *samples)])
        return post(client, cast, body, "write", kind="application/x-protobuf", content_encoding="snappy")

    before = meters.refused.labels("duplicate")._value.get()
    assert send((at, 1.0)).status_code == 204
    assert send((at, 1.0)).status_code == 204
    answer = send((at, 2.0), (at + 1, 3.0))
    assert answer.status_code == 400
    assert "duplicate sample for timestamp" in answer.json()["error"]
    assert "1 samples stored" in answer.json()["error"]
    assert meters.refused.labels("duplicate")._value.get() == before + 1


@pytest.mark.usefixtures("own_cache")
def test_beyond_its_limit_a_key_is_told_when_to_come_again(client: Client, cast: Cast) -> None:
    ApiKey.objects.filter(digest=keys.digest(cast.key)).update(per_minute=1)
    # three, because the minute may turn between two
    answers = [client.get("/api/v1/labels", headers=cast.bearer) for _ in range(3)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert all(1 <= int(answer["Retry-After"]) <= 60 for answer in refused)


@pytest.mark.parametrize("broken", [OperationalError, ProgrammingError, InterfaceError, keys.GoneError])
def test_a_database_that_cannot_tell_a_key_is_no_refusal(
    client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch, broken: type[Exception]
) -> None:
    def find(*_: object, **__: object) -> None:
        raise broken

    monkeypatch.setattr(keys, "find", find)
    answer = post(client, cast, {"generations": [call()]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_revoked_key_is_told_so(client: Client, cast: Cast) -> None:
    ApiKey.objects.filter(digest=keys.digest(cast.key)).update(revoked_at=clock.now())
    keys.forget()
    answer = post(client, cast, {"generations": [call()]})
    assert answer.status_code == 401
    assert "was revoked on" in answer.json()["error"]
