"""Processes are killed while services push: what was sent is stored, once, and the series agree."""

import os
import re
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.fix_product import Product, descendants, start

pytestmark = pytest.mark.processes
BATCHES, SIZE, SENDERS = 60, 20, 3
# records without a model in every batch: refused, and counted
BAD = 2


def batch(sender: int, number: int) -> dict[str, Any]:
    return {
        "generations": [
            {
                "id": f"{sender}-{number}-{i}",
                "model": "m",
                "version": f"v{i % 2}",
                "duration_seconds": 0.5,
                "prompt": "hello",
            }
            for i in range(SIZE)
        ]
        + [{"id": f"bad-{sender}-{number}-{i}"} for i in range(BAD)]
    }


def send_all(product: Product, sender: int) -> None:
    for number in range(BATCHES):
        product.ask("/api/v1/generations", batch(sender, number), patience=90)


def stored(product: Product) -> float:
    answer = product.ask("/api/v1/query?query=sum(llm_requests_total)")
    return float(answer["data"]["result"][0]["value"][1])


@pytest.mark.parametrize("victim", ["granian", "celery", "bin/postgres"])
def test_a_kill_during_ingest_loses_and_doubles_nothing(product: Product, victim: str) -> None:
    senders = [threading.Thread(target=send_all, args=(product, i)) for i in range(SENDERS)]
    for sender in senders:
        sender.start()
    for _ in range(3):
        time.sleep(0.7)
        for pid in product.pids(victim)[:1]:
            os.kill(pid, signal.SIGKILL)
    for sender in senders:
        sender.join(120)
    assert not any(sender.is_alive() for sender in senders)
    assert stored(product) == BATCHES * SIZE * SENDERS
    verdict = product.manage("verify", "--project", product.project)
    assert "all agree" in verdict
    fates = re.search(r"(\d+) items sent = (\d+) stored, (\d+) duplicate, (\d+) dropped", verdict)
    assert fates is not None, verdict
    sent, kept, known, dropped = map(int, fates.groups())
    assert (kept, dropped) == (BATCHES * SIZE * SENDERS, BATCHES * BAD * SENDERS)
    # a request that was stored but never answered was sent again, whole
    assert sent == kept + known + dropped
    assert known % (SIZE + BAD) == 0


def test_a_killed_supervisor_leaves_nothing_in_the_way_and_a_signalled_one_no_child(product: Product) -> None:
    product.ask("/api/v1/generations", batch(0, 0))
    family = descendants(product.process.pid)
    product.process.kill()
    product.process.wait()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in family) and time.monotonic() < deadline:
        time.sleep(0.1)
    again = start(product.data, int(product.url.rpartition(":")[2]))
    again.key = product.key
    try:
        assert stored(again) == SIZE
    finally:
        family = descendants(again.process.pid)
        assert again.stop() == 0
    # one signal stops every child
    assert [pid for pid in family if Path(f"/proc/{pid}").exists()] == []
