"""Whole columns of calls add exactly what one call after the other adds."""

from collections import Counter, defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.labels import Labels
from monitor.ingest import derive, rows
from monitor.ingest.envelope import Context, Generation
from monitor.store.samples import blocks, increments

Sums = dict[tuple[Labels, int], Counter[float]]

seconds = st.none() | st.sampled_from([0.0, 0.1, 0.25, 1.0, 7.5])
counts = st.none() | st.integers(0, 3)
calls = st.builds(
    Generation,
    model=st.sampled_from(["a", "b"]),
    version=st.sampled_from(["", "v1"]),
    started_ms=st.sampled_from([0, 9_999, 10_000]),
    duration_seconds=seconds,
    ttft_seconds=seconds,
    queue_seconds=seconds,
    input_tokens=counts,
    output_tokens=counts,
    cached_input_tokens=counts,
    cost_usd=seconds,
    error=st.sampled_from([None, "", "timeout"]),
    contexts=st.sampled_from([None, []]) | st.builds(lambda: [Context("1", "some words here")]),
    context_used=st.sampled_from([None, True, False]),
    output=st.sampled_from(["", "some words here"]),
    tokens=st.sampled_from([None, [{"text": "a", "logprob": -0.5}]]),
)


def of_columns(generations: list[Generation]) -> Sums:
    found = derive.increments(rows.columns(1, generations), range(len(generations)))
    sums: Sums = defaultdict(Counter)
    if found is not None:
        for owner, at, value in zip(found.owners, found.times, found.values, strict=True):
            sums[found.labels[owner], int(at)][float(value)] += 1
    return sums


def of_rows(generations: list[Generation]) -> Sums:
    sums: Sums = defaultdict(Counter)
    for labels, _, at, value in derive.rows(rows.columns(1, generations)):
        sums[labels, at][value] += 1
    return sums


def one_by_one(generations: list[Generation]) -> Sums:
    columns = rows.columns(1, generations)
    deriver = derive.Deriver()
    for place, generation in enumerate(generations):
        deriver.take(generation, columns.texts["grounding"][place], columns.numbers["mean_logprob"][place])
    sums: Sums = defaultdict(Counter)
    for labels, at, amount in deriver.deltas.counts:
        sums[labels, at][amount] += 1
    for labels, at, value, _weight in deriver.deltas.observations:
        sums[labels, at][value] += 1
    return sums


@settings(max_examples=60, deadline=None)
@given(st.lists(calls, max_size=8))
def test_columns_add_what_single_calls_add(generations: list[Generation]) -> None:
    assert of_columns(generations) == of_rows(generations) == one_by_one(generations)


@settings(max_examples=60, deadline=None)
@given(st.lists(calls, min_size=1, max_size=40))
def test_a_few_calls_make_the_block_that_columns_make(generations: list[Generation]) -> None:
    columns = rows.columns(1, generations)
    many = derive.increments(columns, range(len(generations)))
    assert many is not None
    (spans, block), (few_spans, packed) = (
        increments.made(1, many),
        increments.made_of_few(1, derive.rows(columns)),
    )
    few = blocks.decode(packed.data)
    assert (packed.n, packed.first_ms, packed.last_ms) == (block.n, *block.span())
    assert sorted(spans, key=lambda span: span.id) == sorted(few_spans, key=lambda span: span.id)
    for name, table in block.tables.items():
        assert all(np.allclose(values, few.tables[name][column]) for column, values in table.items())


def test_only_the_chosen_calls_are_counted() -> None:
    generations = [Generation(model="a", started_ms=0), Generation(model="b", started_ms=0)]
    found = derive.increments(rows.columns(1, generations), [1])
    assert found is not None
    assert [labels["model"] for labels in found.labels] == ["b"]


def test_a_log_probability_longer_than_any_float_is_none() -> None:
    assert derive.mean_logprob([{"text": "a", "logprob": -(10**400)}, {"text": "b", "logprob": -1}]) == -1.0
    assert derive.mean_logprob([{"text": "a", "logprob": float("-inf")}]) is None


def test_what_servers_write_for_a_token_beyond_their_likeliest_is_no_log_probability() -> None:
    assert derive.mean_logprob([{"text": "a", "logprob": -9999.0}, {"text": "b", "logprob": -1}]) == -1.0
