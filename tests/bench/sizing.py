"""What a million calls cost: disk by what it holds, processor time by process, and whether either grows with what is there.

    python -m tests.bench.sizing [calls]

Calls of 1 KB text over the last day are posted in requests of 1,000; then it waits until search and series have
taken them in. Twice: on an empty store, and again on what the first round left. Prints one JSON line.
"""

import json
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator

import psycopg

from monitor.core import clock
from monitor.store.servers.layout import Layout, local_secret
from tests.bench import load, private

CALLS, SIZE = 100_000, 1_000
SETTLED_SECONDS, LONGEST_WAIT = 20.0, 240.0
WORDS = 8_000
# what a table's name begins with, and what that is to people
KINDS = {
    "monitor_payload": "texts", "monitor_generation_key": "calls", "monitor_generation_embedding": "vectors",
    "monitor_embedding": "vectors", "monitor_generation": "calls", "monitor_score": "scores", "monitor_search": "search",
    "monitor_block": "search", "monitor_chunk": "series", "monitor_sample": "series", "monitor_series": "series",
}  # fmt: skip
PARTS = {"web": "granian", "worker": "celery", "database": "postgres"}


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with private.folder() as data, private.vigil(data) as mine:
        key = mine.project("bench", "ingest")
        rounds = [_round(mine, key, count, number) for number in range(2)]
    print(json.dumps({"bench": "sizing", "calls": count, "empty": rounds[0], "again": rounds[1]}))  # noqa: T201 — a benchmark talks


def _round(mine: private.Private, key: str, count: int, number: int) -> dict[str, object]:
    sizes, spent, began = _sizes(mine), _spent(mine), time.monotonic()
    result = load.run(mine.port, list(_requests(key, count, number)), 2)
    # what was sent away as too much at once is not sent again
    count = result.accepted
    took = time.monotonic() - began
    _settle(mine)
    more, later = _sizes(mine), _spent(mine)
    return {
        "calls": count,
        "calls_per_second": round(count / took),
        "bytes_per_call": {kind: round((more[kind] - sizes[kind]) / count) for kind in sorted(more)},
        "cpu_seconds_per_million": {name: round((later[name] - spent[name]) * 1e6 / count) for name in PARTS},
    }


def _requests(key: str, count: int, number: int) -> Iterator[bytes]:
    rng = random.Random(number)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(3, 9))) for _ in range(WORDS)]
    now = clock.now().timestamp()
    for at in range(0, count, SIZE):
        calls = [
            {
                "id": f"{number}-{at + i}", "model": "qwen", "version": f"v{i % 2}", "environment": "prod",
                "started_at": now - 86_400 * rng.random(), "duration_seconds": rng.lognormvariate(0, 0.5),
                "ttft_seconds": rng.lognormvariate(-1.5, 0.4), "input_tokens": rng.randint(20, 900),
                "output_tokens": rng.randint(20, 400), "user": f"u{rng.randint(1, 5000)}",
                "prompt": " ".join(rng.choices(words, k=60)), "output": " ".join(rng.choices(words, k=85)),
            }
            for i in range(min(SIZE, count - at))
        ]  # fmt: skip
        yield load.request("/api/v1/generations", key, json.dumps({"generations": calls}).encode())


def _settle(mine: private.Private) -> None:
    """Until the background has little left to do."""
    deadline = time.monotonic() + LONGEST_WAIT
    while time.monotonic() < deadline:
        before = _spent(mine)["database"]
        time.sleep(SETTLED_SECONDS)
        if _spent(mine)["database"] - before < 0.03 * SETTLED_SECONDS:
            return


def _sizes(mine: private.Private) -> dict[str, int]:
    layout = Layout(mine.folder)
    found: dict[str, int] = defaultdict(int)
    with psycopg.connect(
        host=str(layout.postgres_sockets),
        dbname="vigil",
        user="vigil",
        password=local_secret(layout, "postgres_password"),
    ) as connection:
        rows = connection.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'monitor%'"
        ).fetchall()
    for name, size in rows:
        kind = next(
            (
                kind
                for start, kind in sorted(KINDS.items(), key=lambda one: -len(one[0]))
                if name.startswith(start)
            ),
            "rest",
        )
        found[kind] += size
    return found


def _spent(mine: private.Private) -> dict[str, float]:
    """Processor seconds of each kind of process, ended children included."""
    spent = dict.fromkeys(PARTS, 0.0)
    for pid in mine.tree():
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as line, open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123 — many and small
                command, fields = line.read(), stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        for name, mark in PARTS.items():
            if mark.encode() in command:
                spent[name] += sum(map(int, fields[11:15])) / 100
    return spent


if __name__ == "__main__":
    main()
