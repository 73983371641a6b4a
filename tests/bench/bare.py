"""What the database alone can do with the same rows: the least any way in must do, without HTTP and parsing.

The whole transaction: a temporary table, the new ones among its rows by primary key, narrow row, payload row
and a batch of samples. And the smallest one: a single narrow row.
"""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from monitor.store import partitions
from monitor.store.servers.layout import Layout, database_settings

TABLES = {
    "bare_generation": "monitor_generation",
    "bare_payload": "monitor_payload",
    "bare_batch": "monitor_sample_batch",
}
BATCH_BYTES = 20_000
Connection = psycopg.Connection[tuple[Any, ...]]

_FRESH = """
    WITH fresh AS (
        INSERT INTO bare_generation SELECT {narrow} FROM stage ORDER BY shard, id
        ON CONFLICT DO NOTHING RETURNING shard, id
    ), texts AS (
        INSERT INTO bare_payload SELECT s.shard, s.id, s.project_id, s.prompt, s.output, s.detail
        FROM stage s JOIN fresh f ON f.shard = s.shard AND f.id = s.id
    )
    SELECT id FROM fresh
"""


class Bare:
    """The database of a running Vigil, past Vigil."""

    def __init__(self, data: Path) -> None:
        found = database_settings("", Layout(data))
        self.place = {
            "dbname": found["NAME"], "user": found["USER"], "password": found["PASSWORD"], "host": found["HOST"],
        }  # fmt: skip
        with self.connect() as connection:
            for new, old in TABLES.items():
                connection.execute(_sql(f"DROP TABLE IF EXISTS {new}"))
                connection.execute(
                    _sql(f"CREATE TABLE {new} (LIKE {old} INCLUDING ALL){partitions.pressed_above(old)}")
                )
            rows = connection.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = 'monitor_generation'"
                " ORDER BY ordinal_position"
            ).fetchall()
            self.narrow = ", ".join(row[0] for row in rows)
            self.columns = self.narrow + ", prompt, output, detail"

    def connect(self) -> Connection:
        return psycopg.connect(**self.place, autocommit=True)

    def empty(self) -> None:
        with self.connect() as connection:
            connection.execute(_sql(f"TRUNCATE {', '.join(TABLES)}"))

    def rows(self, count: int, size: int) -> list[bytes]:
        """Stored calls as COPY reads them fastest, ``size`` to a piece."""
        wanted = ", ".join(
            f"p.{name}" if name in {"prompt", "output", "detail"} else f"g.{name}"
            for name in self.columns.split(", ")
        )
        joined = "monitor_generation g JOIN monitor_payload p ON p.shard = g.shard AND p.id = g.id"
        select = f"SELECT {wanted} FROM {joined} ORDER BY g.id LIMIT {{}} OFFSET {{}}"  # noqa: S608 — our own names
        pieces = []
        with self.connect() as connection, connection.cursor() as cursor:
            for at in range(0, count, size):
                query = _sql(f"COPY ({select.format(size, at)}) TO STDOUT (FORMAT BINARY)")
                with cursor.copy(query) as copy:
                    pieces.append(b"".join(bytes(part) for part in copy))
        return pieces

    def whole(self, pieces: Sequence[bytes], size: int, connections: int) -> float:
        """Rows a second of the whole transaction."""
        data = bytes(BATCH_BYTES)
        fresh = _sql(_FRESH.format(narrow=self.narrow))

        def work(connection: Connection, mine: Sequence[bytes]) -> None:
            texts = "''::text AS prompt, ''::text AS output, '{}'::jsonb AS detail"
            empty = f"SELECT {self.narrow}, {texts} FROM monitor_generation LIMIT 0"  # noqa: S608 — our own names
            connection.execute(_sql(f"CREATE TEMP TABLE stage ON COMMIT DELETE ROWS AS {empty}"))
            for piece in mine:
                with connection.transaction(), connection.cursor() as cursor:
                    with cursor.copy(_sql(f"COPY stage ({self.columns}) FROM STDIN (FORMAT BINARY)")) as copy:
                        copy.write(piece)
                    new = cursor.execute(fresh).fetchall()
                    assert len(new) == size
                    cursor.execute(
                        "INSERT INTO bare_batch VALUES (0, %s, 1, 1, 0, 0, 1, %b)", [uuid.uuid4(), data]
                    )

        return len(pieces) * size / self._run(work, pieces, connections)

    def single(self, commits: int, connections: int) -> float:
        """Commits a second, one narrow row each."""
        insert = (
            "INSERT INTO bare_generation (shard, id, project_id, client_id, started_at, received_at, model, version,"
            " environment, operation, provider, route, finish_reason, session, trace_id, span_id, tenant, language,"
            " topic, template, grounding) VALUES (0, %s, 1, 'c', now(), now(), 'm', 'v', 'e', 'o', 'p', 'r', 'f',"
            " 's', 't', 's', 't', 'l', 't', 't', 'g')"
        )

        def work(connection: Connection, mine: Sequence[uuid.UUID]) -> None:
            for one in mine:
                connection.execute(insert, [one], prepare=True)

        return commits / self._run(work, [uuid.uuid4() for _ in range(commits)], connections)

    def _run(
        self, work: Callable[[Connection, Sequence[Any]], None], items: Sequence[Any], connections: int
    ) -> float:
        """Seconds for all items, dealt out among so many connections that are open already."""
        self.empty()
        opened = [self.connect() for _ in range(connections)]
        threads = [
            threading.Thread(target=work, args=(connection, items[at::connections]))
            for at, connection in enumerate(opened)
        ]
        started = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
        for connection in opened:
            connection.close()
        return seconds


def _sql(text: str) -> LiteralString:
    # our own names only
    return text
