"""A project's choices reach its calls and its marks, and nobody else's."""

import datetime as dt

from django.db import connection

from monitor.ingest import choices, pipeline
from monitor.ingest.envelope import Batch, Generation, ScoreRecord
from tests.fixtures.fix_cast import Cast


def stored(column: str, table: str, project_id: int) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {column} FROM {table} WHERE project_id = %s", [project_id])  # noqa: S608 — our own names
        return [row[0] for row in cursor.fetchall()]


def test_modes_and_patterns_hold_for_the_next_call(cast: Cast, now: dt.datetime) -> None:
    choices.choose(cast.project.id, {"phone": "keep", "email": "drop"})
    choices.add(cast.project.id, "employee", "EMP-[0-9]{4}", "mask")
    text = "EMP-1234 13812345678 <ada@example.com>"
    for project in (cast.project, cast.other):
        pipeline.take(project.id, Batch(generations=[Generation(model="m", prompt=text)]), now=now)
    assert stored("prompt", "monitor_payload", cast.project.id) == ["‹employee:1› 13812345678 <>"]
    assert stored("prompt", "monitor_payload", cast.other.id) == ["EMP-1234 ‹phone:1› <‹email:1›>"]


def test_reasons_of_marks_are_redacted(cast: Cast, now: dt.datetime) -> None:
    pipeline.take(cast.project.id, Batch(generations=[Generation(model="m", id="a")]), now=now)
    score = ScoreRecord("a", "rating", 4.0, reason="call 13812345678", author="ada@example.com")
    pipeline.take(cast.project.id, Batch(scores=[score], score_places=[0]), now=now)
    assert stored("reason || author", "monitor_score", cast.project.id) == ["call ‹phone:1›‹email:1›"]
