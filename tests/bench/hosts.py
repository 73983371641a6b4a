"""Vigil on several hosts: one for PostgreSQL and Valkey, two with web, worker and beat; one dies, one is cut off.

    python -m tests.bench.hosts [batches]

The hosts are network namespaces of this machine (needs root and iproute2). The same batches go to both hosts, as
from senders that never got an answer; in between everything on one host is killed and started again, and the other
loses its line to the database. Prints one JSON line: what was sent, what is there, how often people were told.
"""

import contextlib
import http.server
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from monitor.store.servers import embedded
from monitor.store.servers.layout import Layout, local_secret

ROOT = Path(__file__).parents[2]
STORE, HOSTS = "vigil-store", {"vigil-a": "10.77.0.2", "vigil-b": "10.77.0.3"}
STORE_ADDRESS, NET, HOOK, DOOR = "10.77.0.1", "10.77.0.0/24", 9099, 8000
BATCHES, SIZE, SENDERS = 120, 50, 3
PATIENCE_SECONDS = 120.0
RULES = """
groups:
- name: g
  interval: 1s
  rules:
  - {alert: Always, expr: vector(1)}
  - {alert: Called, expr: sum by (model) (llm_requests_total) > 0}
"""
ROUTES = f"""
route: {{receiver: hook, group_by: [alertname, model], group_wait: 0s, group_interval: 1s, repeat_interval: 4h}}
receivers: [{{name: hook, webhook_configs: [{{url: 'http://{STORE_ADDRESS}:{HOOK}/'}}]}}]
"""


def ip(*words: str, quiet: bool = False) -> None:
    subprocess.run(["/usr/bin/env", "ip", *words], check=not quiet, capture_output=quiet)


@contextlib.contextmanager
def network() -> Iterator[None]:
    """Three namespaces on one bridge."""
    try:
        ip("netns", "add", STORE)
        ip("-n", STORE, "link", "add", "lan", "type", "bridge")
        ip("-n", STORE, "address", "add", f"{STORE_ADDRESS}/24", "dev", "lan")
        for link in ("lan", "lo"):
            ip("-n", STORE, "link", "set", link, "up")
        for name, address in HOSTS.items():
            ip("netns", "add", name)
            ip("-n", name, "link", "add", "wire", "type", "veth", "peer", name, "netns", STORE)
            ip("-n", STORE, "link", "set", name, "master", "lan", "up")
            ip("-n", name, "address", "add", f"{address}/24", "dev", "wire")
            for link in ("wire", "lo"):
                ip("-n", name, "link", "set", link, "up")
        yield
    finally:
        for name in (*HOSTS, STORE):
            ip("netns", "del", name, quiet=True)


