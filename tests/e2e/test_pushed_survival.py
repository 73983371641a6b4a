"""Web, worker, PostgreSQL and a compactor are killed while samples are pushed: each is stored, once."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import pytest

from monitor.core import clock
from tests.fixtures import remote_write
from tests.fixtures.fix_product import ROOT, Product, environment

pytestmark = pytest.mark.processes
SENDERS, SERIES, POINTS = 3, 20, 5
DAY_MS = 86_400_000
COMPACTOR = """
import datetime as dt
from monitor.core import clock
from monitor.store.ageing import compact
print("up", flush=True)
while True:
    compact.run(now=clock.now() + dt.timedelta(seconds=30))
"""
ROWS = (
    "SELECT sum(n), sum(sealed) FROM (SELECT project_id, kind, n, 0 AS sealed FROM monitor_sample_batch"
    " UNION ALL SELECT project_id, kind, n, n FROM monitor_chunk) AS every JOIN monitor_project ON id = project_id"
    " WHERE kind = 0 AND slug = %s"
)
TOLD = """
from monitor.ingest.ledger import ITEMS
from monitor.store.reading import audit
from monitor.store.models import Project
print(sum(
    round(float(block.tables["f"]["v"].sum()))
    for labels, block in audit.derived_totals(Project.objects.get(slug="PROJECT").pk).items()
    if labels.name == ITEMS and labels["outcome"] == "stored" and labels["dialect"] == "remote_write"
))
"""


def request(sender: int, number: int) -> bytes:
    """Samples of yesterday, which is closed: compaction seals what is just being sent."""
    begin = (clock.to_ms(clock.now()) // DAY_MS - 1) * DAY_MS + number * POINTS * 1000
    return remote_write.version_1(
        remote_write.series(
            {"__name__": "pushed", "sender": str(sender), "n": str(n)},
            *((begin + point * 1000, float(number * POINTS + point)) for point in range(POINTS)),
        )
        for n in range(SERIES)
    )


def accepted(product: Product, body: bytes) -> bool:
    asked = urllib.request.Request(  # noqa: S310 — loopback
        f"{product.url}/api/v1/write",
        body,
        remote_write.HEADERS_1 | {"authorization": f"Bearer {product.key}"},
    )
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:  # noqa: S310 — loopback
            return bool(answer.status == 204)
    except urllib.error.HTTPError as error:
        if error.code < 500:
            raise
    except OSError:
        pass
    time.sleep(0.05)
    return False


def push_until(done: threading.Event, product: Product, sender: int, sent: list[int]) -> None:
    """Each request again and again until it is accepted, as a sender does."""
    while not done.is_set():
        body, patience = request(sender, sent[sender]), time.monotonic() + 60
        while not accepted(product, body):
            assert time.monotonic() < patience
        sent[sender] += 1


def compact_until(done: threading.Event, product: Product) -> None:
    """A compactor that waits for nothing and is killed in the middle; not while it still gets up, however long it takes."""
    while not done.is_set():
        with subprocess.Popen(
            [sys.executable, "manage.py", "shell", "-v", "0", "-c", COMPACTOR], cwd=ROOT,
            env=environment(product.data), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        ) as compactor:  # fmt: skip
            assert compactor.stdout is not None
            compactor.stdout.readline()
            time.sleep(1.5)
            compactor.kill()


def rows(product: Product) -> tuple[int, int]:
    """How many samples are stored, and how many of them sealed."""
    time.sleep(0.2)
    with product.database() as connection:
        found = connection.execute(ROWS, [product.project]).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def test_no_pushed_sample_is_lost_or_stored_twice(product: Product) -> None:
    done = threading.Event()
    sent = [0] * SENDERS
    threads = [threading.Thread(target=push_until, args=(done, product, n, sent)) for n in range(SENDERS)]
    threads.append(threading.Thread(target=compact_until, args=(done, product)))
    for thread in threads:
        thread.start()
    for victim in ("granian", "bin/postgres", "celery", "granian", "bin/postgres"):
        time.sleep(1.2)
        for pid in product.pids(victim)[:1]:
            os.kill(pid, signal.SIGKILL)
    done.set()
    for thread in threads:
        thread.join(90)
    assert not any(thread.is_alive() for thread in threads)
    expected = sum(sent) * SERIES * POINTS
    answer = product.ask("/api/v1/query?query=sum(count_over_time(pushed[3d]))")
    assert float(answer["data"]["result"][0]["value"][1]) == expected
    answer = product.ask("/api/v1/query?query=sum(sum_over_time(pushed[3d]))")
    assert float(answer["data"]["result"][0]["value"][1]) == SERIES * sum(
        n * POINTS * (n * POINTS - 1) // 2 for n in sent
    )
    stored, sealed, deadline = expected, 0, time.monotonic() + 90
    # the worker was killed as well, so its compaction may come a little later
    while stored == expected and not sealed and time.monotonic() < deadline:
        stored, sealed = rows(product)
    assert stored == expected
    assert sealed > 0
    told = product.manage("shell", "-v", "0", "-c", TOLD.replace("PROJECT", product.project))
    assert int(told.split()[-1]) == expected
