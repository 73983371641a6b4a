"""What the product stands on falls away and comes back: Valkey's data, PostgreSQL, its connections, its answers, the
room on the disk, the first start itself. Nothing acknowledged is lost or doubled, alerts go on, nobody has to help.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from monitor.store.servers.layout import Layout
from tests.fixtures.fix_outside import Outside
from tests.fixtures.fix_product import PROJECTS, ROOT, Product, Seed, environment, free_port

pytestmark = pytest.mark.processes
PATIENCE_SECONDS = 90
# fewer than a web process has threads, so that one is left to say what is wrong
SENDERS = 12
CALLING = "from django.core.management import call_command"
RULES = """
groups:
- name: g
  interval: 1s
  rules:
  - {alert: Always, expr: vector(1)}
  - {alert: Called, expr: sum by (model) (llm_requests_total) > 0}
"""
ROUTES = """
route: {{receiver: hook, group_by: [alertname, model], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}
receivers: [{{name: hook, webhook_configs: [{{url: '{hook}'}}]}}]
"""


def until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if true():
            return
        time.sleep(0.1)
    pytest.fail(f"not within {PATIENCE_SECONDS} s: {what}")


def calls(model: str, count: int = 20) -> dict[str, Any]:
    return {"generations": [{"id": f"{model}-{i}", "model": model, "prompt": "hello"} for i in range(count)]}


def stored(product: Product) -> float:
    (found,) = product.ask("/api/v1/query?query=sum(llm_requests_total)")["data"]["result"]
    return float(found["value"][1])


def refusal(product: Product, path: str, content: Any = None) -> tuple[int, bool, str]:
    """The status of one try, whether it says when to come again, and the error."""
    body = None if content is None else json.dumps(content).encode()
    headers = {"authorization": f"Bearer {product.key}", "content-type": "application/json"}
    request = urllib.request.Request(product.url + path, body, headers)  # noqa: S310 — loopback
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 — loopback
            return answer.status, False, ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, "retry-after" in error.headers, json.loads(error.read())["error"]


@pytest.fixture
def watched(product: Product, outside: Callable[[], Outside], tmp_path: Path) -> tuple[Product, "Told"]:
    """A product with two rules, one of which fires, and somebody who is told."""
    hook, commands = outside(), []
    for name, text in (("alertmanager", ROUTES.format(hook=hook.url)), ("rules", RULES)):
        path = tmp_path / f"{name}.yml"
        path.write_text(text)
        words = (name, "import", str(path), "--project", product.project)
        commands.append(f"call_command(*{words})")
    product.manage("shell", "-v", "0", "-c", "; ".join([CALLING, *commands]))
    told = Told(hook)
    until(lambda: "Always" in told.firing(), "the alert that always fires")
    return product, told


class Told:
    """What the receiver has heard."""

    def __init__(self, hook: Outside) -> None:
        self.hook = hook

    def firing(self) -> Counter[str]:
        """How often each group was said to fire: by its model, or else by the name of its alert."""
        bodies = [one.json for one in list(self.hook.received)]
        return Counter(
            body["groupLabels"].get("model") or body["groupLabels"]["alertname"]
            for body in bodies
            if body["status"] == "firing"
        )


@contextlib.contextmanager
def twice(product: Product, schedule: Path) -> Iterator[None]:
    """A second beat and a second worker over the same database and the same Valkey."""
    celery = [sys.executable, "-m", "celery", "-A"]
    words = (
        ["monitor.beat", "beat", "--schedule", str(schedule), "--pidfile", ""],
        ["monitor.celery", "worker", "--concurrency", "2", "-n", "second@%h", "--without-mingle", "-l", "info"],
    )  # fmt: skip
    said = schedule.with_name("said")
    with said.open("wb") as file:
        second = [
            subprocess.Popen(
                [*celery, *one], cwd=ROOT, env=environment(product.data), stdout=file, stderr=file, start_new_session=True
            )
            for one in words
        ]  # fmt: skip
    try:
        until(lambda: list(schedule.parent.glob(f"{schedule.name}*")), "the second beat")
        # one that is still on its way when Valkey goes ends, and would be started anew
        until(lambda: re.search(rb"second@\S+ ready", said.read_bytes()), "the second worker")
        yield
        assert [process.poll() for process in second] == [None, None]
    finally:
        for process in second:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def test_two_beats_and_a_valkey_that_loses_all_its_data_end_no_alert_and_repeat_none(
    watched: tuple[Product, Told], tmp_path: Path
) -> None:
    product, told = watched
    with twice(product, tmp_path / "beat"):
        product.ask("/api/v1/generations", calls("before"))
        until(lambda: told.firing()["before"], "the alert about calls before the loss")
        lose_valkey(product)
        product.ask("/api/v1/generations", calls("after"))
        until(lambda: told.firing()["after"], "the alert about calls after the loss")
        assert told.firing() == {"Always": 1, "before": 1, "after": 1}
        assert stored(product) == 40


def lose_valkey(product: Product) -> None:
    product.process.send_signal(signal.SIGSTOP)
    for pid in product.pids("valkey-server"):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(Layout(product.data).redis)
    product.process.send_signal(signal.SIGCONT)


def test_alerts_go_on_and_repeat_nothing_when_postgres_is_killed(watched: tuple[Product, Told]) -> None:
    product, told = watched
    product.ask("/api/v1/generations", calls("before"))
    until(lambda: told.firing()["before"], "the alert about calls before the crash")
    for pid in product.pids("bin/postgres")[:1]:
        os.kill(pid, signal.SIGKILL)
    product.ask("/api/v1/generations", calls("after"))
    until(lambda: told.firing()["after"], "the alert about calls after the crash")
    assert told.firing() == {"Always": 1, "before": 1, "after": 1}
    assert stored(product) == 40


def test_a_database_that_stands_still_for_a_while_is_named_and_loses_and_doubles_nothing(
    product: Product,
) -> None:
    servers = product.pids("bin/postgres")
    for pid in servers:
        os.kill(pid, signal.SIGSTOP)
    senders = [
        threading.Thread(target=product.ask, args=("/api/v1/generations", calls(f"m{i}")))
        for i in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    until(
        lambda: refusal(product, "/readyz")[::2] == (503, "PostgreSQL has not answered for 3 s"), "its name"
    )
    for pid in servers:
        os.kill(pid, signal.SIGCONT)
    for sender in senders:
        sender.join(PATIENCE_SECONDS)
    assert not any(sender.is_alive() for sender in senders)
    assert stored(product) == SENDERS * 20


@contextlib.contextmanager
def every_connection(product: Product) -> Iterator[None]:
    """Holds all connections that PostgreSQL gives, ours among them."""
    held = [product.database()]
    mine = {held[0].info.backend_pid}
    try:
        deadline = time.monotonic() + PATIENCE_SECONDS
        full = 0
        while full < 20 and time.monotonic() < deadline:
            try:
                held.append(product.database())
                mine.add(held[-1].info.backend_pid)
            except psycopg.OperationalError:
                full += 1
                held[0].execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE backend_type = 'client backend' AND NOT pid = ANY(%s)",
                    (list(mine),),
                )
        yield
    finally:
        for one in held:
            one.close()


def test_when_all_connections_are_taken_it_says_so_and_goes_on_afterwards(product: Product) -> None:
    product.ask("/api/v1/generations", calls("before"))
    with every_connection(product):
        status, patient, error = refusal(product, "/api/v1/generations", calls("during"))
        assert (status, patient) == (503, True), error
        assert "all connections" in error
        assert refusal(product, "/readyz")[::2] == (503, "all connections of PostgreSQL are taken")
    product.ask("/api/v1/generations", calls("during"))
    assert stored(product) == 40


@pytest.fixture
def cramped(seed: Seed) -> Iterator[tuple[Product, Path]]:
    """A product on a disk of its own, and the file that fills it; only its own processes see that disk."""
    folder = Path(tempfile.mkdtemp(prefix="vigil-disk-"))
    size = sum(path.stat().st_size for path in seed.data.rglob("*") if path.is_file()) + 40_000_000
    port = free_port()
    script = 'mount -t tmpfs -o size=$1 none "$2" && cp -a "$3" "$2/var" && shift 3 && exec "$@"'
    up = [sys.executable, "manage.py", "up", "--bind", f"127.0.0.1:{port}"]
    process = subprocess.Popen(
        ["/usr/bin/unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", str(size), folder, seed.data, *up],
        cwd=ROOT, env=environment(folder / "var"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if "is ready" in line:
            break
    else:
        pytest.fail("".join(said))
    inside = Path(f"/proc/{process.pid}/root") / folder.relative_to("/")
    product = Product(
        process, f"http://127.0.0.1:{port}", folder / "var", seed.keys[PROJECTS[0]], PROJECTS[0]
    )
    yield product, inside / "ballast"
    product.stop()
    folder.rmdir()


def test_a_full_disk_is_named_and_nothing_acknowledged_is_lost(cramped: tuple[Product, Path]) -> None:
    product, ballast = cramped
    product.ask("/api/v1/generations", calls("before"))
    fill(ballast)
    acknowledged = 0
    for number in range(400):
        status, patient, error = refusal(product, "/api/v1/generations", calls(f"m{number}", 200))
        if status != 200:
            break
        acknowledged += 200
    assert (status, patient) == (503, True), error
    assert "the disk of PostgreSQL is full" in error
    assert refusal(product, "/readyz")[0] == 503
    ballast.unlink()
    product.ask("/api/v1/generations", calls(f"m{number}", 200), patience=PATIENCE_SECONDS)
    assert stored(product) == 20 + acknowledged + 200
    inside = ["/usr/bin/nsenter", "-t", str(product.process.pid), "-U", "-m", "--preserve-credentials"]
    verified = subprocess.run(
        [*inside, sys.executable, str(ROOT / "manage.py"), "verify", "--project", product.project], env=environment(product.data),
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert "all agree" in verified.stdout, verified.stderr


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(65_536))


def test_a_first_start_that_is_killed_again_and_again_ends_well(seed: Seed) -> None:
    assert "all agree" in seed.verdict
    assert seed.exit_code == 0
