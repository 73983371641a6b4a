"""Many at once, against real processes: the same calls from many sides are stored once; too much is sent away."""

import contextlib
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from monitor.core import clock
from tests.fixtures.fix_product import Product

pytestmark = pytest.mark.processes
SIDES, BATCHES, SIZE = 6, 12, 10
LARGE = 15_000_000
STALLED, HURRIED = 6, 8
# what a web process may grow by: two bodies of the largest size, and what is made of them
MOST_GROWTH = 160_000_000


def calls(number: int, minutes: int) -> dict[str, Any]:
    """A batch whose calls lie in several minutes of the last hour, the latest first."""
    now = int(clock.now().timestamp()) // 60 * 60
    return {
        "generations": [
            {"id": f"{number}-{i}", "model": "m", "started_at": now - 60 * ((number + i) % minutes) + 25}
            for i in range(SIZE)
        ]
    }


def test_the_same_batches_from_many_sides_are_stored_once_in_their_own_minutes(product: Product) -> None:
    batches = [calls(number, 30) for number in range(BATCHES)]
    gate = threading.Barrier(SIDES)

    def send(side: int) -> int:
        gate.wait(30)
        order = batches if side % 2 else batches[::-1]
        return sum(int(product.ask("/api/v1/generations", one)["accepted"]) for one in order)

    with ThreadPoolExecutor(SIDES) as pool:
        assert sum(pool.map(send, range(SIDES))) == BATCHES * SIZE
    verdict = product.manage("verify", "--project", product.project)
    assert "all agree" in verdict
    sent, new = SIDES * BATCHES * SIZE, BATCHES * SIZE
    assert f"{sent} items sent = {new} stored, {sent - new} duplicate, 0 dropped" in verdict
    assert minutes_asked(product, batches) == minutes_sent(batches)


def minutes_sent(batches: list[dict[str, Any]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for batch in batches:
        for call in batch["generations"]:
            found[call["started_at"] // 60] = found.get(call["started_at"] // 60, 0) + 1
    return found


def minutes_asked(product: Product, batches: list[dict[str, Any]]) -> dict[int, int]:
    """Calls per minute, as the derived counter tells it."""
    moments = [call["started_at"] for batch in batches for call in batch["generations"]]
    first, last = min(moments) // 60 * 60, max(moments) // 60 * 60 + 60
    answer = product.ask(
        f"/api/v1/query_range?query=sum(llm_requests_total)&start={first}&end={last}&step=60"
    )
    values = {int(at): float(value) for at, value in answer["data"]["result"][0]["values"]}
    return {
        at // 60 - 1: round(values[at] - values.get(at - 60, 0.0))
        for at in values
        if values[at] > values.get(at - 60, 0.0)
    }


class Large:
    """One connection with a large body, sent in two parts."""

    def __init__(self, product: Product, name: str) -> None:
        place = urlsplit(product.url)
        self.socket = socket.create_connection((place.hostname or "", place.port or 0), timeout=60)
        content = json.dumps({"generations": [{"id": name, "model": "m"}]}).encode()
        self.body = content + b" " * (LARGE - len(content))
        head = (
            f"POST /api/v1/generations HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {product.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {LARGE}\r\nConnection: close\r\n\r\n"
        )
        self.socket.sendall(head.encode() + self.body[:1000])

    def finish(self) -> tuple[int, bool]:
        """Send the rest; status and whether the answer says when to come again."""
        # sent away before all of it was read: the answer is there all the same
        with contextlib.suppress(OSError):
            self.socket.sendall(self.body[1000:])
        answer = b""
        while b"\r\n\r\n" not in answer and (more := self.socket.recv(65_536)):
            answer += more
        self.socket.close()
        return int(answer[9:12]), b"\r\nretry-after:" in answer.lower()


def most_resident(pid: int) -> int:
    """Bytes that the process held at its largest so far."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_too_much_at_once_is_sent_away_and_what_was_acknowledged_is_there(product: Product) -> None:
    product.ask("/api/v1/generations", {"generations": [{"id": "first", "model": "m"}]})
    workers = product.pids("granian")
    before = {pid: most_resident(pid) for pid in workers}
    stalled = [Large(product, f"stalled-{i}") for i in range(STALLED)]
    with ThreadPoolExecutor(HURRIED) as pool:
        answers = list(pool.map(lambda i: Large(product, f"hurried-{i}").finish(), range(HURRIED)))
    with ThreadPoolExecutor(STALLED) as pool:
        answers += pool.map(Large.finish, stalled)
    growth = max(most_resident(pid) - before[pid] for pid in workers)
    assert {status for status, _ in answers} == {200, 503}
    assert all(again for status, again in answers if status == 503)
    assert growth < MOST_GROWTH, f"a web process grew by {growth / 1e6:.0f} MB"
    taken = sum(status == 200 for status, _ in answers)
    found = product.ask("/api/v1/query?query=sum(llm_requests_total)")["data"]["result"][0]["value"][1]
    assert float(found) == 1 + taken
    print(f"{len(answers)} large bodies: {taken} taken, grew by {growth / 1e6:.0f} MB")  # noqa: T201 — a bound to read
