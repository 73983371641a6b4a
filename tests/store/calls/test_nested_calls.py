"""Of a call and what it was wrapped in only one is stored: the innermost, or the one that came first."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation
from monitor.store import ids
from monitor.store.calls import generations, scores
from monitor.store.calls.generations import Filter
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
TRACE = "0af7651916cd43dd8448eb211c80319c"
DAY = dt.timedelta(days=1)


def call(span: str, around: str = "") -> Generation:
    return Generation(
        model="qwen",
        id=ids.span_id(TRACE, span),
        span_id=span,
        around=ids.span_id(TRACE, around) if around else "",
    )


def take(cast: Cast, now: dt.datetime, *calls: Generation) -> int:
    return pipeline.take(cast.project.id, Batch(generations=list(calls)), now=now)


def stored(cast: Cast, now: dt.datetime) -> set[str]:
    return {row.client_id[-1] for row in generations.page(Filter(cast.project.id, now - DAY, now))}


OUTER, INNER, SECOND = "00000000000000aa", "00000000000000bb", "00000000000000cc"


def test_a_wrapper_that_comes_later_is_known_already(cast: Cast, now: dt.datetime) -> None:
    take(cast, now, call(INNER, around=OUTER))
    assert take(cast, now, call(OUTER)) == 1
    assert stored(cast, now) == {"b"}


def test_a_call_inside_one_that_is_stored_is_known_already(cast: Cast, now: dt.datetime) -> None:
    take(cast, now, call(OUTER))
    assert take(cast, now, call(INNER, around=OUTER)) == 1
    assert stored(cast, now) == {"a"}


def test_within_one_batch_the_inner_one_is_stored(cast: Cast, now: dt.datetime) -> None:
    assert take(cast, now, call(OUTER), call(INNER, around=OUTER)) == 1
    assert stored(cast, now) == {"b"}


def test_two_calls_within_one_wrapper_are_two(cast: Cast, now: dt.datetime) -> None:
    take(cast, now, call(INNER, around=OUTER))
    assert take(cast, now, call(SECOND, around=OUTER), call(OUTER)) == 1
    assert stored(cast, now) == {"b", "c"}


def test_a_retry_changes_nothing(cast: Cast, now: dt.datetime) -> None:
    both = (call(OUTER), call(INNER, around=OUTER))
    take(cast, now, *both)
    assert take(cast, now, *both) == 2
    assert stored(cast, now) == {"b"}


def test_a_mark_on_the_inner_call_finds_the_stored_outer_one(cast: Cast, now: dt.datetime) -> None:
    take(cast, now, call(OUTER))
    take(cast, now, call(INNER, around=OUTER))
    names = [ids.span_id(TRACE, OUTER), ids.span_id(TRACE, INNER)]
    found = scores.locate(cast.project.id, names)
    assert found[names[0]] == found[names[1]]


def test_nested_calls_meet_however_many_shards_there_are(cast: Cast, now: dt.datetime) -> None:
    cast.project.buckets = 16
    cast.project.save()
    take(cast, now, call(INNER, around=OUTER))
    assert take(cast, now, call(OUTER)) == 1


@given(st.binary(min_size=16, max_size=16), st.binary(min_size=8, max_size=8), st.integers(1, 2**40))
def test_keys_of_a_trace_lie_together(trace: bytes, span: bytes, project: int) -> None:
    first, last = ids.trace_keys(project, trace.hex())
    assert first <= ids.client_key(project, ids.span_id(trace.hex(), span.hex())) <= last
