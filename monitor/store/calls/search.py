"""Calls by what was said in them: the newest first, in any language, without reading what can't match.

Newest rows are simply read; older ones only where their block's bits allow a match. What is found that way is
looked at once more, so an answer is exactly what reading every row would have given.
"""

import re
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any

import psycopg
from django.db import connection

from monitor.store import ids
from monitor.store.calls import grams, indexing
from monitor.store.samples.batches import buckets_of
from monitor.store.shards import KEYS, shards_of

# so many of the newest rows are read before any block is looked at: a common word is found among them
NEWEST = 512
MOST_TERMS = 32
LONGEST = 4_000
# blocks are looked into a few at a time first, then more
_FIRST_BLOCKS, _MOST_BLOCKS = 4, 64
_FIRST_ROWS, _MOST_ROWS = 256, 4_096
# quotation marks that are never closed go to the end
_TERM = re.compile(r'"([^"]+)(?:"|\Z)|“([^”]+)(?:”|\Z)|(\S+)')
# marks of the direction of writing, which come along when a word is copied
_UNSEEN = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_BLOCKS = """
    SELECT shard, id, high, {slices} FROM monitor_search_block
    WHERE project_id = %(project)s AND low < %(last)s AND high >= %(first)s
        AND (high, id) < (%(below)s, %(id)s) ORDER BY high DESC, id DESC LIMIT %(limit)s
"""
_NAMED = (
    "SELECT generation_id FROM monitor_generation_key WHERE shard = ANY(%s) AND key = %s AND project_id = %s"
)
# a join with the list, not a condition: each id is one look into its own partition; the bounds keep planning short
_CHECK = """
    SELECT p.id FROM unnest(%(lot)s::uuid[]) AS l (id), unnest(%(shards)s::smallint[]) AS s (shard)
        JOIN LATERAL (SELECT id FROM monitor_payload WHERE shard = s.shard AND monitor_payload.id = l.id
            AND monitor_payload.id BETWEEN %(oldest)s AND %(newest)s AND project_id = %(project)s
            AND (({said}) OR id = ANY(%(also)s)) LIMIT 1) AS p ON TRUE
    ORDER BY p.id DESC
"""
_NOTES = "SELECT ids FROM monitor_search_note WHERE project_id = %s"
_MEMBERS = "SELECT {parts} FROM monitor_search_block WHERE shard = %s AND id = %s"
_TOP = uuid.UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class Span:
    """Ids of calls from ``first`` up to but not including ``last``."""

    first: uuid.UUID
    last: uuid.UUID

    def holds(self, identity: uuid.UUID) -> bool:
        return self.first <= identity < self.last


def terms(text: str) -> list[str]:
    """What must all stand in a call: words, and phrases in quotes."""
    found = [(a or b or c).strip(_UNSEEN) for a, b, c in _TERM.findall(text[:LONGEST].replace("\x00", ""))]
    return list(dict.fromkeys(filter(None, found)))[:MOST_TERMS]


def operator(word: str) -> str:
    """How SQL compares without regard to case; where there is no case, or only ASCII's, that is far cheaper."""
    if word.lower() == word.upper():
        return "LIKE"
    return 'COLLATE "C" ILIKE' if word.isascii() else "ILIKE"


def pattern(word: str) -> str:
    """What ``operator`` compares with: the word anywhere, and nothing in it is special."""
    escaped = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def matches(
    project_id: int, span: Span, sought: Sequence[str], also: Sequence[uuid.UUID] = ()
) -> Iterator[list[uuid.UUID]]:
    """The calls in which all of ``sought`` stands, newest first, in lots; those of ``also`` come in their place.

    Only where the texts are long enough to say anything: see ``can_narrow``.
    """
    shards = shards_of(project_id, buckets_of(project_id))
    for lot in _lots(_newest_first(project_id, span, grams.slices(sought), also)):
        if found := _checked(project_id, shards, lot, sought, also):
            yield found


def can_narrow(sought: Sequence[str]) -> bool:
    """Whether the bits can rule anything out; texts shorter than a run can't be looked up."""
    return bool(grams.slices(sought))


def named(project_id: int, text: str) -> list[uuid.UUID]:
    """The call whose sender's id the text is."""
    key = ids.client_key(project_id, text.strip()[:LONGEST])
    return [row[0] for row in _rows(_NAMED, [list(KEYS), key, project_id])]