class Host:
    """One machine's processes."""

    def __init__(self, name: str, environment: dict[str, str], folder: Path) -> None:
        self.name, self.address = name, HOSTS[name]
        self.environment = environment | {"VIGIL_DATA": str(folder / name), "VIGIL_ALLOWED_HOSTS": "*"}
        self.log = folder / f"{name}.log"
        self.running: list[subprocess.Popen[bytes]] = []

    def command(self, *words: str) -> list[str]:
        return ["ip", "netns", "exec", self.name, *words]

    def manage(self, *words: str) -> str:
        done = subprocess.run(
            self.command(sys.executable, "manage.py", *words), cwd=ROOT, env=self.environment, check=False,
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def start(self) -> None:
        meters = Path(tempfile.mkdtemp(dir=self.log.parent))
        celery = [sys.executable, "-m", "celery", "-A", "monitor.celery"]
        web = [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--host", self.address, "--port", str(DOOR), "--workers", "1",
            "--blocking-threads", "8", "--no-ws", "--log-level", "warning", "monitor.wsgi:application",
        ]  # fmt: skip
        worker = [*celery, "worker", "--concurrency", "2", "--loglevel", "warning", "-n", f"{self.name}@%h"]
        beat = [*celery, "beat", "--loglevel", "warning", "--schedule", str(meters / "beat"), "--pidfile", ""]
        with self.log.open("ab") as log:
            self.running = [
                subprocess.Popen(
                    self.command(*one), cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
                    env=self.environment | {"PROMETHEUS_MULTIPROC_DIR": str(meters)},
                )
                for one in (web, worker, beat)
            ]  # fmt: skip

    def kill(self) -> None:
        """Everything at once, as when the power goes."""
        for one in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(one.pid, signal.SIGKILL)
            one.wait()
        self.running = []

    def cut(self, *, off: bool) -> None:
        ip("-n", STORE, "link", "set", self.name, "down" if off else "up")

    def ask(self, path: str, key: str, content: Any = None) -> Any:
        request = urllib.request.Request(
            f"http://{self.address}:{DOOR}{path}", None if content is None else json.dumps(content).encode(),
            {"authorization": f"Bearer {key}", "content-type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 — our own hosts
            return json.loads(answer.read())


@contextlib.contextmanager
def servers(folder: Path) -> Iterator[dict[str, str]]:
    """PostgreSQL and Valkey for the whole net; the variables by which to reach them."""
    layout, ours = Layout(folder / "store"), embedded._settings
    embedded._settings = lambda layout: ours(layout) | {"listen_addresses": STORE_ADDRESS}
    postgres = embedded.start_postgres(layout)
    password = local_secret(layout, "postgres_password")
    with (layout.postgres / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {NET} scram-sha-256\n")
    postgres.send_signal(signal.SIGHUP)
    valkey = subprocess.Popen(
        [embedded.redis_binary(), "--bind", STORE_ADDRESS, "--port", "6379", "--protected-mode", "no", "--save", ""],
        stdout=subprocess.DEVNULL, cwd=folder,
    )  # fmt: skip
    try:
        yield {
            "DATABASE_URL": f"postgresql://vigil:{urllib.parse.quote(password)}@{STORE_ADDRESS}/vigil",
            "REDIS_URL": f"redis://{STORE_ADDRESS}:6379/0", "VIGIL_SECRET_KEY": "bench" * 12, "VIGIL_DEMO": "0",
            "VIGIL_GRPC_PORT": "0", "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"),
        }  # fmt: skip
    finally:
        embedded.stop(valkey, signal.SIGTERM)
        embedded.stop(postgres, signal.SIGINT)


@contextlib.contextmanager
def hook() -> Iterator[Counter[str]]:
    """Somebody who is told: how often each group was said to fire."""
    told: Counter[str] = Counter()

    class Heard(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if body["status"] == "firing":
                told[body["groupLabels"].get("model") or body["groupLabels"]["alertname"]] += 1
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer((STORE_ADDRESS, HOOK), Heard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield told
    server.shutdown()


def send(hosts: list[Host], key: str, sender: int, batches: int, tries: Counter[str]) -> None:
    """Each batch to both hosts, and again until both have said that they have it."""
    for number in range(batches):
        calls = [{"id": f"{sender}-{number}-{i}", "model": f"m{sender}"} for i in range(SIZE)]
        for host in hosts:
            while True:
                try:
                    answer = host.ask("/api/v1/generations", key, {"generations": calls})
                except (urllib.error.URLError, OSError, json.JSONDecodeError):
                    tries["unanswered"] += 1
                    time.sleep(0.3)
                    continue
                assert answer["accepted"] + answer["duplicates"] == SIZE, answer
                tries["answered"] += 1
                tries["duplicates"] += answer["duplicates"]
                break


def inside(batches: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="vigil-hosts-") as name,
        servers(Path(name)) as environment,
        hook() as told,
    ):
        folder = Path(name)
        first, second = hosts = [Host(one, environment, folder) for one in HOSTS]
        try:
            first.manage("prepare")
            first.manage("project", "create", "shop")
            key = first.manage(
                "key", "create", "--project", "shop", "--name", "k", "--scope", "ingest", "--scope", "query"
            )
            for kind, text in (("alertmanager", ROUTES), ("rules", RULES)):
                (folder / f"{kind}.yml").write_text(text)
                first.manage(kind, "import", str(folder / f"{kind}.yml"), "--project", "shop")
            for host in hosts:
                host.start()
            _measure(first, second, key, batches, told)
        except BaseException:
            for host in hosts:
                print(host.log.read_text()[-3000:] if host.log.exists() else "no log", file=sys.stderr)  # noqa: T201
            raise
        finally:
            for host in hosts:
                host.kill()


def _measure(first: Host, second: Host, key: str, batches: int, told: Counter[str]) -> None:
    tries: Counter[str] = Counter()
    senders = [
        threading.Thread(target=send, args=([first, second], key, number, batches, tries))
        for number in range(SENDERS)
    ]
    began = time.monotonic()
    for one in senders:
        one.start()
    _after(batches // 4, tries)
    first.kill()
    time.sleep(4)
    first.start()
    _after(batches, tries)
    second.cut(off=True)
    time.sleep(8)
    second.cut(off=False)
    for one in senders:
        one.join()
    took = time.monotonic() - began
    wanted = {"Always", *(f"m{number}" for number in range(SENDERS))}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while set(told) != wanted and time.monotonic() < deadline:
        time.sleep(0.2)
    found = first.ask("/api/v1/query?query=sum(llm_requests_total)", key)["data"]["result"]
    verdict = second.manage("verify", "--project", "shop")
    print(json.dumps({  # noqa: T201 — a benchmark talks
        "bench": "hosts", "hosts": len(HOSTS), "sent_once": SENDERS * batches * SIZE, "stored": float(found[0]["value"][1]),
        **tries, "seconds": round(took, 1), "all_agree": "all agree" in verdict, "told": dict(told),
        "told_once": told == dict.fromkeys(wanted, 1),
    }))  # fmt: skip


def _after(count: int, tries: Counter[str]) -> None:
    while tries["answered"] < count:
        time.sleep(0.05)


def main() -> None:
    if sys.argv[1:2] == ["inside"]:
        inside(int(sys.argv[2]))
        return
    batches = sys.argv[1] if len(sys.argv) > 1 else str(BATCHES)
    with network():
        command = [sys.executable, "-m", "tests.bench.hosts", "inside", batches]
        sys.exit(
            subprocess.run(
                ["/usr/bin/env", "ip", "netns", "exec", STORE, *command], cwd=ROOT, check=False
            ).returncode
        )


if __name__ == "__main__":
    main()
