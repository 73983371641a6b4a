"""The summary numbers of a page through the API: p50 and p99 of a day by version, of BENCH_CALLS calls (500 000).

Every question is about another second, so that none is answered from a kept answer. Prints one JSON line.
"""

import json
import os
import statistics
import time
from typing import Any
from urllib.parse import quote

from monitor.core import clock
from tests.bench import many

CALLS = int(os.environ.get("BENCH_CALLS", "500000"))
BATCH = 5_000
DAY_MS = 86_400_000
ASKED = 41
QUESTION = "histogram_quantile({}, sum by (version) (increase(llm_request_duration_seconds[24h])))"


def main() -> None:
    with many.database():
        from django.conf import settings
        from django.core.management import call_command
        from django.test import Client

        settings.ALLOWED_HOSTS = ["*"]
        now = clock.now()
        project = many.project("summary", now)
        began = time.perf_counter()
        fill(project)
        filled = time.perf_counter() - began
        key = made_key(call_command)
        client = Client()
        first = asked(client, key, clock.to_ms(now))
        cpu = time.process_time()
        later = [asked(client, key, clock.to_ms(now) + 1_000 * n) for n in range(1, ASKED)]
        cpu = time.process_time() - cpu
        print(  # noqa: T201 — a benchmark talks
            json.dumps({
                "bench": "summary", "calls": CALLS, "fill_s": round(filled, 1),
                "p50_and_p99_by_version_24h_ms": {
                    "first": round(first * 1e3, 1), "median": round(statistics.median(later) * 1e3, 2),
                    "worst": round(max(later) * 1e3, 1), "python_cpu": round(cpu * 1e3 / len(later), 2),
                },
            })
        )  # fmt: skip


def fill(project: int) -> None:
    """Calls of the last day through the front door, three models in three versions."""
    from monitor.ingest import pipeline
    from monitor.ingest.envelope import Batch, Generation
    from monitor.store.ageing import compact

    now = clock.now()
    start, step = clock.to_ms(now) - DAY_MS, DAY_MS / CALLS
    for at in range(0, CALLS, BATCH):
        calls = [
            Generation(
                model=f"m{n % 3}", version=f"v{n // 3 % 3}", id=f"c{n}", started_ms=int(start + n * step), duration_seconds=0.2 + n % 997 / 300,
                ttft_seconds=0.1 + n % 89 / 400, input_tokens=n % 3000, output_tokens=n % 700, error="timeout" if n % 100 == 0 else None,
                prompt="What is the state of my order?", output="It is on its way.",
            )
            for n in range(at, min(at + BATCH, CALLS))
        ]  # fmt: skip
        pipeline.take(project, Batch(generations=calls), now=now)
    compact.run(now=now)


def made_key(command: Any) -> str:
    import contextlib
    import io

    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        command("key", "create", "--project", "summary", "--name", "b", "--scope", "query")
    return said.getvalue().split()[-1]


def asked(client: Any, key: str, at_ms: int) -> float:
    """Seconds for both numbers."""
    began = time.perf_counter()
    for share in (0.5, 0.99):
        address = f"/api/v1/query?query={quote(QUESTION.format(share))}&time={at_ms / 1000}"
        answer = client.get(address, headers={"authorization": f"Bearer {key}"})
        rows = json.loads(answer.content)["data"]["result"]
        assert len(rows) == 3, answer.content[:300]
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
