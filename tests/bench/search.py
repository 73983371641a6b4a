"""First pages of a search against LIKE over the same rows, and what the index costs, in one run.

A million calls of 1 KB unless BENCH_ROWS says otherwise. Prints one JSON line.
"""

import datetime as dt
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

from monitor.core import clock
from tests.bench import many

ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
INGESTED = 20_000
TIMES = 5
NOWHERE = ("xylophone walrus", "鹦鹉螺化石", "ペンギンの卵", "طائر الفلامنغو")
LIKE = (
    "SELECT g.id FROM monitor_generation g JOIN monitor_payload p ON p.shard = g.shard AND p.id = g.id"
    " WHERE g.project_id = %s AND g.id >= %s AND g.id < %s AND (p.prompt LIKE %s OR p.output LIKE %s)"
    " ORDER BY g.id DESC LIMIT 50"
)


def main() -> None:
    with many.database():
        from django.db import connection

        from monitor.store.calls import grams, indexing

        now = clock.now()
        project_id = many.project("bench", now)
        many.fill(project_id, ROWS, now)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        began, cpu = time.perf_counter(), time.process_time()
        blocks = indexing.run(now=now)
        indexed = (time.perf_counter() - began) / (blocks * grams.ROWS)
        index_cpu = (time.process_time() - cpu) / (blocks * grams.ROWS)
        ratios, milliseconds = {}, {}
        for kind, texts in {"rare": many.PLANTED, "nowhere": NOWHERE, "common": many.COMMON}.items():
            for text in texts:
                ours, theirs, same = compared(project_id, now, text)
                ratios[f"{kind} {text}"] = round(ours / theirs, 4)
                milliseconds[f"{kind} {text}"] = (round(ours * 1e3, 1), round(theirs * 1e3, 1), same)
        ingested = ingest(project_id, now)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_total_relation_size('monitor_search_block')")
            size = cursor.fetchone()[0] / (blocks * grams.ROWS)
        print(  # noqa: T201 — a benchmark talks
            json.dumps({
                "bench": "search", "rows": ROWS, "of_like": ratios, "ours_like_ms_same": milliseconds,
                "index_us_per_row": round(indexed * 1e6, 1), "index_python_us_per_row": round(index_cpu * 1e6, 1),
                "index_of_ingest": round(indexed / ingested, 3), "index_bytes_per_row": round(size),
            }, ensure_ascii=False)
        )  # fmt: skip


def compared(project_id: int, now: dt.datetime, text: str) -> tuple[float, float, bool]:
    """Median seconds of both, taken in turns, and whether both found the same calls."""
    from django.db import connection

    from monitor.store import ids
    from monitor.store.calls import generations
    from monitor.store.calls.generations import Filter

    start = now - dt.timedelta(days=many.DAYS + 1)
    wanted = Filter(project_id, start, now, text=f'"{text}"')
    bounds: list[Any] = [project_id, ids.first_at(clock.to_ms(start)), ids.first_at(clock.to_ms(now) + 1)]

    def read_all() -> list[object]:
        with connection.cursor() as cursor:
            cursor.execute(LIKE, [*bounds, f"%{text}%", f"%{text}%"])
            return [row[0] for row in cursor.fetchall()]

    def search() -> list[object]:
        return [one.id for one in generations.page(wanted)]

    ours, theirs = [], []
    for _ in range(TIMES):
        ours.append(timed(search))
        theirs.append(timed(read_all))
    return statistics.median(ours), statistics.median(theirs), search() == read_all()


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def ingest(project_id: int, now: dt.datetime) -> float:
    """Seconds a row of the write path alone: a thousand calls of 1 KB at a time, no HTTP and no parsing."""
    import random

    from monitor.ingest import pipeline
    from monitor.ingest.envelope import Batch, Generation

    dice, phrases = random.Random(7), many.phrases(random.Random(1))
    batches = [
        Batch(generations=[
            Generation(model="m", id=f"i{first + n}", duration_seconds=1.5, ttft_seconds=0.2, input_tokens=100, output_tokens=50,
                       prompt=" ".join(dice.choices(phrases, k=4)), output=dice.choice(phrases))
            for n in range(1000)
        ])
        for first in range(0, INGESTED, 1000)
    ]  # fmt: skip
    pipeline.take(project_id, batches[0], now=now)
    return timed(lambda: [pipeline.take(project_id, batch, now=now) for batch in batches[1:]]) / (
        INGESTED - 1000
    )


if __name__ == "__main__":
    main()
