"""Partitions: made before they are needed, dropped whole when their time is over.

Tables by time-first id are cut by UTC day, chunks by week. Creation is idempotent and cheap (about 1 ms).
"""

import datetime as dt
from collections.abc import Iterable
from threading import Lock

from django.db import connection, transaction
from django.db.utils import OperationalError, ProgrammingError

from monitor.core import clock
from monitor.store import ids

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
BY_ID = ("monitor_generation", "monitor_payload", "monitor_embedding", "monitor_score")
BATCHES = "monitor_sample_batch"
CHUNKS = "monitor_chunk"
PACKED = ("head", "data", "rest")
AHEAD_DAYS = 7
# texts of calls lie as they are while two rows fit on a page: to press them took more than all else about such a
# row together, saved an eighth of the room, and reading took thrice as long. In bytes, of a whole row
AS_THEY_ARE = {"monitor_payload": 4_080}
SERIES = "monitor_series"
# larger than this, it is not written anew: nobody could write meanwhile
SERIES_AT_MOST = 2**26
# a table of more than this, and of so many times what its rows hold, is worth another look; or while little comes
ROOMY, SPARSE = 2**20, 4.0
ROOMY_IN_PEACE, SPARSE_IN_PEACE = 2**18, 1.15
SPARSE_SERIES = 1.5
_LOCK_KEY = 0x7669_6769_6C70

_known: set[str] = set()
# days of which every table of generations is known to have its partition, and those of which batches have theirs
_whole_days: set[int] = set()
_batch_days: set[int] = set()
_lock = Lock()


def for_generations(milliseconds: Iterable[int]) -> None:
    """Make sure that rows with these times find their partitions, in every table of generations."""
    for day in {moment // DAY_MS for moment in milliseconds}:
        if day not in _whole_days:
            for table in BY_ID:
                _ensure_day(table, day)
            if not connection.in_atomic_block:
                _whole_days.add(day)


def for_batches(milliseconds: int) -> None:
    day = milliseconds // DAY_MS
    if day not in _batch_days:
        _ensure_day(BATCHES, day)
        if not connection.in_atomic_block:
            _batch_days.add(day)


def for_chunks(milliseconds: Iterable[int]) -> None:
    for week in {moment // WEEK_MS for moment in milliseconds}:
        low, high = clock.from_ms(week * WEEK_MS), clock.from_ms((week + 1) * WEEK_MS)
        _ensure(CHUNKS, f"w{low:%Y%m%d}", low.isoformat(), high.isoformat())


def ahead(now: dt.datetime) -> None:
    """What the nightly job calls: the coming week's partitions of every table."""
    today = clock.to_ms(now)
    days = [today + day * DAY_MS for day in range(AHEAD_DAYS + 1)]
    for_generations(days)
    for_chunks(days)
    for day in days:
        for_batches(day)


def drop_before(table: str, milliseconds: int, *, only_empty: bool = False) -> list[str]:
    """Drop the partitions of ``table`` that end at or before that time; their names."""
    gone = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table]
        )
        for (name,) in cursor.fetchall():
            start = dt.datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=dt.UTC)
            length = WEEK_MS if table == CHUNKS else DAY_MS
            if clock.to_ms(start) + length > milliseconds or (only_empty and _holds_rows(name)):
                continue
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(name)}")
            gone.append(name)
    with _lock:
        _known.difference_update(gone)
        if gone:
            _whole_days.clear()
            _batch_days.clear()
    return gone


def wasteful(milliseconds: int, *, hushed: bool = False) -> list[str]:
    """The latest partitions of batches that hold far more space than their rows; ``hushed``: more at all."""
    roomy, sparse = (ROOMY_IN_PEACE, SPARSE_IN_PEACE) if hushed else (ROOMY, SPARSE)
    found = []
    with connection.cursor() as cursor:
        for day in (milliseconds - DAY_MS, milliseconds):
            name = f"{BATCHES}_d{clock.from_ms(day):%Y%m%d}"
            cursor.execute("SELECT to_regclass(%s)", [name])
            if cursor.fetchone()[0] is None:
                continue
            cursor.execute(
                f"SELECT pg_total_relation_size(%s), coalesce(sum(length(data)), 0)::bigint FROM {name}",
                [name],
            )
            held, used = cursor.fetchone()
            if held > roomy + sparse * used:
                found.append(name)
    return found


def give_back(name: str) -> None:
    """Let the files of a table end behind its last row; every dead one, however few, stands in the way."""
    with connection.cursor() as cursor:
        cursor.execute(f"VACUUM (INDEX_CLEANUP ON) {name}")


def rebuild(name: str) -> None:
    """Indexes never shrink by themselves. Few rows are left, so it is done in no time, or else not now."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '100ms'")
            cursor.execute(f"REINDEX TABLE {name}")
    except OperationalError:
        return


def series_wasteful() -> bool:
    """Whether the table of series, after many touches at a time, holds far more space than its rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size(%s)", [SERIES])
        held = cursor.fetchone()[0]
        if not ROOMY_IN_PEACE < held <= SERIES_AT_MOST:
            return False
        cursor.execute(f"SELECT coalesce(sum(pg_column_size(s.*)), 0)::bigint FROM {SERIES} s")
        return bool(held > SPARSE_SERIES * cursor.fetchone()[0])


def rewrite_series() -> bool:
    """Its rows into a new file; False where there was not the moment in which no other may write."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
        try:
            cursor.execute(f"VACUUM (FULL) {SERIES}")
        except OperationalError:
            return False
        finally:
            cursor.execute("RESET lock_timeout")
    return True


def ends(table: str) -> list[tuple[str, int]]:
    """The partitions of a table that is cut by days, oldest first, and the millisecond each ends at."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass ORDER BY 1",
            [table],
        )
        starts = [
            (name, dt.datetime.strptime(name[-8:], "%Y%m%d").replace(tzinfo=dt.UTC))
            for (name,) in cursor.fetchall()
        ]
    return [(name, clock.to_ms(start) + DAY_MS) for name, start in starts]


def _holds_rows(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {connection.ops.quote_name(name)})")
        return bool(cursor.fetchone()[0])


def _ensure_day(table: str, day: int) -> None:
    low, high = ids.first_at(day * DAY_MS), ids.first_at((day + 1) * DAY_MS)
    _ensure(table, f"d{clock.from_ms(day * DAY_MS):%Y%m%d}", str(low), str(high))


def _ensure(table: str, suffix: str, low: str, high: str) -> None:
    name = f"{table}_{suffix}"
    if name in _known:
        return
    try:
        _create(table, name, low, high)
    except ProgrammingError as error:
        # another process made it between our look and our CREATE
        if "already exists" not in str(error):
            raise
    if not connection.in_atomic_block:
        with _lock:
            _known.add(name)


def pressed_above(table: str) -> str:
    """What ends the statement that makes a partition of the table: from which size on its rows are pressed."""
    return f" WITH (toast_tuple_target = {AS_THEY_ARE[table]})" if table in AS_THEY_ARE else ""


def _create(table: str, name: str, low: str, high: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s)", [name])
        if cursor.fetchone()[0] is not None:
            return
        # one creator at a time: concurrent DDL on one parent deadlocks
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK_KEY])
        cursor.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table}"
            f" FOR VALUES FROM ('{low}') TO ('{high}'){pressed_above(table)}"
        )
        if table == CHUNKS:
            # nobody compares packed samples: what PostgreSQL would remember of them is room lost
            cursor.execute(
                f"ALTER TABLE {name} "
                + ", ".join(f"ALTER COLUMN {column} SET STATISTICS 0" for column in PACKED)
            )
