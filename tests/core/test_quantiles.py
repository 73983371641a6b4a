"""Quantiles, fractions and variances read from histograms."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.histograms import CUSTOM_SCHEMA, HistogramBlock, bucket_index
from monitor.core.quantiles import fraction, quantile, variance


def observed(values: list[float], schema: int = 5) -> HistogramBlock:
    """A block of one row that saw these values, of either sign."""
    array = np.array(values)
    sides = []
    for side in (array[array > 0], -array[array < 0]):
        index, counts = np.unique(bucket_index(side, schema), return_counts=True)
        sides.append((index, counts.astype(float).reshape(1, -1)))
    (above, up), (below, down) = sides
    zero = np.array([float((array == 0).sum())])
    return HistogramBlock(
        np.array([float(len(array))]),
        np.array([array.sum()]),
        zero,
        up,
        down,
        above,
        below,
        schema,
        2.0**-128,
    )


def one(q: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([q])


POSITIVE = st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=60)


@given(POSITIVE, st.floats(0, 1))
def test_a_quantile_is_within_the_width_of_a_bucket(values: list[float], q: float) -> None:
    found = quantile(observed(values), one(q)).values[0]
    ordered = sorted(values)
    rank = q * len(values)
    low, high = (
        ordered[max(0, int(np.floor(rank - 1e-9)) - 1)],
        ordered[min(len(values) - 1, int(np.ceil(rank)))],
    )
    width = 2 ** (1 / 32) * (1 + 1e-9)
    assert low / width <= found <= high * width


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=60))
def test_quantiles_never_fall(values: list[float]) -> None:
    block = observed([0.0 if abs(value) < 1e-6 else value for value in values])
    found = [quantile(block, one(q)).values[0] for q in np.linspace(0, 1, 21)]
    assert all(a <= b + 1e-9 * abs(b) for a, b in pairwise(found))


@given(POSITIVE, st.floats(0.01, 0.99))
def test_the_fraction_below_a_quantile_is_the_quantile(values: list[float], q: float) -> None:
    block = observed(values)
    at = quantile(block, one(q)).values
    assert np.isclose(fraction(block, one(-np.inf), at).values, q, atol=1e-6).all()


@given(POSITIVE)
def test_everything_lies_between_the_infinities(values: list[float]) -> None:
    assert fraction(observed(values), one(-np.inf), one(np.inf)).values == [1.0]


def test_nothing_observed_has_no_quantile() -> None:
    assert np.isnan(quantile(observed([]), one(0.5)).values).all()


def test_a_quantile_outside_0_to_1_is_infinite() -> None:
    assert quantile(observed([1.0]), one(-0.1)).values == [-np.inf]
    assert quantile(observed([1.0]), one(1.1)).values == [np.inf]


def test_nan_observations_are_reported() -> None:
    block = observed([1.0, 1.0, 1.0])
    block.count, block.total = np.array([4.0]), np.array([np.nan])
    low, high = quantile(block, one(0.5)), quantile(block, one(0.9))
    assert low.skewed.all()
    assert high.nan_result.all()
    assert np.isnan(high.values).all()
    assert fraction(block, one(-np.inf), one(np.inf)).values == [0.75]


def test_custom_buckets_start_at_0_unless_they_reach_below() -> None:
    def custom(*bounds: float) -> HistogramBlock:
        zero = np.zeros(1)
        return HistogramBlock(
            np.array([4.0]), zero, zero, np.array([[4.0]]), np.empty((1, 0)), np.array([0]),
            np.empty(0, dtype=np.int64), CUSTOM_SCHEMA, 0.0, bounds,
        )  # fmt: skip

    assert quantile(custom(8.0), one(0.5)).values == [4.0]
    assert quantile(custom(-8.0), one(0.5)).values == [-8.0]
    assert fraction(custom(8.0), one(0.0), one(2.0)).values == [0.25]


def test_the_variance_of_one_value_is_within_its_bucket() -> None:
    assert variance(observed([10.0] * 5))[0] < 0.1