def unguessed(condition: str) -> str:
    """The same condition, of which the planner does not guess how often it holds.

    To guess it would try each pattern on the samples that it keeps of every day's texts, which takes longer than
    to read a page of calls.
    """
    return f"CASE WHEN {condition} THEN TRUE ELSE FALSE END"


def said(sought: Sequence[str], prefix: str = "") -> tuple[str, dict[str, Any]]:
    """The condition that all of ``sought`` stands in prompt or output, and its parameters."""
    conditions = []
    for n, word in enumerate(sought):
        # mostly the case is right too, and that is told in half the time
        ways = dict.fromkeys(("LIKE", operator(word)))
        either = (f"{prefix}{column} {way} %(word{n})s" for way in ways for column in ("prompt", "output"))
        conditions.append(f"({' OR '.join(either)})")
    return " AND ".join(conditions), {f"word{n}": pattern(word) for n, word in enumerate(sought)}


def _checked(
    project_id: int,
    shards: Sequence[int],
    lot: Sequence[uuid.UUID],
    sought: Sequence[str],
    also: Sequence[uuid.UUID],
) -> list[uuid.UUID]:
    """Those of the lot in which the words do stand."""
    stands, values = said(sought)
    values |= {
        "project": project_id, "shards": list(shards), "lot": list(lot), "also": list(also), "newest": lot[0],
        "oldest": lot[-1],
    }  # fmt: skip
    return [row[0] for row in _rows(_CHECK.format(said=unguessed(stands)), values)]


def _lots(found: Iterator[uuid.UUID]) -> Iterator[list[uuid.UUID]]:
    lot: list[uuid.UUID] = []
    size = _FIRST_ROWS
    for identity in found:
        lot.append(identity)
        if len(lot) == size:
            yield lot
            lot, size = [], min(2 * size, _MOST_ROWS)
    if lot:
        yield lot


def _newest_first(
    project_id: int, span: Span, needed: Sequence[int], also: Sequence[uuid.UUID]
) -> Iterator[uuid.UUID]:
    """Blocks may overlap in time: what lies above all blocks not yet looked into is certain to come first."""
    pool = [-one.int for one in {*_noted(project_id, span), *filter(span.holds, also)}]
    heapify(pool)
    below, size, before = (_TOP, _TOP), _FIRST_BLOCKS, None
    while True:
        blocks = _blocks(project_id, span, needed, below, size)
        edge = blocks[-1][2].int if len(blocks) == size else -1
        for shard, block, _high, *held in blocks:
            for identity in _members(shard, block, grams.groups(held)):
                if span.holds(identity):
                    heappush(pool, -identity.int)
        while pool and -pool[0] > edge:
            identity = uuid.UUID(int=-heappop(pool))
            # a call whose texts changed is noted again
            if identity != before:
                yield identity
            before = identity
        if edge < 0:
            return
        below, size = (blocks[-1][2], blocks[-1][1]), min(4 * size, _MOST_BLOCKS)


def _noted(project_id: int, span: Span) -> list[uuid.UUID]:
    rows = _rows(_NOTES, [project_id])
    return [one for (joined,) in rows for one in indexing.split(joined) if span.holds(one)]


def _blocks(
    project_id: int, span: Span, needed: Sequence[int], below: tuple[uuid.UUID, uuid.UUID], limit: int
) -> list[tuple[Any, ...]]:
    parts = ", ".join(
        f"substr(bits, {number * grams.SLICE_BYTES + 1}, {grams.SLICE_BYTES})" for number in needed
    )
    values = {
        "project": project_id, "first": span.first, "last": span.last, "below": below[0], "id": below[1],
        "limit": limit,
    }  # fmt: skip
    return _rows(_BLOCKS.format(slices=parts), values)


def _members(shard: int, block: uuid.UUID, groups: Sequence[int]) -> list[uuid.UUID]:
    if not groups:
        return []
    size = grams.GROUP * ids.BYTES
    if len(groups) > grams.GROUPS // 16:
        ((joined,),) = _rows(_MEMBERS.format(parts="ids"), [shard, block])
        pieces = [joined[group * size : (group + 1) * size] for group in groups]
    else:
        parts = ", ".join(f"substr(ids, {group * size + 1}, {size})" for group in groups)
        pieces = list(_rows(_MEMBERS.format(parts=parts), [shard, block])[0])
    return [one for piece in pieces for one in indexing.split(piece)]


def _rows(sql: str, values: Any) -> list[tuple[Any, ...]]:
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql, values, binary=True).fetchall()
