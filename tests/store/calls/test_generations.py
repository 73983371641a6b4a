"""Calls come back as lists, whole, as columns and as samples."""

import datetime as dt
from uuid import UUID

import msgspec
import numpy as np
import pytest

from monitor.core import clock
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Context, Generation
from monitor.store.calls import generations, scores
from monitor.store.calls.generations import Filter
from monitor.store.calls.stretches import stretches
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


@pytest.fixture
def calls(cast: Cast, now: dt.datetime) -> list[Generation]:
    start = round(now.timestamp() * 1000)
    made = [
        Generation(
            model="qwen", version=f"v{1 + i % 2}", id=f"call-{i}", started_ms=start - i * 60_000,
            duration_seconds=float(i), input_tokens=i * 10, prompt=f"question {i} 100%", output="答案",
            error="timeout" if i == 3 else None, contexts=[Context("d", "text")] if i == 4 else None,
        )
        for i in range(10)
    ]  # fmt: skip
    pipeline.take(
        cast.project.id,
        Batch(generations=msgspec.convert(msgspec.to_builtins(made), list[Generation])),
        now=now,
    )
    return made


def span(cast: Cast, now: dt.datetime, **more: object) -> Filter:
    return Filter(cast.project.id, now - DAY, now, **more)  # type: ignore[arg-type] # narrowing by name


def test_pages_follow_each_other_newest_first(cast: Cast, now: dt.datetime, calls: list[Generation]) -> None:
    first = generations.page(span(cast, now), limit=4)
    second = generations.page(span(cast, now), before=first[-1].id, limit=4)
    assert [row.client_id for row in first + second] == [f"call-{i}" for i in range(8)]


def test_text_is_searched_literally(cast: Cast, now: dt.datetime, calls: list[Generation]) -> None:
    assert [row.client_id for row in generations.page(span(cast, now, text="QUESTION 7 100%"))] == ["call-7"]
    assert generations.page(span(cast, now, text="question _ 100")) == []
    assert len(generations.page(span(cast, now, text="答案"))) == 10


def test_filters_narrow(cast: Cast, now: dt.datetime, calls: list[Generation]) -> None:
    assert [row.client_id for row in generations.page(span(cast, now, errors_only=True))] == ["call-3"]
    assert len(generations.page(span(cast, now, version="v2", least_seconds=4))) == 3


def test_a_call_opens_whole_with_its_scores(cast: Cast, now: dt.datetime, calls: list[Generation]) -> None:
    known = scores.locate(cast.project.id, ["call-4"])["call-4"]
    scores.put(cast.project.id, [scores.ScoreRow(known, "helpful", "human", 4.0, "good")], now=now)
    found = generations.one(cast.project.id, known)
    assert found is not None
    assert found.detail["contexts"] == [{"id": "d", "text": "text", "score": None}]
    assert [(mark.name, mark.value) for mark in found.scores] == [("helpful", 4.0)]


def test_a_stranger_cannot_open_it(cast: Cast, now: dt.datetime, calls: list[Generation]) -> None:
    known = scores.locate(cast.project.id, ["call-4"])["call-4"]
    assert generations.one(cast.other.id, known) is None


def test_columns_come_as_arrays(cast: Cast, now: dt.datetime, calls: list[Generation]) -> None:
    found = generations.columns(
        cast.project.id, now - DAY, now, ["input_tokens", "ttft_seconds"], version="v1"
    )
    assert found["input_tokens"].tolist() == [80.0, 60.0, 40.0, 20.0, 0.0]
    assert np.isnan(found["ttft_seconds"]).all()


def test_every_column_says_what_the_rows_say(cast: Cast, now: dt.datetime, calls: list[Generation]) -> None:
    names = ["id", "raw_id", "started_at", "duration_seconds", "error", "model"]
    found = generations.columns(cast.project.id, now - DAY, now, names)
    rows = generations.page(Filter(cast.project.id, now - DAY, now))[::-1]
    assert found["id"].tolist() == [row.id for row in rows]
    assert [UUID(bytes=one) for one in found["raw_id"].tolist()] == [row.id for row in rows]
    assert found["started_at"].tolist() == [clock.to_ms(row.started_at) for row in rows]
    assert found["duration_seconds"].tolist() == [row.duration_seconds for row in rows]
    assert found["error"].tolist() == [row.error for row in rows]
    assert found["model"].tolist() == [row.model for row in rows]
    (newest,) = generations.columns(cast.project.id, now - DAY, now, ["id"], limit=1)["id"]
    assert newest == rows[-1].id


def test_columns_of_no_calls_are_empty(cast: Cast, now: dt.datetime) -> None:
    names = ["id", "raw_id", "started_at", "duration_seconds", "error"]
    assert {len(column) for column in generations.columns(cast.other.id, now - DAY, now, names).values()} == {
        0
    }


def test_a_sample_is_the_same_each_time_and_skips_what_was_judged(
    cast: Cast, now: dt.datetime, calls: list[Generation]
) -> None:
    def chosen() -> list[str]:
        found = generations.sample(cast.project.id, now - DAY, now, limit=3, seed="s", without_score="good")
        return [call.summary.client_id for call in found]

    first = chosen()
    assert first == chosen()
    identity = scores.locate(cast.project.id, first[:1])[first[0]]
    scores.put(cast.project.id, [scores.ScoreRow(identity, "good", "judge", 5.0)], now=now)
    assert first[0] not in chosen()


def test_a_changed_score_moves_its_series(cast: Cast, now: dt.datetime, calls: list[Generation]) -> None:
    from monitor.core import clock
    from monitor.core.labels import Matcher
    from monitor.core.samples import Selection
    from monitor.store.reading.select import select

    known = scores.locate(cast.project.id, ["call-1"])["call-1"]
    for value in (1.0, 1.0, 4.0):
        scores.put(cast.project.id, [scores.ScoreRow(known, "helpful", "human", value)], now=now)
    at = clock.to_ms(now)
    (found,) = select(
        cast.project.id,
        [Selection((Matcher("__name__", "=", "llm_score"),), at, at, range_ms=10_000)],
        max_samples=1000,
    )[0]
    run = found.histograms[0]
    assert (run.count[-1], run.total[-1]) == (1.0, 4.0)


@pytest.mark.parametrize(
    "identity", ["ffffffff-ffff-8fff-bfff-ffffffffffff", "00000000-0000-8000-8000-000000000000"]
)
def test_a_mark_for_an_id_of_no_time_is_refused_cleanly(cast: Cast, now: dt.datetime, identity: str) -> None:
    row = scores.ScoreRow(UUID(identity), "helpful", "human", 1.0)
    with pytest.raises(scores.UnknownGenerationError):
        scores.put(cast.project.id, [row], now=now)


def test_slices_of_time_give_their_newest_where_not_all_are_read(
    cast: Cast, now: dt.datetime, calls: list[Generation]
) -> None:
    rows = generations.page(Filter(cast.project.id, now - DAY, now))[::-1]
    span = rows[0].started_at, rows[-1].started_at
    whole = generations.columns(cast.project.id, *span, ["id"], slices=2)["id"].tolist()
    some = generations.columns(cast.project.id, *span, ["id"], limit=4, slices=2)["id"].tolist()
    chosen = [
        [row.id for row in rows if one.since <= clock.to_ms(row.started_at) < one.until][-one.most :]
        for one in stretches(clock.to_ms(span[0]), clock.to_ms(span[1]) + 1, 2, 4)[::-1]
        if one.most
    ]
    assert whole == [row.id for row in rows]
    assert some == [identity for few in chosen for identity in few]
