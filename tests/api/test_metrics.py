"""Vigil's own numbers: for a key, or on loopback; never for a stranger behind a proxy."""

import urllib.request

import pytest
from django.test import Client

from monitor import meters
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_product import free_port

pytestmark = pytest.mark.django_db


def test_a_stored_record_is_counted(client: Client, cast: Cast) -> None:
    client.post("/api/v1/generations", '{"model":"m"}', content_type="application/json", headers=cast.bearer)
    text = client.get("/metrics").content.decode()
    assert 'vigil_ingest_records_total{outcome="stored",protocol="native"}' in text
    assert "vigil_sample_batches 1" in text


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("10.1.2.3", {}, 401),
        ("127.0.0.1", {"x-forwarded-for": "10.1.2.3"}, 401),
        ("10.1.2.3", {"authorization": "Bearer wrong"}, 401),
    ],
)
def test_who_may_read_them(
    client: Client, cast: Cast, address: str, headers: dict[str, str], status: int
) -> None:
    assert client.get("/metrics", headers=headers, REMOTE_ADDR=address).status_code == status


def test_a_key_opens_them_from_anywhere(client: Client, cast: Cast) -> None:
    assert client.get("/metrics", headers=cast.bearer, REMOTE_ADDR="10.1.2.3").status_code == 200


def test_a_worker_tells_its_numbers_on_a_port_of_its_own() -> None:
    meters.serve("127.0.0.1", port := free_port())
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30) as answer:
        assert b"# TYPE vigil_task_failures_total counter" in answer.read()
