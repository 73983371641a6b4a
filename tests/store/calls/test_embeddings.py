"""Vectors live beside their calls and are compared in the database."""

import datetime as dt

import pytest

from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation
from monitor.store.calls import embeddings, scores
from monitor.store.calls.embeddings import VectorRow
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def calls(cast: Cast, now: dt.datetime) -> dict[str, object]:
    at = round(now.timestamp() * 1000)
    made = [
        Generation(model="m", id=f"c{i}", started_ms=at - i * 1_300_000, prompt=f"text {i}") for i in range(6)
    ]
    pipeline.take(cast.project.id, Batch(generations=made), now=now)
    known = scores.locate(cast.project.id, [f"c{i}" for i in range(6)])
    rows = [VectorRow(known[f"c{i}"], "prompt", "e", [1.0, 0.0] if i < 3 else [0.0, 1.0]) for i in range(5)]
    assert embeddings.put(cast.project.id, rows) == 5
    assert embeddings.put(cast.project.id, rows) == 0
    return dict(known)


def test_the_call_without_a_vector_is_found(cast: Cast, now: dt.datetime, calls: dict[str, object]) -> None:
    found = embeddings.missing(cast.project.id, (now - 24 * HOUR, now + HOUR), "prompt", limit=10)
    assert found == [(calls["c5"], "text 5")]


def test_windows_with_other_vectors_are_far_apart(
    cast: Cast, now: dt.datetime, calls: dict[str, object]
) -> None:
    found = embeddings.mean_distance(
        cast.project.id, "m", "", kind="prompt", embedder="e",
        reference=(now - 3 * HOUR, now - HOUR), current=(now - HOUR, now + HOUR),
    )  # fmt: skip
    assert found is not None
    assert found.cosine == pytest.approx(1.0)
    assert (found.reference, found.current) == (2, 3)


def test_an_empty_window_has_no_distance(cast: Cast, now: dt.datetime, calls: dict[str, object]) -> None:
    empty = (now - 90 * HOUR, now - 80 * HOUR)
    assert (
        embeddings.mean_distance(
            cast.project.id, "m", "", kind="prompt", embedder="e", reference=empty, current=(now, now + HOUR)
        )
        is None
    )


def test_the_nearest_call_has_the_same_vector(cast: Cast, now: dt.datetime, calls: dict[str, object]) -> None:
    from uuid import UUID

    identity = calls["c0"]
    assert isinstance(identity, UUID)
    found = embeddings.nearest(cast.project.id, identity, (now - 24 * HOUR, now + HOUR), limit=2)
    assert {found[0][0], found[1][0]} == {calls["c1"], calls["c2"]}
