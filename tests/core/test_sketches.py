import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.sketches import LogSketch, VectorMean

lengths = st.lists(st.integers(0, 200_000), min_size=1, max_size=60)


@given(lengths, lengths)
def test_merging_two_sketches_equals_sketching_both_together(one: list[int], other: list[int]) -> None:
    a, b = np.array(one, dtype=float), np.array(other, dtype=float)
    together, apart = (
        LogSketch.of(np.concatenate([a, b])),
        LogSketch.merge([LogSketch.of(a), LogSketch.of(b)]),
    )
    assert together.to_json() == apart.to_json()


@given(lengths)
def test_a_sketch_survives_json(values: list[int]) -> None:
    sketch = LogSketch.of(np.array(values, dtype=float))
    assert LogSketch.from_json(sketch.to_json()).to_json() == sketch.to_json()


def test_quantiles_are_right_to_the_width_of_a_bucket() -> None:
    values = np.random.default_rng(1).lognormal(6, 1, 50_000)
    assert LogSketch.of(values).quantile(0.95) == pytest.approx(np.quantile(values, 0.95), rel=0.045)


def test_thinning_keeps_exactly_that_many() -> None:
    sketch = LogSketch.of(np.arange(1.0, 500.0))
    assert sketch.thin(100, np.random.default_rng(1)).n == 100


def test_the_mean_of_two_windows_weighs_them_by_their_calls() -> None:
    merged = VectorMean.merge([VectorMean(3, np.array([1.0, 0.0])), VectorMean(1, np.array([0.0, 1.0]))])
    assert (merged.n, merged.mean.tolist()) == (4, [0.75, 0.25])


def test_an_empty_window_has_no_quantile() -> None:
    assert np.isnan(LogSketch.of(np.empty(0)).quantile(0.5))
