"""An hour as in earnest: steady calls, viewers, rules, judges and drift together. Does anything grow or fall behind?

    python -m tests.bench.hour [seconds [calls per second [viewers [rules]]]]

Calls of 1 KB text come in requests of 20, at the rate of the wall clock; a judge of the simulator's marks a tenth of
them, viewers refresh five pages. Tells each look on stderr, then one JSON line: quantiles of the answers, how late
rules and compaction are, memory by kind of process at each look and its growth over the second half, and what the
recount says.
"""

import datetime as dt
import http.server
import json
import random
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from monitor.core import clock
from monitor.management.simulation import judge
from tests.bench.fleet import get, memory
from tests.bench.load import Wire, request
from tests.bench.private import Private, folder, free_port, vigil
from tests.bench.viewers import Viewer

SECONDS, RATE, VIEWERS, RULES = 3_600, 300, 10, 200
SIZE, LOOKS = 20, 60
PAGES = ("overview", "compare", "generations", "alerts", "drift")
REFRESH = 5.0
WORDS = 4_000
FURNISH = """
from monitor.quality.models import Judge
from monitor.store.models import Project
Judge.objects.create(
    project=Project.objects.get(slug="main"), name="helpful", kind="rubric", sample_share=0.1, hourly_budget=100_000,
    settings={{"url": "http://127.0.0.1:{port}/v1", "model": "scripted-judge"}},
)
"""


class Judging(http.server.BaseHTTPRequestHandler):
    """The simulator's judge on a port of its own."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        body = json.dumps(judge.complete(asked)).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A benchmark has its own words."""


class Run:
    """What is noted while it goes on."""

    def __init__(self, mine: Private, key: str, seconds: int) -> None:
        self.mine, self.key, self.seconds = mine, key, seconds
        self.began = time.monotonic()
        self.took: dict[str, list[float]] = defaultdict(list)
        self.sent, self.errors = 0, list[str]()
        self.looks: list[dict[str, float]] = []

    def on(self) -> bool:
        return time.monotonic() - self.began < self.seconds and not self.errors

    def part(self, work: Callable[..., None], *given: Any) -> threading.Thread:
        """One of what goes on at once; where it fails, all ends and says why."""

        def guarded() -> None:
            try:
                work(*given)
            except Exception as error:  # noqa: BLE001 — whatever it was is told
                self.errors.append(f"{work.__name__}: {error!r}")

        return threading.Thread(target=guarded)

    def send(self, rate: int) -> None:
        rng, wire = random.Random(1), Wire(self.mine.port)
        words = [
            "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(WORDS)
        ]
        while self.on():
            due = self.began + self.sent / rate
            time.sleep(max(0.0, due - time.monotonic()))
            body = json.dumps(
                {"generations": [call(rng, words, self.sent + n) for n in range(SIZE)]}
            ).encode()
            status, answer = wire.ask(request("/api/v1/generations", self.key, body))
            # from when it was due: a server that falls behind makes the next ones late
            self.took["ingest"].append(time.monotonic() - due)
            if status != 200:
                self.errors.append(f"ingest: {status} {answer[:200]!r}")
            self.sent += SIZE

    def view(self, number: int, password: str) -> None:
        page = PAGES[number % len(PAGES)]
        viewer = Viewer(self.mine.url, password, f"/p/main/{page}/")
        while self.on():
            before = time.monotonic()
            viewer.refresh()
            self.took[page].append(time.monotonic() - before)
            time.sleep(max(0.0, REFRESH - (time.monotonic() - before)))

    def look(self) -> None:
        while self.on():
            # a look a minute: a connection that was kept would have been closed meanwhile
            wire = Wire(self.mine.port)
            groups = json.loads(get(wire, "/api/v1/rules", self.key))["data"]["groups"]
            ages = [
                clock.now().timestamp() - dt.datetime.fromisoformat(one["lastEvaluation"]).timestamp()
                for one in groups
            ]
            told = get(wire, "/metrics", self.key).decode().splitlines()
            wire.close()
            waiting = next(
                float(line.split()[1]) for line in told if line.startswith("vigil_sample_batches ")
            )
            self.looks.append(
                {
                    "second": round(time.monotonic() - self.began),
                    "oldest_rule": round(max(ages), 1),
                    "batches": waiting,
                }
                | memory(self.mine.tree())
            )
            print(json.dumps(self.looks[-1]), file=sys.stderr, flush=True)  # noqa: T201 — an hour is long
            wire.close()
            time.sleep(self.seconds / LOOKS)


