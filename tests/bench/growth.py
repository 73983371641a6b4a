"""What pages cost with ten times as many calls: list, search, overview, compare, in one run.

Two projects with the same series and the same week, one with BENCH_FEW calls (100 000), one with BENCH_MANY (1 000 000).
Prints one JSON line of ratios, many over few.
"""

import datetime as dt
import json
import os
import statistics
import time
from collections.abc import Callable

from monitor.core import clock
from tests.bench import many

FEW, MANY = int(os.environ.get("BENCH_FEW", "100000")), int(os.environ.get("BENCH_MANY", "1000000"))
TIMES = 9
PUSHED = 2_000
PAGES = (
    "overview",
    "compare",
    "generations",
    "generations/?errors=1",
    "generations/?q=zebrafish",
    "settings",
)


def main() -> None:
    with many.database():
        from django.conf import settings
        from django.contrib.auth.models import User
        from django.test import Client

        settings.ALLOWED_HOSTS = ["*"]
        now = clock.now()
        ids = {name: many.project(name, now) for name in ("few", "many")}
        for name, rows in (("few", FEW), ("many", MANY)):
            push(ids[name], now)
            many.fill(ids[name], rows, now)
        prepare(now)
        User.objects.create_superuser("bench", "bench@example.com", "bench-bench")
        client = Client()
        client.force_login(User.objects.get())
        took: dict[str, dict[str, list[float]]] = {page: {"few": [], "many": []} for page in PAGES}
        for _ in range(TIMES):
            for page, of in took.items():
                for name, seconds in of.items():
                    seconds.append(timed(lambda: get(client, name, page)))  # noqa: B023 — called at once
        medians = {
            page: {name: statistics.median(all_of) for name, all_of in of.items()}
            for page, of in took.items()
        }
        print(  # noqa: T201 — a benchmark talks
            json.dumps({
                "bench": "growth", "few": FEW, "many": MANY,
                "many_over_few": {page: round(of["many"] / of["few"], 2) for page, of in medians.items()},
                "ms": {page: {name: round(s * 1e3, 1) for name, s in of.items()} for page, of in medians.items()},
            })
        )  # fmt: skip


def push(project_id: int, now: dt.datetime) -> None:
    """The same calls for both through the front door: they make the series."""
    from monitor.ingest import pipeline
    from monitor.ingest.envelope import Batch, Generation

    start, step = clock.to_ms(now) - many.DAYS * 86_400_000, many.DAYS * 86_400_000 // PUSHED
    calls = [
        Generation(model="m", version=f"v{n % 3}", id=f"pushed-{n}", started_ms=start + n * step, duration_seconds=1 + n % 7,
                   ttft_seconds=0.2, input_tokens=100, output_tokens=50, error="timeout" if n % 50 == 0 else None)
        for n in range(PUSHED)
    ]  # fmt: skip
    pipeline.take(project_id, Batch(generations=calls), now=now)


def prepare(now: dt.datetime) -> None:
    from django.db import connection

    from monitor.store import compact, indexing

    indexing.run(now=now)
    compact.run(now=now)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def get(client: "object", name: str, page: str) -> None:
    path, _, query = page.partition("?")
    address = f"/p/{name}/{path.rstrip('/')}/?range=24h&{query}"
    answer = client.get(address)  # type: ignore[attr-defined] # imported once Django is up
    if answer.status_code != 200:
        message = f"{address}: {answer.status_code}"
        raise RuntimeError(message)


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
