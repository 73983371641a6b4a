"""Turns many small batches into few, and closed times into chunks. Safe to run anywhere, any number at once.

One call takes one shard's batches of one project at a time, and no other compactor takes them meanwhile. Each
window is one transaction, so a reader sees either the batches or the chunks that became of them. Batches are
left alone for a while after they were written: writers hear of them as they came, and a window that is still
being filled is not written twice.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from monitor.core import clock
from monitor.store import ids, partitions
from monitor.store.ageing import coarsening, sealing
from monitor.store.models import BatchKind
from monitor.store.samples import batches, blocks, chunks

# times are closed this long after their end; what comes later is merged into their chunks
LATE_MS = 600_000
# pushed batches are left alone for so long; writers rely on it, see ``stored.HEARD_MS``
QUIET_MS = 20_000
# a window that is never quiet is sealed all the same when what it holds has waited so long
PATIENCE_MS = 600_000
# fewer batches of about one size than this are not worth a rewrite
WORTH = 8
# a merged batch this large is left alone until its window closes, or until nothing more comes
LARGE = 128_000
TAKEN = 20_000
# what could not be made smaller is left alone for so long
VAIN_MS = 600_000
# fewer samples than this within so long leave time to tidy up; no batch becomes larger than that
FEW, HUSH_MS, LARGEST = 10_000, 30_000, 1_000_000

_DUE = """
    SELECT shard, project_id, kind FROM monitor_sample_batch GROUP BY shard, project_id, kind
    HAVING min(min_ms) < %s OR count(*) FILTER (WHERE n < %s) >= %s OR (%s AND count(*) > 1)
"""
_MINE = "SELECT pg_try_advisory_xact_lock((1::bigint << 61) + %s * 1024 + %s)"
# waits until no compactor is there, and keeps them out until the end of the transaction
ALONE = "SELECT pg_advisory_xact_lock((1::bigint << 61) + %s * 1024 + %s)"
_BATCHES = """
    SELECT id, min_ms, max_ms, n FROM monitor_sample_batch
    WHERE shard = %s AND project_id = %s AND kind = %s
          AND (kind = 1 OR id < %s OR right(id::text, 8) = '00000000') ORDER BY id LIMIT %s
"""
_BUSY = """
    SELECT min(min_ms), max(max_ms) FROM monitor_sample_batch
    WHERE shard = %s AND project_id = %s AND kind = 0 AND id >= %s AND right(id::text, 8) <> '00000000'
"""
_RECENT = """
    SELECT coalesce(sum(n), 0) FROM monitor_sample_batch WHERE id >= %s AND right(id::text, 8) <> '00000000'
"""
_AGAIN = """
    WITH taken AS (
        DELETE FROM monitor_sample_batch WHERE shard = %s AND project_id = %s AND kind = %s
               AND (kind = 1 OR id < %s OR right(id::text, 8) = '00000000') RETURNING *
    )
    INSERT INTO monitor_sample_batch SELECT * FROM taken