def call(rng: random.Random, words: list[str], number: int) -> dict[str, Any]:
    return {
        "id": f"h-{number}", "model": "qwen", "version": f"v{number % 2}", "environment": "prod", "user": f"u{rng.randint(1, 2000)}",
        "duration_seconds": rng.lognormvariate(0, 0.5), "ttft_seconds": rng.lognormvariate(-1.5, 0.4),
        "input_tokens": rng.randint(20, 900), "output_tokens": rng.randint(20, 400),
        "prompt": " ".join(rng.choices(words, k=60)), "output": " ".join(rng.choices(words, k=85)),
    }  # fmt: skip


def rule_file(count: int) -> str:
    asked = "histogram_quantile(0.9, sum by (version) (rate(llm_request_duration_seconds[5m])))"
    rules = [{"alert": f"Slow{n}", "expr": f"{asked} > {20 + n}", "for": "1m"} for n in range(count)]
    groups = [
        {"name": f"g{at}", "interval": "15s", "rules": rules[at : at + 10]} for at in range(0, count, 10)
    ]
    return yaml.safe_dump({"groups": groups})


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    seconds, rate, viewers, rules = (*given, *(SECONDS, RATE, VIEWERS, RULES)[len(given) :])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", free_port()), Judging)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with folder() as data, vigil(data) as mine:
        key = mine.manage(
            "key", "create", "--project", "main", "--name", "bench", "--scope", "ingest", "--scope", "query"
        )
        (data / "rules.yml").write_text(rule_file(rules))
        mine.manage("rules", "import", str(data / "rules.yml"), "--project", "main")
        mine.manage("shell", "-v", "0", "-c", FURNISH.format(port=server.server_port))
        password = Path(data / "secrets" / "admin_password").read_text()[:16]
        run = Run(mine, key.splitlines()[-1], seconds)
        work = [run.part(run.send, rate), run.part(run.look)]
        work += [run.part(run.view, n, password) for n in range(viewers)]
        for one in work:
            one.start()
        for one in work:
            one.join()
        found = told(run) | {"rate": rate, "viewers": viewers, "rules": rules, "recount": recount(mine)}
        print(json.dumps(found))  # noqa: T201 — a benchmark talks


def told(run: Run) -> dict[str, Any]:
    half = run.looks[len(run.looks) // 2 :]
    kinds = [name for name in half[0] if name not in {"second", "oldest_rule", "batches"}]
    return {
        "bench": "hour", "seconds": run.seconds, "calls": run.sent, "errors": run.errors,
        "p50_p99_seconds": {name: [quantile(found, 0.5), quantile(found, 0.99)] for name, found in sorted(run.took.items())},
        "grown_in_second_half_mb": {kind: round(half[-1][kind] - half[0][kind], 1) for kind in kinds},
        "oldest_rule_seconds": max((one["oldest_rule"] for one in run.looks[3:]), default=None), "looks": run.looks,
    }  # fmt: skip


def quantile(found: list[float], share: float) -> float:
    return round(sorted(found)[min(len(found) - 1, int(share * len(found)))], 4)


def recount(mine: Private) -> str:
    return mine.manage("verify", "--project", "main").splitlines()[-1]


if __name__ == "__main__":
    main()
