"""Which series exist: written with their first sample, and touched when their span grows.

Rows are updated where they lie, and all of a fleet would be at once: each has its own patience, so that a page
never has to hold two versions of every row that is in it.
"""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from django.db import connection, transaction

from monitor.core.labels import Labels
from monitor.store import prepared
from monitor.store.models import SeriesKind
from monitor.store.samples import homes
from monitor.store.samples.blocks import Ints

# a span in the table may lag behind the samples by this much, so that not every push writes here; Prometheus'
# lists of series and labels are as coarse
TOUCH_MS = 10_800_000
# derived series go on flat from their last sample, so that is known better
TOUCH_DERIVED_MS = 3_600_000
TURNS = 8

_UPSERT = """
    INSERT INTO monitor_series (shard, id, project_id, name, labels, kind, first_seen, last_seen, xid)
    SELECT %(shard)s, s.id, %(project)s, s.name, s.labels, s.kind,
           to_timestamp(s.first_ms / 1000.0), to_timestamp(s.last_ms / 1000.0),
           pg_current_xact_id()::text::bigint
    FROM jsonb_to_recordset(%(rows)s::jsonb)
         AS s(id bigint, name text, labels jsonb, kind smallint, first_ms bigint, last_ms bigint)
    ORDER BY s.id
    ON CONFLICT (shard, id) DO UPDATE SET
        first_seen = least(monitor_series.first_seen, excluded.first_seen),
        last_seen = greatest(monitor_series.last_seen, excluded.last_seen),
        xid = excluded.xid
    RETURNING id, labels, xmax = 0
"""
# the rows are locked in the order of their ids, whatever way the join takes
_WIDEN = """
    WITH locked AS MATERIALIZED (
        SELECT id FROM monitor_series WHERE shard = {shard}::smallint AND id = ANY({ids}::bigint[])
        ORDER BY id FOR NO KEY UPDATE
    )
    UPDATE monitor_series SET
        first_seen = least(first_seen, to_timestamp(s.first_ms / 1000.0)),
        last_seen = greatest(last_seen, to_timestamp(s.last_ms / 1000.0)), xid = s.xid
    FROM (
        SELECT u.*, pg_current_xact_id()::text::bigint AS xid
        FROM unnest({ids}::bigint[], {firsts}::bigint[], {lasts}::bigint[]) AS u(id, first_ms, last_ms)
        JOIN locked ON locked.id = u.id
    ) AS s
    WHERE monitor_series.shard = {shard}::smallint AND monitor_series.id = s.id
    RETURNING monitor_series.id
"""
_TOUCH = _WIDEN.format(shard="%(shard)s", ids="%(ids)s", firsts="%(firsts)s", lasts="%(lasts)s")
_TOUCH_ALONE = _WIDEN.format(shard="$1", ids="$2", firsts="$3", lasts="$4")


# who is writing a row that seemed old makes it young again
_DROP = """
    DELETE FROM monitor_series USING (
        SELECT shard, id FROM monitor_series WHERE last_seen < %s ORDER BY 1, 2 FOR UPDATE SKIP LOCKED
    ) AS old WHERE monitor_series.shard = old.shard AND monitor_series.id = old.id
"""


class SeriesCollisionError(RuntimeError):
    """Two label sets share a 63-bit fingerprint. Once in some billions of series; rename a label."""


@dataclass(slots=True)
class SeriesSpan:
    """A series and the span of the samples that are about to be written."""

    id: int
    labels: Labels
    kind: SeriesKind
    first_ms: int
    last_ms: int


# (shard, id) → the span that the table is known to hold
_known: dict[tuple[int, int], tuple[int, int]] = {}
_KNOWN_LIMIT = 500_000


