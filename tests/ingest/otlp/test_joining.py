"""Texts, documents and marks that travel apart from their call reach it, whichever comes first, and once."""

import datetime as dt
import itertools
from typing import Any

import pytest

from monitor import query
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation, Piece, PieceKind
from monitor.ingest.verify import verify
from monitor.store import ids
from monitor.store.calls import generations, grams, scores, search
from monitor.store.calls.generations import GenerationDetail
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN, RETRIEVAL = "b7ad6b7169203331", "00f067aa0ba902b7"
ANSWER = "Leave can be carried over until the last of March."


@pytest.fixture
def at(now: dt.datetime) -> int:
    return round(now.timestamp() * 1000) - 60_000


def call(at: int, **more: Any) -> Batch:
    given = {
        "model": "qwen",
        "id": ids.span_id(TRACE, SPAN),
        "trace_id": TRACE,
        "span_id": SPAN,
        "started_ms": at,
    }
    return Batch(generations=[Generation(**{**given, **more})])


def piece(kind: PieceKind, at: int, span: str = SPAN, **data: Any) -> Batch:
    return Batch(pieces=[Piece(kind, TRACE, span, at, data)], piece_places=[0])


def said(at: int) -> list[Batch]:
    asked = piece(PieceKind.CONTENT, at, prompt="May I call 13812345678?")
    return [call(at), asked, piece(PieceKind.CONTENT, at + 5, output=ANSWER)]


def documents(at: int) -> Batch:
    one = {"id": "leave", "text": "Leave can be carried over until the last of March.", "score": 0.9}
    return piece(PieceKind.CONTEXTS, at - 100, RETRIEVAL, contexts=[one])


def stored(cast: Cast) -> GenerationDetail:
    known = scores.locate(cast.project.id, [ids.span_id(TRACE, SPAN)])
    found = generations.one(cast.project.id, next(iter(known.values())))
    assert found is not None
    return found


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_texts_reach_their_call_in_whatever_order_they_come(
    cast: Cast, now: dt.datetime, at: int, order: tuple[int, ...]
) -> None:
    for n in order:
        pipeline.take(cast.project.id, said(at)[n], now=now)
    assert "13812345678" not in stored(cast).prompt
    assert stored(cast).prompt.startswith("May I call ‹phone")
    assert stored(cast).output == ANSWER
    assert stored(cast).summary.language == "en"


def test_pieces_sent_again_are_known_and_change_nothing(cast: Cast, now: dt.datetime, at: int) -> None:
    for batch in said(at):
        pipeline.take(cast.project.id, batch, now=now)
    before = stored(cast)
    assert [pipeline.take(cast.project.id, batch, now=now) for batch in said(at)] == [1, 1, 1]
    assert stored(cast) == before


def test_what_the_call_said_itself_stays(cast: Cast, now: dt.datetime, at: int) -> None:
    pipeline.take(cast.project.id, call(at, prompt="my own words"), now=now)
    pipeline.take(cast.project.id, said(at)[1], now=now)
    assert stored(cast).prompt == "my own words"


@pytest.mark.parametrize("late", [True, False])
def test_documents_become_contexts_and_are_counted_once(
    cast: Cast, now: dt.datetime, at: int, *, late: bool
) -> None:
    batches = [documents(at), call(at, output=ANSWER)]
    for batch in [*(reversed(batches) if late else batches), documents(at)]:
        pipeline.take(cast.project.id, batch, now=now)
    assert [one["id"] for one in stored(cast).detail["contexts"]] == ["leave"]
    assert stored(cast).summary.grounding == "used"
    assert grounded(cast, now) == {"used": 1.0}
    assert verify(cast.project.id).agrees


def test_documents_found_after_a_call_began_are_not_its_own(cast: Cast, now: dt.datetime, at: int) -> None:
    pipeline.take(cast.project.id, call(at), now=now)
    pipeline.take(cast.project.id, documents(at + 1_000), now=now)
    assert "contexts" not in stored(cast).detail


@pytest.mark.parametrize("late", [True, False])
def test_a_mark_reaches_its_call(cast: Cast, now: dt.datetime, at: int, *, late: bool) -> None:
    mark = piece(PieceKind.MARK, at + 10, name="relevance", value=0.75, reason="told by a@example.com")
    batches = [mark, call(at)]
    for batch in reversed(batches) if late else batches:
        pipeline.take(cast.project.id, batch, now=now)
    (found,) = stored(cast).scores
    assert (found.name, found.source, found.value) == ("relevance", "rule", 0.75)
    assert "example.com" not in found.reason


def test_a_piece_of_what_wraps_a_call_reaches_the_call(cast: Cast, now: dt.datetime, at: int) -> None:
    outer = "00000000000000aa"
    pipeline.take(cast.project.id, call(at, around=ids.span_id(TRACE, outer)), now=now)
    pipeline.take(cast.project.id, piece(PieceKind.CONTENT, at, outer, prompt="asked outside"), now=now)
    assert stored(cast).prompt == "asked outside"


def test_texts_that_came_later_are_found_once(cast: Cast, now: dt.datetime, at: int) -> None:
    for batch in said(at):
        pipeline.take(cast.project.id, batch, now=now)
    day = search.Span(ids.first_at(at - 1_000), ids.first_at(at + 1_000))
    lots = search._newest_first(cast.project.id, day, grams.slices(["carried"]), ())
    assert list(lots) == [stored(cast).id]


def grounded(cast: Cast, now: dt.datetime) -> dict[str, float]:
    found = query.instant(cast.project.id, "sum by (grounding) (llm_rag_requests_total)", now)
    return {labels["grounding"]: float(value[-1]) for labels, _, value in found.points()}
