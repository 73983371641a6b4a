"""Generations a second over real HTTP against plain COPY of the same rows into the same database.

Everything in one run on one machine, so the ratios travel better than the figures. Prints one JSON line.
"""

import http.client
import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg

from monitor.core import clock
from monitor.management.simulation import traffic
from monitor.management.simulation.story import HOUR, Story
from monitor.store.layout import Layout, database_settings
from tests.bench import private

ROWS_OF_BATCH = {1: 400, 100: 10_000, 1000: 20_000}
CLIENTS = (1, 4)
COPY_ROWS = 20_000
COPY_BATCH = 1000
COPIED = {"bench_generation": "monitor_generation", "bench_payload": "monitor_payload"}


@dataclass(frozen=True)
class Sender:
    port: int
    key: str

    def send(self, bodies: list[bytes]) -> None:
        """All of them over one connection, each answered before the next."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        for body in bodies:
            connection.request("POST", "/api/v1/generations", body=body, headers=headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
            if response.status != http.client.OK or answer["rejected"] or answer["duplicates"]:
                message = f"{response.status}: {str(answer)[:300]}"
                raise RuntimeError(message)
        connection.close()


def main() -> None:
    with private.folder() as data, private.vigil(data) as mine:
        mine.manage("project", "create", "bench")
        key = mine.manage("key", "create", "--project", "bench", "--name", "b", "--scope", "ingest")
        sender, serial = Sender(mine.port, key), itertools.count()
        now = clock.now().timestamp()
        calls = list(traffic.calls(Story(now, rate=2.0), now - 4 * HOUR, now))
        sender.send(batches(calls, 2000, 100, serial))  # warm
        rates = {
            f"batch_{size}_clients_{clients}": measure(
                sender,
                batches(calls, rows * (clients if size > 1 else 2 * clients), size, serial),
                size,
                clients,
            )
            for size, rows in ROWS_OF_BATCH.items()
            for clients in CLIENTS
        }
        plain = copy_rate(mine.folder)
        ratios = {name: round(rate / plain, 4) for name, rate in rates.items()}
        figures = {name: round(rate) for name, rate in rates.items()}
        print(  # noqa: T201 — a benchmark talks
            json.dumps({"bench": "ingest", "copy_per_s": round(plain), "per_s": figures, "of_copy": ratios})
        )


def batches(calls: list[traffic.Record], rows: int, size: int, serial: "itertools.count[int]") -> list[bytes]:
    """``rows`` calls in requests of ``size``, each under an id of its own."""
    endless = itertools.cycle(calls)
    fresh = [{**next(endless), "id": f"bench-{next(serial)}"} for _ in range(rows)]
    return [
        json.dumps({"generations": fresh[at : at + size]}, ensure_ascii=False).encode()
        for at in range(0, rows, size)
    ]


def measure(sender: Sender, bodies: list[bytes], size: int, clients: int) -> float:
    """Generations a second with ``clients`` connections at once."""
    with ThreadPoolExecutor(clients) as pool:
        started = time.perf_counter()
        list(pool.map(sender.send, [bodies[at::clients] for at in range(clients)]))
        return len(bodies) * size / (time.perf_counter() - started)


def copy_rate(data: Path) -> float:
    """Rows a second of plain COPY: the stored calls again, row and text, 1000 to a commit, same keys and indexes."""
    found = database_settings("", Layout(data))
    with psycopg.connect(
        dbname=found["NAME"],
        user=found["USER"],
        password=found["PASSWORD"],
        host=found["HOST"],
        autocommit=True,
    ) as connection:
        chunks = {new: _rows(connection, old) for new, old in COPIED.items()}
        for new, old in COPIED.items():
            connection.execute(f"CREATE TABLE {new} (LIKE {old} INCLUDING ALL)")
        started = time.perf_counter()
        for at in range(COPY_ROWS // COPY_BATCH):
            with connection.transaction(), connection.cursor() as cursor:
                for new in COPIED:
                    with cursor.copy(f"COPY {new} FROM STDIN") as copy:
                        copy.write(chunks[new][at])
        return COPY_ROWS / (time.perf_counter() - started)


def _rows(connection: "psycopg.Connection[tuple[object, ...]]", table: str) -> list[bytes]:
    with connection.cursor() as cursor:
        query = f"COPY (SELECT * FROM {table} ORDER BY shard, id LIMIT {COPY_ROWS}) TO STDOUT"  # noqa: S608 — our own names
        with cursor.copy(query) as copy:
            lines = [bytes(line) for line in copy]
    return [b"".join(lines[at : at + COPY_BATCH]) for at in range(0, COPY_ROWS, COPY_BATCH)]


if __name__ == "__main__":
    main()
