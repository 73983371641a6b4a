"""Doors whose behaviour only a real server shows."""

import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.fixtures.fix_product import Product, command_of, start

if TYPE_CHECKING:
    import psycopg

pytestmark = pytest.mark.processes


def test_a_chunked_body_is_read_and_limited(product: Product) -> None:
    host = product.url.removeprefix("http://")
    headers = {"authorization": f"Bearer {product.key}", "content-type": "application/json"}
    for parts, status in [([b'{"generations":[', b'{"model":"m"}]}'], 200), ([b" " * 1_000_000] * 21, 413)]:
        connection = http.client.HTTPConnection(host, timeout=30)
        connection.request("POST", "/api/v1/generations", iter(parts), headers, encode_chunked=True)
        answer = connection.getresponse()
        assert answer.status == status, answer.read()
        assert json.loads(answer.read() or b"{}") is not None
        connection.close()


def test_forms_that_never_end_keep_nobody_else_out(product: Product) -> None:
    host, port = product.url.removeprefix("http://").split(":")
    begun = []
    for _ in range(48):
        one = socket.create_connection((host, int(port)), timeout=20)
        one.sendall(
            b"POST /login/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\nusername=ada"
        )
        begun.append(one)
    for path in ("/login/", "/healthz", "/docs/") * 4:
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        connection.request("GET", path)
        assert connection.getresponse().status == 200
        connection.close()
    for one in begun:
        one.close()


def test_a_second_start_on_the_same_folder_is_refused_with_a_reason(product: Product) -> None:
    with pytest.raises(pytest.fail.Exception, match="did not start"):
        start(product.data, 1)
    assert "manage.py up" in command_of(product.process.pid)


def test_metrics_count_what_all_processes_took(product: Product) -> None:
    before = taken(product)
    for number in range(6):
        product.ask("/api/v1/generations", {"generations": [{"id": str(number), "model": "m"}]})
    assert taken(product) == before + 6


def test_a_question_ends_in_the_database_when_its_client_hangs_up(product: Product) -> None:
    product.ask("/api/v1/query?query=1")
    host, port = product.url.removeprefix("http://").split(":")
    with product.database() as holder, product.database() as witness, holder.transaction():
        holder.execute("LOCK TABLE monitor_series IN ACCESS EXCLUSIVE MODE")
        client = socket.create_connection((host, int(port)), timeout=20)
        client.sendall(
            f"GET /api/v1/query?query=up HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {product.key}\r\n\r\n".encode()
        )
        asking = until(lambda: waiting(witness))
        client.close()
        # long before its own time is up
        until(lambda: asking - waiting(witness))


def waiting(witness: "psycopg.Connection[Any]") -> set[int]:
    """The backends that are asked for series and wait for a lock."""
    found = witness.execute(
        "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%monitor_changes%'"
    )
    return {row[0] for row in found}


def until(look: Callable[[], set[int]], patience: float = 12.0) -> set[int]:
    """What is seen as soon as something is."""
    deadline = time.monotonic() + patience
    while not (seen := look()):
        assert time.monotonic() < deadline, "nothing was seen in time"
        time.sleep(0.05)
    return seen


def taken(product: Product) -> float:
    connection = http.client.HTTPConnection(product.url.removeprefix("http://"), timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    name = 'vigil_ingest_records_total{outcome="stored",protocol="native"} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))
