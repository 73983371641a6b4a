"""One person's calls without the person: texts, vectors and reasons go, and so does what links a call to anybody.

The rows stay with their numbers, so counts, series and recounts stay what they were.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

from monitor.store import ids

TABLES = ("monitor_payload", "monitor_embedding")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The calls of the person, and how many rows were removed or emptied."""

    calls: tuple[UUID, ...]
    texts: int
    vectors: int
    reasons: int
    pieces: int


def person(project_id: int, digest: bytes, names: Sequence[str]) -> Forgotten:
    """Forget whoever is stored as ``digest`` in the project, in one transaction.

    ``names``: how that person may stand as the author of a mark, on whosever call.
    """
    with transaction.atomic():
        calls, traces = _calls(project_id, digest)
        pieces = _pieces(project_id, traces)
        texts, vectors = (_delete(table, project_id, calls) for table in TABLES)
        reasons = _run(
            "UPDATE monitor_score SET reason = '' WHERE project_id = %s AND generation_id = ANY(%s) AND reason <> ''",
            project_id, calls,
        )  # fmt: skip
        reasons += _run(
            "UPDATE monitor_score SET reason = '', author = '' WHERE project_id = %s AND source = 'human'"
            " AND author = ANY(%s)",
            project_id, [name for name in names if name],
        )  # fmt: skip
        _run(
            "UPDATE monitor_generation SET user_hash = NULL, client_id = '', session = '', trace_id = '', span_id = ''"
            " WHERE project_id = %s AND id = ANY(%s)",
            project_id, calls,
        )  # fmt: skip
    return Forgotten(tuple(calls), texts, vectors, reasons, pieces)


def _calls(project_id: int, digest: bytes) -> tuple[list[UUID], set[str]]:
    """The person's calls, and the traces that they belong to."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, trace_id FROM monitor_generation WHERE project_id = %s AND user_hash = %s FOR UPDATE",
            [project_id, digest],
        )
        rows = cursor.fetchall()
    return [row[0] for row in rows], {row[1] for row in rows if row[1]}


def _pieces(project_id: int, traces: Iterable[str]) -> int:
    """What came of their traces by itself and still waits to be joined."""
    ranges = [ids.trace_keys(project_id, trace) for trace in traces]
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM monitor_piece p USING unnest(%s::uuid[], %s::uuid[]) AS r(least, most)"
            " WHERE p.project_id = %s AND p.key BETWEEN r.least AND r.most",
            [[one[0] for one in ranges], [one[1] for one in ranges], project_id],
        )
        return int(cursor.rowcount)


def _delete(table: str, project_id: int, calls: Sequence[UUID]) -> int:
    return _run(f"DELETE FROM {table} WHERE project_id = %s AND id = ANY(%s)", project_id, calls)


def _run(statement: str, project_id: int, wanted: Sequence[UUID] | Sequence[str]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, [project_id, list(wanted)])
        return int(cursor.rowcount)
