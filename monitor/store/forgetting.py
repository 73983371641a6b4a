"""One person's calls without the person: texts, vectors and reasons go, and so does what links a call to anybody.

The rows stay with their numbers, so counts, series and recounts stay what they were.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connection, transaction

TABLES = ("monitor_payload", "monitor_embedding")


@dataclass(frozen=True, slots=True)
class Forgotten:
    """The calls of the person, and how many rows were removed or emptied."""

    calls: tuple[UUID, ...]
    texts: int
    vectors: int
    reasons: int


def person(project_id: int, digest: bytes) -> Forgotten:
    """Forget whoever is stored as ``digest`` in the project, in one transaction."""
    with transaction.atomic():
        calls = _calls(project_id, digest)
        texts, vectors = (_delete(table, project_id, calls) for table in TABLES)
        reasons = _run(
            "UPDATE monitor_score SET reason = '' WHERE project_id = %s AND generation_id = ANY(%s) AND reason <> ''",
            project_id, calls,
        )  # fmt: skip
        _run(
            "UPDATE monitor_generation SET user_hash = NULL, session = '', trace_id = '', span_id = ''"
            " WHERE project_id = %s AND id = ANY(%s)",
            project_id, calls,
        )  # fmt: skip
    return Forgotten(tuple(calls), texts, vectors, reasons)


def _calls(project_id: int, digest: bytes) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM monitor_generation WHERE project_id = %s AND user_hash = %s FOR UPDATE",
            [project_id, digest],
        )
        return [row[0] for row in cursor.fetchall()]


def _delete(table: str, project_id: int, calls: Sequence[UUID]) -> int:
    return _run(f"DELETE FROM {table} WHERE project_id = %s AND id = ANY(%s)", project_id, calls)


def _run(statement: str, project_id: int, calls: Sequence[UUID]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, [project_id, list(calls)])
        return int(cursor.rowcount)
