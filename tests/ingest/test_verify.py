"""The recount agrees with what was stored, and notices when it doesn't."""

import datetime as dt

import pytest
from django.db import connection

from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Context, Generation
from monitor.ingest.verify import verify
from monitor.store import partitions
from monitor.store.ageing import compact
from monitor.store.calls import scores
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


def calls(now: dt.datetime, first: int, count: int) -> Batch:
    at = round(now.timestamp() * 1000)
    return Batch(generations=[
        Generation(
            model="m", version=f"v{i % 2}", id=f"c{i}", started_ms=at - i * 400_000, duration_seconds=0.1 * i,
            ttft_seconds=0.01 * i, output_tokens=i, input_tokens=10 * i, cost_usd=0.001 * i,
            error="timeout" if i % 7 == 3 else None, tokens=[{"text": "a", "logprob": -0.5}],
            contexts=[Context("1", "some words here")] if i % 2 else None, output="some words here",
        )
        for i in range(first, first + count)
    ])  # fmt: skip


def test_rows_and_series_agree_through_retries_sealing_and_changed_marks(
    cast: Cast, now: dt.datetime
) -> None:
    for first in (0, 30, 20):
        pipeline.take(cast.project.id, calls(now, first, 40), now=now)
        compact.run(now=now)
    known = scores.locate(cast.project.id, ["c1", "c2"])
    for value in (1.0, 2.0):
        scores.put(
            cast.project.id, [scores.ScoreRow(one, "q", "human", value) for one in known.values()], now=now
        )
    verdict = verify(cast.project.id)
    assert verdict.differences == []
    assert (verdict.generations, verdict.scores) == (70, 2)


def test_rows_that_were_dropped_for_their_age_are_not_missed(cast: Cast, now: dt.datetime) -> None:
    old = calls(now - dt.timedelta(days=40), 0, 10)
    for number, one in enumerate(old.generations):
        one.id = f"old-{number}"
    pipeline.take(cast.project.id, old, now=now)
    pipeline.take(cast.project.id, calls(now, 0, 10), now=now)
    compact.run(now=now)
    assert verify(cast.project.id).generations == 20
    for table in partitions.BY_ID:
        partitions.drop_before(table, round((now - dt.timedelta(days=30)).timestamp() * 1000))
    verdict = verify(cast.project.id)
    assert (verdict.generations, verdict.differences) == (10, [])
    assert verdict.fates["stored"] == 20
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM monitor_generation WHERE client_id = 'c4'")
    assert verify(cast.project.id).differences


def test_a_lost_row_is_noticed(cast: Cast, now: dt.datetime) -> None:
    pipeline.take(cast.project.id, calls(now, 0, 10), now=now)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM monitor_generation WHERE client_id = 'c4'")
    assert any(
        "llm_requests_total" in one and "the rows say 4" in one for one in verify(cast.project.id).differences
    )
