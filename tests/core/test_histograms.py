"""Histogram arithmetic: bounds, resolutions, zero buckets, resets."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.histograms import (
    CUSTOM_SCHEMA,
    HistogramBlock,
    UnlikeHistogramsError,
    added,
    bucket_index,
    coarser,
    equal_rows,
    reset_rows,
    stacked,
    upper_bounds,
    widened,
)


def block(
    positive: dict[int, float],
    negative: dict[int, float] | None = None,
    *,
    schema: int = 0,
    zero: float = 0.0,
    threshold: float = 0.0,
    bounds: tuple[float, ...] = (),
) -> HistogramBlock:
    below = negative or {}
    count = sum(positive.values()) + sum(below.values()) + zero
    return HistogramBlock(
        count=np.array([count]), total=np.array([1.0]), zero=np.array([zero]),
        positive=np.array([[*positive.values()]]).reshape(1, -1),
        negative=np.array([[*below.values()]]).reshape(1, -1),
        positive_index=np.array([*positive], dtype=np.int64), negative_index=np.array([*below], dtype=np.int64),
        schema=schema, zero_threshold=threshold, custom_bounds=bounds,
    )  # fmt: skip


def buckets(one: HistogramBlock, row: int = 0) -> dict[int, float]:
    pairs = zip(one.positive_index.tolist(), one.positive[row].tolist(), strict=True)
    return {index: count for index, count in pairs if count}


@given(st.floats(1e-12, 1e12), st.integers(-4, 8))
def test_a_value_lies_within_its_bucket(value: float, schema: int) -> None:
    index = bucket_index(np.array([value]), max(schema, 0))
    upper = upper_bounds(index, max(schema, 0))[0]
    lower = upper_bounds(index - 1, max(schema, 0))[0]
    assert lower * (1 - 1e-15) < value <= upper * (1 + 1e-15)


def test_bounds_double_at_schema_0_and_quadruple_at_minus_1() -> None:
    assert upper_bounds(np.arange(-1, 3), 0).tolist() == [0.5, 1, 2, 4]
    assert upper_bounds(np.arange(-1, 3), -1).tolist() == [0.25, 1, 4, 16]


def test_the_last_bound_is_the_largest_float_and_then_infinity() -> None:
    assert upper_bounds(np.array([1023, 1024, 1025]), 0).tolist() == [
        2.0**1023,
        np.finfo(float).max,
        math.inf,
    ]


def test_custom_bounds_end_in_infinities() -> None:
    assert upper_bounds(np.arange(-1, 3), CUSTOM_SCHEMA, (5.0, 7.0)).tolist() == [-math.inf, 5, 7, math.inf]


def test_halving_the_resolution_merges_pairs() -> None:
    assert buckets(coarser(block({1: 1.0, 2: 2.0, 3: 4.0}, schema=1), 0)) == {1: 3.0, 2: 4.0}


def test_adding_meets_at_the_lower_resolution() -> None:
    ((_, total),) = added(block({1: 1.0, 2: 2.0}, schema=1), block({1: 10.0, 5: 3.0}))
    assert (total.schema, buckets(total)) == (0, {1: 13.0, 5: 3.0})


@given(
    st.dictionaries(st.integers(-9, 9), st.integers(1, 9).map(float)), st.integers(0, 3), st.integers(0, 3)
)
def test_coarsening_loses_no_observation(found: dict[int, float], schema: int, down: int) -> None:
    one = block(dict(sorted(found.items())), schema=schema)
    assert coarser(one, schema - down).positive.sum() == one.positive.sum()


@given(
    st.dictionaries(st.integers(-5, 5), st.integers(1, 9).map(float)), st.integers(0, 3), st.integers(0, 3)
)
def test_adding_is_the_same_both_ways(found: dict[int, float], first: int, second: int) -> None:
    one, other = block(dict(sorted(found.items())), schema=first), block({-1: 2.0, 4: 1.0}, schema=second)
    ((_, forth),), ((_, back),) = added(one, other), added(other, one)
    assert equal_rows(forth, back).all()


def test_a_wider_zero_bucket_takes_what_lies_below_it() -> None:
    ((_, grown),) = widened(block({0: 1.0, 1: 2.0, 3: 4.0}, {0: 5.0}, zero=10.0), 2.0)
    assert (grown.zero.tolist(), buckets(grown), grown.negative.size) == ([18.0], {3: 4.0}, 0)


def test_a_zero_bucket_never_cuts_a_populated_bucket() -> None:
    both = stacked([block({1: 1.0, 2: 0.0}), block({1: 0.0, 2: 3.0})])
    pieces = widened(both, 1.5)
    thresholds = {int(row): piece.zero_threshold for rows, piece in pieces for row in rows}
    # (1, 2] is populated in the first row only
    assert thresholds == {0: 2.0, 1: 1.5}


def test_adding_brings_zero_buckets_together_first() -> None:
    ((_, total),) = added(block({0: 1.0, 2: 1.0}, zero=1.0, threshold=1.0), block({0: 4.0, 2: 5.0}))
    assert (total.zero_threshold, total.zero.tolist(), buckets(total)) == (1.0, [5.0], {0: 1.0, 2: 6.0})


def test_custom_buckets_add_only_to_the_same_bounds() -> None:
    one = block({0: 1.0}, schema=CUSTOM_SCHEMA, bounds=(1.0,))
    with pytest.raises(UnlikeHistogramsError) as other_bounds:
        added(one, block({0: 1.0}, schema=CUSTOM_SCHEMA, bounds=(2.0,)))
    with pytest.raises(UnlikeHistogramsError) as other_kind:
        added(one, block({0: 1.0}))
    assert (other_bounds.value.mixed, other_kind.value.mixed) == (False, True)


@pytest.mark.parametrize(
    ("before", "after", "reset"),
    [
        (block({1: 1.0}), block({1: 1.0, 2: 1.0}), False),
        (block({1: 2.0}), block({1: 1.0, 2: 5.0}), True),
        (block({1: 1.0}, zero=2.0), block({1: 9.0}, zero=1.0), True),
        (block({1: 1.0}, {1: 2.0}), block({1: 9.0}, {1: 1.0}), True),
        (block({1: 1.0}), block({1: 1.0}, schema=1), True),
        (block({1: 1.0, 2: 1.0}, schema=1), block({1: 2.0}), False),
        (block({1: 1.0}, threshold=1.0), block({1: 1.0}), True),
        (block({0: 1.0, 2: 1.0}), block({2: 1.0}, zero=1.0, threshold=1.0), False),
        (block({1: 1.0}), block({1: 1.0}, zero=1.0, threshold=1.5), True),
        (block({0: 1.0}, schema=CUSTOM_SCHEMA, bounds=(1.0,)), block({0: 2.0}), True),
    ],
)
def test_a_counter_that_lost_anything_started_anew(
    before: HistogramBlock,
    after: HistogramBlock,
    reset: bool,
) -> None:
    assert reset_rows(before, after).tolist() == [reset]


def test_dividing_by_zero_leaves_no_buckets() -> None:
    none = block({1: 2.0}).over(np.array([0.0]))
    assert (none.count.tolist(), buckets(none)) == ([math.inf], {})


def test_histograms_of_other_layouts_are_not_equal() -> None:
    assert not equal_rows(block({1: 1.0}), block({1: 1.0}, schema=1)).any()
    assert equal_rows(block({1: 1.0, 2: 0.0}), block({1: 1.0})).all()
