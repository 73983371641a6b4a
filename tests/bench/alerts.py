"""Ten thousand alerts at once: how long until each was told, grouped and one by one, and whether any is missing.

Beside it, in the same run: the bare work of posting as many bodies to the same receiver.
"""

import http.server
import json
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from typing import Any

from monitor.core import clock
from tests.bench import private

ALERTS, GROUPS = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, 100
PATIENCE_SECONDS = 600
CONFIG = """
route:
  receiver: hook
  group_by: [{by}]
  group_wait: 1s
  group_interval: 2s
receivers:
- name: hook
  webhook_configs: [{{url: '{url}'}}]
"""


class Hook(http.server.ThreadingHTTPServer):
    """Counts what it is told of each alert."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.told: dict[str, Counter[str]] = {"firing": Counter(), "resolved": Counter()}
        self.messages: set[str] = set()
        self.received = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.received += 1
            self.server.messages.add(self.headers.get("x-vigil-delivery", ""))
            for alert in body["alerts"]:
                self.server.told[alert["status"]][alert["labels"]["instance"]] += 1
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 — the base class names it
        """A benchmark prints its figures only."""


def main() -> int:
    with private.folder() as folder, private.vigil(folder) as vigil:
        for name, by in (("grouped", "service"), ("one by one", "'...'")):
            print(json.dumps(measure(vigil, name, by)), flush=True)  # noqa: T201 — a benchmark talks
    return 0


def measure(vigil: private.Private, name: str, by: str) -> dict[str, Any]:
    slug = name.replace(" ", "-")
    key = vigil.project(slug, "ingest", "query")
    hook = Hook()
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(CONFIG.format(by=by, url=hook.url))
        file.flush()
        vigil.manage("alertmanager", "import", file.name, "--project", slug)
    began = time.monotonic()
    post(vigil.url, key, hours=1)
    taken = time.monotonic() - began
    until(lambda: len(hook.told["firing"]) >= ALERTS)
    told = time.monotonic() - began
    again = time.monotonic()
    post(vigil.url, key, hours=-0.001)
    until(lambda: len(hook.told["resolved"]) >= ALERTS)
    resolved = time.monotonic() - again
    bare = time.monotonic()
    count = hook.received
    for _ in range(min(count, 1000)):
        send(hook.url, {"status": "firing", "alerts": []}, {})
    return {
        "bench": "alerts", "case": name, "alerts": ALERTS, "messages": count,
        "taken_seconds": round(taken, 2), "told_seconds": round(told, 2), "resolved_seconds": round(resolved, 2),
        "missing": 2 * ALERTS - len(hook.told["firing"]) - len(hook.told["resolved"]),
        "told_of_twice": sum(count > 1 for counter in hook.told.values() for count in counter.values()),
        "bare_posts_per_second": round(min(count, 1000) / (time.monotonic() - bare)),
        "messages_per_second": round(count / (told + resolved), 1),
    }  # fmt: skip


def post(url: str, key: str, *, hours: float) -> None:
    """All of them in one request, as a sender that comes back after an outage would."""
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now().timestamp() + hours * 3600))
    starts = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(clock.now().timestamp() - 600))
    alerts = [
        {
            "labels": {"alertname": "Slow", "service": f"s{n % GROUPS}", "instance": f"i{n}", "severity": "critical"},
            "annotations": {"summary": f"instance i{n} is slow"}, "startsAt": starts, "endsAt": ends,
        }
        for n in range(ALERTS)
    ]  # fmt: skip
    send(url + "/api/v2/alerts", alerts, {"authorization": f"Bearer {key}"})


def send(url: str, body: Any, headers: dict[str, str]) -> None:
    raw = json.dumps(body).encode()
    request = urllib.request.Request(url, raw, {"content-type": "application/json", **headers})  # noqa: S310 — loopback
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 — loopback
        answer.read()


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