def patience(ids: Ints) -> Ints:
    """How far the samples of pushed series may be ahead of the table: half of the most there is, or more."""
    found: Ints = TOUCH_MS - ids % TURNS * (TOUCH_MS // (2 * TURNS))
    return found


def register(project_id: int, shard: int, spans: Sequence[SeriesSpan]) -> set[int]:
    """Write the series that are new here or whose span grew; before their samples, or in the same transaction.

    Returns the ids of those that did not exist before. All writers take rows in one order, in one statement
    each, so that no two wait for each other.
    """
    news = sorted((span for span in spans if _grows(shard, span)), key=lambda span: span.id)
    strangers = news
    if all((shard, span.id) in _known for span in news):
        touched = _touch(shard, news)
        # gone since: their time was over
        strangers = [span for span in news if span.id not in touched]
    made = _insert(project_id, shard, strangers) if strangers else set()
    transaction.on_commit(lambda: _remember(shard, news))
    return made


def covered(shard: int, spans: Sequence[SeriesSpan]) -> bool:
    """Whether the table is known to hold all of them already, so that ``register`` has nothing to write."""
    return not any(_grows(shard, span) for span in spans)


def touch(shard: int, ids: Sequence[int], firsts: Sequence[int], lasts: Sequence[int]) -> bool:
    """Widen the spans of series that this process knows to be there, outside a transaction; whether all still are.

    A span that is too wide does no harm, so this may be done before there are such samples, while others write.
    """
    if any((shard, identity) not in _known for identity in ids):
        return False
    connection.ensure_connection()
    values: list[int | str] = [
        shard,
        *(f"{{{','.join(map(str, numbers))}}}" for numbers in (ids, firsts, lasts)),
    ]
    with connection.wrap_database_errors:
        touched = prepared.rows(connection.connection, _TOUCH_ALONE, values)
    if len(touched) < len(ids):
        return False
    _widen(shard, zip(ids, firsts, lasts, strict=True))
    return True


def drop(*, before: dt.datetime) -> None:
    """Forget the series that had no sample since; those that somebody writes at this moment stay."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP, [before])


def _touch(shard: int, spans: Sequence[SeriesSpan]) -> set[int]:
    """Widen the spans of known series; the ids of those that are still there."""
    if not spans:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            _TOUCH,
            {
                "shard": shard, "ids": [span.id for span in spans],
                "firsts": [span.first_ms for span in spans], "lasts": [span.last_ms for span in spans],
            },
        )  # fmt: skip
        return {row[0] for row in cursor.fetchall()}


def _insert(project_id: int, shard: int, news: Sequence[SeriesSpan]) -> set[int]:
    rows = [
        {
            "id": span.id, "name": span.labels.name, "labels": dict(span.labels.items_sorted), "kind": span.kind.value,
            "first_ms": span.first_ms, "last_ms": span.last_ms,
        }
        for span in news
    ]  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            _UPSERT,
            {"shard": shard, "project": project_id, "rows": msgspec.json.encode(rows).decode()},
        )
        answer = cursor.fetchall()
    _compare(news, {identity: labels for identity, labels, _ in answer})
    return {identity for identity, _, made in answer if made}


def _grows(shard: int, span: SeriesSpan) -> bool:
    known = _known.get((shard, span.id))
    slack = TOUCH_MS // 2 if span.kind == SeriesKind.PUSHED else TOUCH_DERIVED_MS
    return known is None or span.first_ms < known[0] or span.last_ms > known[1] + slack


def _compare(news: Sequence[SeriesSpan], stored: dict[int, object]) -> None:
    for span in news:
        labels = stored[span.id]
        found = msgspec.json.decode(labels) if isinstance(labels, str) else labels
        if found != (mine := dict(span.labels.items_sorted)):
            message = f"{mine} and {found} share the fingerprint {span.id}; change one label"
            raise SeriesCollisionError(message)


def _remember(shard: int, news: Sequence[SeriesSpan]) -> None:
    if len(_known) > _KNOWN_LIMIT:
        _known.clear()
    _widen(shard, ((span.id, span.first_ms, span.last_ms) for span in news))


def _widen(shard: int, spans: Iterable[tuple[int, int, int]]) -> None:
    for identity, first_ms, last_ms in spans:
        first, last = _known.get((shard, identity), (first_ms, last_ms))
        _known[shard, identity] = (min(first, first_ms), max(last, last_ms))


def forget() -> None:
    """Drop what this process remembers; after a restore or a deleted project."""
    _known.clear()
    homes.forget()
