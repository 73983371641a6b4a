"""Few calls go in one statement when all are new, and the long way when not; either way exactly once."""

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections

from monitor.ingest import pipeline, rows
from monitor.ingest.envelope import Batch, Generation, Reason
from monitor.ingest.redaction import together
from monitor.ingest.verify import verify
from monitor.store import ids
from monitor.store.calls import writing
from monitor.store.samples import batches, series
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


def batch(first: int, count: int = 1, *, drops: int = 0) -> Batch:
    found = Batch(
        generations=[
            Generation(
                model="m", id=f"c{number}", prompt='say "a\\b"\n\ttab', output="好", user="u1", error=None,
                duration_seconds=0.1 * number, input_tokens=number, attributes={"a": [1, None]},
            )
            for number in range(first, first + count)
        ]
    )  # fmt: skip
    for place in range(drops):
        found.ignore(count + place, Reason.NOT_LLM)
    return found


@pytest.fixture
def long_ways(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many jobs went the long way, each time one did."""
    seen: list[int] = []
    write = writing._write

    def counted(project_id: int, shard: int, jobs: Any, derives: Any, **bet: bool) -> list[list[int]]:
        seen.append(len(jobs))
        return write(project_id, shard, jobs, derives, **bet)

    monkeypatch.setattr(writing, "_write", counted)
    return seen


def stored() -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT g.client_id, g.duration_seconds, g.input_tokens, g.user_hash IS NOT NULL, p.prompt, p.output,"
            " p.detail::text, (SELECT count(*) FROM monitor_search_note WHERE position(uuid_send(g.id) IN ids) > 0)"
            " FROM monitor_generation g JOIN monitor_payload p ON p.shard = g.shard AND p.id = g.id ORDER BY 1"
        )
        return [tuple(row) for row in cursor.fetchall()]


def test_new_calls_go_in_one_statement_whether_their_series_are_known_or_not(
    cast: Cast, now: dt.datetime, long_ways: list[int], django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        pipeline.take(cast.project.id, batch(1), now=now)
    assert long_ways == []
    assert pipeline.take(cast.project.id, batch(1, 3, drops=2), now=now, body=b"bytes") == 1
    assert long_ways == [1]
    with django_capture_on_commit_callbacks(execute=True):
        pipeline.take(cast.project.id, batch(4, drops=2), now=now, body=b"others")
    del long_ways[:]
    assert pipeline.take(cast.project.id, batch(5, 2, drops=2), now=now, body=b"more") == 0
    assert long_ways == []
    rows = stored()
    assert [row[0] for row in rows] == ["c1", "c2", "c3", "c4", "c5", "c6"]
    assert len({row[3:] for row in rows}) == 1
    assert verify(cast.project.id).differences == []
    assert verify(cast.project.id).fates == {"stored": 6, "duplicate": 1, "dropped": 6}


def test_a_repeat_finds_out_which_are_new(
    cast: Cast, now: dt.datetime, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        pipeline.take(cast.project.id, batch(1, 5), now=now)
    assert pipeline.take(cast.project.id, batch(3, 5), now=now) == 3
    assert len(stored()) == 7


def test_the_same_id_twice_in_one_request_is_one_call(cast: Cast, now: dt.datetime) -> None:
    twice = batch(1)
    twice.generations += batch(1).generations
    assert pipeline.take(cast.project.id, twice, now=now) == 1


@pytest.mark.django_db(transaction=True)
def test_many_threads_with_the_same_calls_store_each_once(cast: Cast, now: dt.datetime) -> None:
    series.forget()
    gate = threading.Barrier(8)

    def send(_number: int) -> int:
        gate.wait(10)
        try:
            return sum(pipeline.take(cast.project.id, batch(first, 4), now=now) for first in range(0, 40, 2))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        known = sum(pool.map(send, range(8)))
    assert 8 * 20 * 4 - known == 42
    verdict = verify(cast.project.id)
    assert (verdict.generations, verdict.differences) == (42, [])


def test_many_calls_are_stored_part_by_part_as_they_are_made_ready(cast: Cast, now: dt.datetime) -> None:
    many = 2 * rows.LEAST + 7
    first = batch(0, many)
    first.generations[rows.LEAST + 1].embedding = [1.0, 2.0]
    # known within the request, once in its own part and once across parts
    first.generations += batch(3).generations + batch(many - 1).generations
    assert pipeline.take(cast.project.id, first, now=now) == 2
    assert pipeline.take(cast.project.id, batch(rows.LEAST - 5, many), now=now) == many - rows.LEAST + 5
    found = stored()
    assert {row[0] for row in found} == {f"c{n}" for n in range(many + rows.LEAST - 5)}
    assert {row[-1] for row in found} == {1}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT g.client_id, e.embedder FROM monitor_embedding e JOIN monitor_generation g USING (shard, id)"
        )
        assert cursor.fetchall() == [(f"c{rows.LEAST + 1}", "given-2")]
    assert verify(cast.project.id).differences == []


def test_ids_of_many_are_those_of_each() -> None:
    keys = [ids.client_key(7, f"c{n}") for n in range(50)]
    moments = [1_780_000_000_000 + n for n in range(50)]
    found = ids.of_keys(moments, ids.joined(keys))
    assert ids.names(found) == [ids.of_key(*pair).hex for pair in zip(moments, keys, strict=True)]


def test_many_calls_reach_every_bucket_whole(cast: Cast, now: dt.datetime) -> None:
    cast.project.buckets = 3
    cast.project.save()
    batches._buckets.clear()
    assert pipeline.take(cast.project.id, batch(0, rows.LEAST + 50), now=now) == 0
    assert pipeline.take(cast.project.id, batch(0, rows.LEAST + 50), now=now) == rows.LEAST + 50
    assert len(stored()) == rows.LEAST + 50
    assert verify(cast.project.id).differences == []


def test_a_part_that_fails_leaves_nothing(
    cast: Cast, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = together.clean_all

    def fails(some: list[Generation], policy: Any) -> Any:
        if any(one.id == f"c{rows.LEAST + 9}" for one in some):
            raise RuntimeError
        return look(some, policy)

    monkeypatch.setattr(rows, "clean_all", fails)
    with pytest.raises(RuntimeError):
        pipeline.take(cast.project.id, batch(0, 2 * rows.LEAST), now=now)
    assert stored() == []
    monkeypatch.setattr(rows, "clean_all", look)
    assert pipeline.take(cast.project.id, batch(0, 2 * rows.LEAST), now=now) == 0


def test_known_calls_among_many_cost_one_try_and_no_call(cast: Cast, now: dt.datetime) -> None:
    many = writing.SMALL + 6
    asked: list[str] = []

    def noted(execute: Any, sql: str, *rest: Any) -> Any:
        asked.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(noted):
        taken = [
            pipeline.take(cast.project.id, batch(first, many), now=now) for first in (0, many - 1, many - 1)
        ]
    assert taken == [0, 1, many]
    assert sum(sql.startswith("ROLLBACK TO") for sql in asked) == 2
    assert len(stored()) == 2 * many - 1
    assert verify(cast.project.id).differences == []
