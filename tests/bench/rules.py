"""2,000 alert and recording rules over 10,000 scraped series every 15 s, and a Prometheus beside it with the same.

    python -m tests.bench.rules [seconds [ours | theirs]]

Prints one JSON line: how late groups were, how many evaluations were missed, and what a round costs.
"""

import http.server
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.bench import private
from tests.bench.private import Private

SERVICES, PER_GROUP = 500, 10
INTERVAL = 15
RUN_SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 120
WARM_SECONDS = RUN_SECONDS * 3 // 8
WHO = sys.argv[2] if len(sys.argv) > 2 else ""
BOUNDS = ("0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "60", "+Inf")
CODES = ("200", "400", "500", "503")
TICKS = os.sysconf("SC_CLK_TCK")


class Page(http.server.BaseHTTPRequestHandler):
    """500 services with 20 series each; counters go on with every look."""

    looks = itertools.count(1)

    def do_GET(self) -> None:
        look, lines = next(self.looks), []
        seeded = random.Random(1)
        for number in range(SERVICES):
            base, weight = f'svc="s{number}"', seeded.uniform(5, 50) * look
            lines += [
                f'bench_requests_total{{{base},code="{code}"}} {weight * (20 if code == "200" else 1):.0f}'
                for code in CODES
            ]
            lines += [
                f'bench_seconds_bucket{{{base},le="{le}"}} {weight * (place + 1):.0f}'
                for place, le in enumerate(BOUNDS)
            ]
            lines += [
                f"bench_seconds_count{{{base}}} {weight * len(BOUNDS):.0f}", f"bench_seconds_sum{{{base}}} {weight * 4:.1f}",
                f"bench_memory_ratio{{{base}}} {seeded.random():.3f}", f"bench_queue{{{base}}} {look % 7}", f"bench_up{{{base}}} 1",
            ]  # fmt: skip
        body = ("\n".join(lines) + "\n").encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A benchmark has its own words."""


def rule_file() -> str:
    groups = [
        {"name": f"g{first}", "interval": f"{INTERVAL}s", "rules": [rule for number in range(first, first + PER_GROUP) for rule in _rules(f"s{number}")]}
        for first in range(0, SERVICES, PER_GROUP)
    ]  # fmt: skip
    return yaml.safe_dump({"groups": groups})


def _rules(service: str) -> list[dict[str, Any]]:
    one = f'svc="{service}"'
    total = f"sum by (svc) (rate(bench_requests_total{{{one}}}[5m]))"
    failed = f'sum by (svc) (rate(bench_requests_total{{{one},code=~"5.."}}[5m]))'
    return [
        {"record": "svc:requests:rate5m", "expr": total},
        {"alert": "Errors", "expr": f"{failed} / {total} > 0.01", "for": "1m", "labels": {"severity": "critical"},
         "annotations": {"summary": "{{ $labels.svc }} fails {{ $value | humanizePercentage }}"}} if service.endswith("7") else
        {"alert": "Errors", "expr": f"{failed} / {total} > 0.5", "for": "1m"},
        {"alert": "Slow", "expr": f"histogram_quantile(0.99, sum by (svc, le) (rate(bench_seconds_bucket{{{one}}}[5m]))) > 100", "for": "5m"},
        {"alert": "Full", "expr": f"bench_memory_ratio{{{one}}} > 2", "for": "5m"},
    ]  # fmt: skip


def main() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    target = f"127.0.0.1:{server.server_port}"
    ours: dict[str, float] = {}
    if WHO != "theirs":
        with private.folder() as data, private.vigil(data) as mine:
            ours = measure_ours(mine, target)
    theirs = measure_theirs(target) if shutil.which("prometheus") and WHO != "ours" else {}
    server.shutdown()
    result = {
        "bench": "rules",
        "rules": SERVICES * 4,
        "series": SERVICES * 20,
        "interval_s": INTERVAL,
        "vigil": ours,
        "prometheus": theirs,
    }
    if ours and theirs:
        result["cpu_ratio"] = round(ours["cpu_per_round_s"] / max(theirs["cpu_per_round_s"], 1e-9), 1)
    print(json.dumps(result))  # noqa: T201 — a benchmark talks


def measure_ours(mine: Private, target: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scrape = {
            "scrape_configs": [
                {
                    "job_name": "bench",
                    "scrape_interval": f"{INTERVAL}s",
                    "static_configs": [{"targets": [target]}],
                }
            ]
        }
        (folder / "scrape.yml").write_text(yaml.safe_dump(scrape))
        (folder / "rules.yml").write_text(rule_file())
        mine.manage("project", "create", "bench")
        mine.manage("scrape", "import", str(folder / "scrape.yml"), "--project", "bench")
        time.sleep(WARM_SECONDS)
        before = cpu_seconds(mine.tree())
        time.sleep(WARM_SECONDS)
        idle = (cpu_seconds(mine.tree()) - before) / WARM_SECONDS
        mine.manage("rules", "import", str(folder / "rules.yml"), "--project", "bench")
    time.sleep(2 * INTERVAL)
    before = cpu_seconds(mine.tree())
    start = meters(f"{mine.url}/metrics")
    time.sleep(RUN_SECONDS)
    busy = (cpu_seconds(mine.tree()) - before) / RUN_SECONDS
    found = meters(f"{mine.url}/metrics")
    seen = total(found, "vigil_rule_lag_seconds_count") - total(start, "vigil_rule_lag_seconds_count")
    lag = total(found, "vigil_rule_lag_seconds_sum") - total(start, "vigil_rule_lag_seconds_sum")
    in_time = bucket(found, INTERVAL) - bucket(start, INTERVAL)
    missed = "prometheus_rule_group_iterations_missed_total"
    return {
        "groups_evaluated": seen, "mean_lag_s": round(lag / max(seen, 1), 2), "share_within_interval": round(in_time / max(seen, 1), 4),
        "missed": total(found, missed) - total(start, missed), "failed": total(found, "prometheus_rule_evaluation_failures_total"),
        "round_s": round(total(found, "prometheus_rule_group_last_duration_seconds"), 2),
        "cpu_of_rules": round(busy - idle, 2), "cpu_in_all": round(busy, 2),
        # what all groups once cost, whoever else uses the machine
        "cpu_per_round_s": round((busy - idle) * RUN_SECONDS / max(seen, 1) * SERVICES / PER_GROUP, 2),
    }  # fmt: skip


@contextmanager
def prometheus(target: str, rules: str) -> Iterator[tuple[int, str]]:
    """Its process id and address."""
    with private.folder() as folder:
        (folder / "rules.yml").write_text(rules)
        config = {
            "global": {"scrape_interval": f"{INTERVAL}s", "evaluation_interval": f"{INTERVAL}s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "bench", "static_configs": [{"targets": [target]}]}],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        port = private.free_port()
        process = subprocess.Popen(
            [str(shutil.which("prometheus")), f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{port}"],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process.pid, f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=60)


def measure_theirs(target: str) -> dict[str, float]:
    with prometheus(target, "groups: []") as (pid, _):
        time.sleep(WARM_SECONDS)
        before = cpu_seconds([pid])
        time.sleep(WARM_SECONDS)
        idle = (cpu_seconds([pid]) - before) / WARM_SECONDS
    with prometheus(target, rule_file()) as (pid, url):
        time.sleep(WARM_SECONDS + 2 * INTERVAL)
        before = cpu_seconds([pid])
        time.sleep(RUN_SECONDS)
        busy = (cpu_seconds([pid]) - before) / RUN_SECONDS
        found = meters(f"{url}/metrics")
    return {
        "missed": total(found, "prometheus_rule_group_iterations_missed_total"),
        "round_s": round(total(found, "prometheus_rule_group_last_duration_seconds"), 3),
        "cpu_of_rules": round(busy - idle, 3), "cpu_in_all": round(busy, 3),
        "cpu_per_round_s": round((busy - idle) * INTERVAL, 3),
    }  # fmt: skip


def meters(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 — our own address
        return str(answer.read().decode())


def total(page: str, name: str) -> float:
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)", page, re.MULTILINE))


def bucket(page: str, le: int) -> float:
    return sum(
        float(value)
        for value in re.findall(
            rf'^vigil_rule_lag_seconds_bucket\{{le="{le}\.0"\}} (\S+)', page, re.MULTILINE
        )
    )


def cpu_seconds(pids: list[int]) -> float:
    """User and system time of living processes and of their children that have ended."""
    spent = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        spent += sum(int(fields[place]) for place in (11, 12, 13, 14))
    return spent / TICKS


if __name__ == "__main__":
    main()