"""


@dataclass(frozen=True, slots=True)
class Compacted:
    """What one call did."""

    batches: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Batch:
    """A row without its bytes."""

    id: UUID
    min_ms: int
    max_ms: int
    n: int


def run(*, now: dt.datetime) -> Compacted:
    """Compact everything that is due."""
    moment = clock.to_ms(now)
    closed = chunks.window_of(moment - LATE_MS)
    hushed = _samples_since(moment - HUSH_MS) < FEW
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [closed, LARGE, WORTH, hushed])
        homes: list[tuple[int, int, int]] = cursor.fetchall()
    taken = sealed = 0
    for shard, project_id, kind in homes:
        home = sealing.Place(shard, project_id, BatchKind(kind))
        for window, end in _windows(home, closed, moment):
            done = _seal(home, window, end, now)
            taken, sealed = taken + done.batches, sealed + done.chunks
        taken += _merge(home, closed, now, hushed=hushed)
    if not connection.in_atomic_block:
        _give_back(moment, hushed=hushed)
        if hushed:
            _rewrite_series(moment)
    return Compacted(taken, sealed)


def _samples_since(moment: int) -> int:
    """How many samples have come since."""
    with connection.cursor() as cursor:
        cursor.execute(_RECENT, [ids.first_at(moment)])
        return int(cursor.fetchone()[0])


def _give_back(moment: int, *, hushed: bool) -> None:
    """The space of removed batches: without this their files stay as large as they ever were."""
    wasteful = partitions.wasteful(moment, hushed=hushed)
    found = [name for name in wasteful if moment - _vain.get(name, 0) > VAIN_MS]
    for name in found:
        partitions.give_back(name)
    still = [name for name in partitions.wasteful(moment, hushed=hushed) if name in found]
    if not still:
        return
    # what is left of open times stands behind all that has gone
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT shard, project_id, kind FROM monitor_sample_batch")
        homes = [sealing.Place(shard, number, BatchKind(kind)) for shard, number, kind in cursor.fetchall()]
    for home in homes:
        _settle_down(home, moment)
    for name in still:
        partitions.give_back(name)
        partitions.rebuild(name)
    _vain.update(dict.fromkeys(partitions.wasteful(moment, hushed=hushed), moment))


def _rewrite_series(moment: int) -> None:
    """In peace, and seldom: what many touches at a time have left behind in the table of series."""
    due = moment - _vain.get(partitions.SERIES, -VAIN_MS) >= VAIN_MS
    if due and partitions.series_wasteful() and partitions.rewrite_series():
        _vain[partitions.SERIES] = moment


# tables that did not become smaller or have just been, and when that was tried
_vain: dict[str, int] = {}


def _windows(home: sealing.Place, closed: int, moment: int) -> list[tuple[int, int]]:
    """Begin and end of the windows that hold closed samples and are not being filled just now."""
    width = chunks.width(home.kind)
    oldest: dict[int, UUID] = {}
    for batch in _written(home, moment - QUIET_MS):
        for window in range(batch.min_ms // width * width, min(batch.max_ms + 1, closed), width):
            oldest.setdefault(window, batch.id)
    low, high = _filled(home, moment - QUIET_MS)
    patient = ids.first_at(moment - PATIENCE_MS)
    return [
        (window, min(window + width, closed))
        for window in sorted(oldest)
        if high < window or low >= min(window + width, closed) or oldest[window] < patient
    ]


def _written(home: sealing.Place, before_ms: int) -> list[Batch]:
    """The batches of a home that may be taken, as they came."""
    with connection.cursor() as cursor:
        cursor.execute(_BATCHES, [*home.key, ids.first_at(before_ms), TAKEN])
        return [Batch(*row) for row in cursor.fetchall()]


def _filled(home: sealing.Place, since_ms: int) -> tuple[int, int]:
    """The span of the pushed samples that came since; an empty one where none did."""
    if home.kind != BatchKind.SAMPLES:
        return 2**62, -(2**62)
    with connection.cursor() as cursor:
        cursor.execute(_BUSY, [home.shard, home.project_id, ids.first_at(since_ms)])
        low, high = cursor.fetchone()
    return (2**62, -(2**62)) if low is None else (low, high)


def _seal(home: sealing.Place, window: int, end: int, now: dt.datetime) -> Compacted:
    """All samples of one window as chunks, together with those of its chunks that exist."""
    partitions.for_batches(clock.to_ms(now))
    partitions.for_chunks([window])
    with transaction.atomic():
        if not _mine(home):
            return Compacted(0, 0)
        members = [
            batch
            for batch in _written(home, clock.to_ms(now) - QUIET_MS)
            if batch.min_ms < end and batch.max_ms >= window
        ]
        identities = [batch.id for batch in members]
        many = sum(batch.n for batch in members)
        made = sealing.seal(home, identities, many, (window, end), now=now) if members else 0
        _delete(home.shard, identities)
        if made:
            coarsening.note(home.shard, home.project_id, window, end)
    return Compacted(len(members), made)


def _merge(home: sealing.Place, closed: int, now: dt.datetime, *, hushed: bool) -> int:
    """Batches of open times, those of about one size together or, while little comes, all; how many."""
    partitions.for_batches(clock.to_ms(now))
    with transaction.atomic():
        if not _mine(home):
            return 0
        found = _written(home, clock.to_ms(now) - QUIET_MS)
        open_ones = [batch for batch in found if batch.min_ms >= closed]
        taken = _of_a_size(open_ones)
        if hushed and not taken:
            taken = _of_any_size(open_ones)
        for members in taken:
            tidy = blocks.add_up if home.kind == BatchKind.DELTAS else blocks.settle
            whole = tidy(blocks.join([blocks.empty(), *sealing.decoded(home.shard, members)]))
            _delete(home.shard, members)
            batches.move(home.project_id, home.shard, home.kind, whole, now=now)
    return sum(map(len, taken))


def _of_a_size(found: Sequence[Batch]) -> list[list[UUID]]:
    sizes: dict[int, list[UUID]] = defaultdict(list)
    for batch in found:
        if batch.n < LARGE:
            sizes[batch.n.bit_length() // 3].append(batch.id)
    return [members for members in sizes.values() if len(members) >= WORTH]


def _of_any_size(found: Sequence[Batch]) -> list[list[UUID]]:
    """The most small batches that are at least half of the largest one with them: each sample is written anew
    few times, however slowly they come.
    """
    ordered = sorted(found, key=lambda batch: batch.n)
    smaller = many = 0
    for count, batch in enumerate(ordered, start=1):
        if count > 1 and 2 * smaller >= batch.n and FEW <= smaller + batch.n <= LARGEST:
            many = count
        smaller += batch.n
    return [[batch.id for batch in ordered[:many]]] if many else []


def _settle_down(home: sealing.Place, moment: int) -> None:
    """Write a home's batches to where others have gone, so that their files can end before them."""
    with transaction.atomic():
        if not _mine(home):
            return
        with connection.cursor() as cursor:
            cursor.execute(_AGAIN, [*home.key, ids.first_at(moment - QUIET_MS)])


def _mine(home: sealing.Place) -> bool:
    """Whether no other compactor is here until the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_MINE, [home.project_id, home.shard])
        return bool(cursor.fetchone()[0])


def _delete(shard: int, identities: Sequence[UUID]) -> None:
    """Remove batches; readers who have not seen those of old samples yet learn of them from one note."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH gone AS (DELETE FROM monitor_sample_batch WHERE shard = %s AND id = ANY(%s)"
            " RETURNING project_id, min_ms, late)"
            " INSERT INTO monitor_late_batch (project_id, min_ms, xid)"
            " SELECT project_id, min(min_ms), max(late) FROM gone WHERE late IS NOT NULL GROUP BY project_id",
            [shard, list(identities)],
        )
