"""Answers of another version to the same prompts: for comparing two versions pair by pair."""

import datetime as dt
import hashlib
from collections.abc import Sequence

from django.db import connection

from monitor.core import clock
from monitor.store import ids

# so many of the other version's newest calls are looked through
LOOKED_AT = 5_000


def answers(
    project_id: int, start: dt.datetime, end: dt.datetime, prompts: Sequence[str], *, model: str, version: str
) -> dict[str, str]:
    """Prompt → the newest answer of that version to exactly this prompt; those without one are absent."""
    wanted = {hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(): text for text in prompts if text}
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (md5(p.prompt)) md5(p.prompt), p.output FROM"
            " (SELECT g.shard, g.id FROM monitor_generation g WHERE g.project_id = %(project)s"
            " AND g.id >= %(first)s AND g.id < %(last)s AND (%(model)s = '' OR g.model = %(model)s)"
            " AND g.version = %(version)s AND g.error IS NULL ORDER BY g.id DESC LIMIT %(looked_at)s) AS n"
            " JOIN monitor_payload p ON p.shard = n.shard AND p.id = n.id"
            " WHERE p.id >= %(first)s AND p.id < %(last)s AND md5(p.prompt) = ANY(%(wanted)s)"
            " ORDER BY md5(p.prompt), p.id DESC",
            {
                "project": project_id, "model": model, "version": version, "wanted": list(wanted),
                "first": ids.first_at(clock.to_ms(start)), "last": ids.first_at(clock.to_ms(end) + 1),
                "looked_at": LOOKED_AT,
            },
        )  # fmt: skip
        return {wanted[digest]: output for digest, output in cursor.fetchall() if output is not None}
