"""Many heavy questions at once in one web process: how much memory at the peak, and do small ones still pass?

    python -m tests.bench.crowd [series [questions at once [MB that they may hold]]]

A day of pushed counters, a sample each 15 s, sealed. Each heavy question reads them all; beside them small ones are
asked, one after the other. Prints one JSON line: MB of the web process when idle, with one heavy question after the other,
before and with all at once (peaks since each began), what they were answered, and seconds of the small ones.
"""

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from tests.bench.private import Private, folder, vigil

SERIES, AT_ONCE, MEMORY_MB = 2_000, 8, 1_200
ROUNDS = 2
FILL = """
import datetime as dt
import numpy as np
from monitor.core import clock
from monitor.core.labels import NAME, Labels
from monitor.core.samples import Columns
from monitor.store.ageing import compact
from monitor.store.models import Project
from monitor.store.samples import pushes
project = Project.objects.get(slug="crowd").pk
end = clock.to_ms(clock.now()) // 3_600_000 * 3_600_000 - 3_600_000
labels = [Labels({NAME: "hits_total", "version": f"v{n % 3}", "pod": f"p{n}"}) for n in range(__SERIES__)]
dice, level = np.random.default_rng(3), np.zeros(len(labels))
for hour in range(24, 0, -1):
    times = np.arange(end - hour * 3_600_000, end - (hour - 1) * 3_600_000, 15_000)
    values = level[:, None] + np.cumsum(dice.integers(0, 20, (len(labels), len(times))), axis=1)
    level = values[:, -1]
    counts = np.full(len(labels), len(times))
    pushes.store(project, Columns(labels, counts, np.tile(times, len(labels)), values.reshape(-1)), now=clock.now())
    while compact.run(now=clock.now() + dt.timedelta(minutes=30)).batches:
        pass
print(end)
"""
HEAVY = (
    "sum by (version) (rate(hits_total[{w}m]))",
    "max_over_time(hits_total[{w}m])",
    "quantile by (version) (0.9, increase(hits_total[{w}m]))",
    "hits_total + {w}",
)


class Asking:
    def __init__(self, mine: Private, key: str, end_ms: int) -> None:
        self.mine, self.key, self.end = mine, key, end_ms / 1000
        self.answers: list[str] = []
        self.small: list[float] = []

    def get(self, path: str, **words: str) -> str:
        request = urllib.request.Request(  # noqa: S310 — our own address
            f"{self.mine.url}{path}?{urllib.parse.urlencode(words)}", headers={"authorization": f"Bearer {self.key}"}
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 — as above
                return f"{answer.status} {len(answer.read()) // 1_000_000} MB"
        except urllib.error.HTTPError as error:
            return f"{error.code} {json.loads(error.read())['error'][:90]}"

    def heavy(self, number: int) -> None:
        # a width of its own for each: nothing is kept from another question
        expr = HEAVY[number % len(HEAVY)].format(w=5 + number)
        span = {"start": str(self.end - 86_400), "end": str(self.end), "step": "60"}
        self.answers.append(self.get("/api/v1/query_range", query=expr, **span))

    def ask_small(self, done: threading.Event) -> None:
        while not done.is_set():
            before = time.monotonic()
            answer = self.get(
                "/api/v1/query", query="count(rate(hits_total{pod='p1'}[5m]))", time=str(self.end)
            )
            if not answer.startswith("200"):
                self.answers.append(f"small: {answer}")
            self.small.append(time.monotonic() - before)
            time.sleep(0.1)


def web(mine: Private) -> list[int]:
    return [pid for pid in mine.tree() if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def forget_peak(pids: list[int]) -> None:
    for pid in pids:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


def peak_mb(pids: list[int]) -> float:
    """The largest of them since ``forget_peak``."""
    found = [
        int(line.split()[1]) / 1024
        for pid in pids
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return round(max(found))


def main() -> None:
    given = [int(word) for word in sys.argv[1:]]
    series, at_once, memory = [*given, *(SERIES, AT_ONCE, MEMORY_MB)[len(given) :]]
    os.environ |= {"VIGIL_WEB_WORKERS": "1", "VIGIL_QUERY_MEMORY_MB": str(memory)}
    with folder() as data, vigil(data) as mine:
        key = mine.project("crowd", "query")
        end = int(
            mine.manage("shell", "-v", "0", "-c", FILL.replace("__SERIES__", str(series))).splitlines()[-1]
        )
        print(json.dumps(measured(Asking(mine, key, end), at_once) | {"series": series, "memory_mb": memory}))  # noqa: T201 — a benchmark talks


def measured(asking: Asking, at_once: int) -> dict[str, Any]:
    pids = web(asking.mine)
    found: dict[str, Any] = {"bench": "crowd", "idle_mb": peak_mb(pids), "one_mb": {}}
    for number in range(len(HEAVY)):
        forget_peak(pids)
        asking.heavy(100 + number)
        found["one_mb"][HEAVY[number]] = peak_mb(pids)
    found["alone"], asking.answers = asking.answers, []
    forget_peak(pids)
    found["before_mb"] = peak_mb(pids)
    done = threading.Event()
    small = threading.Thread(target=asking.ask_small, args=(done,))
    small.start()
    for first in range(0, ROUNDS * at_once, at_once):
        threads = [threading.Thread(target=asking.heavy, args=(first + n,)) for n in range(at_once)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    done.set()
    small.join()
    waited = sorted(asking.small)
    return found | {
        "all_mb": peak_mb(pids), "answers": asking.answers,
        "small_p50_p99_seconds": [round(waited[int(share * (len(waited) - 1))], 3) for share in (0.5, 0.99)],
    }  # fmt: skip


if __name__ == "__main__":
    main()
