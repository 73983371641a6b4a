"""What we send is what our own door would read: floats bit by bit, histograms bucket by bucket."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.histograms import CUSTOM_SCHEMA, HistogramRun
from monitor.core.labels import Labels
from monitor.core.samples import STALE
from monitor.ingest.envelope import Batch
from monitor.ingest.protocols.remote_write import RemoteWrite
from monitor.outside.remote_write import HEADERS, floats_bytes, labels_bytes, request, run_bytes
from tests.fixtures.remote_write import points

AT = 1_795_000_000_000
LABELS = Labels({"__name__": "x", "zone": "cn", "a": "ü"})
counts = st.one_of(st.integers(0, 2**40).map(float), st.floats(0, 1e9, allow_nan=False))


def decoded(body: bytes) -> Batch:
    batch = RemoteWrite().decode(request([body]), HEADERS)
    assert batch.rejected == []
    return batch


@given(st.dictionaries(st.integers(1, 2**50), st.floats() | st.just(float(STALE)), min_size=1, max_size=20))
def test_floats_arrive_as_they_are(samples: dict[int, float]) -> None:
    times, values = np.array(list(samples)), np.array(list(samples.values()))
    found = points(decoded(labels_bytes(LABELS) + floats_bytes(times, values)))
    assert [(labels, at) for labels, at, _ in found] == [(LABELS, at) for at in samples]
    assert np.array([value for *_, value in found]).tobytes() == values.tobytes()


@given(
    st.integers(-4, 8),
    st.dictionaries(st.integers(-200, 200), counts, max_size=8),
    st.dictionaries(st.integers(-200, 200), counts, max_size=8),
    counts,
    st.booleans(),
)
def test_exponential_histograms_arrive_as_they_are(
    schema: int, above: dict[int, float], below: dict[int, float], zero: float, gauge: bool
) -> None:
    run = HistogramRun(
        np.array([AT]), np.array([sum(above.values()) + sum(below.values()) + zero]), np.array([7.5]), np.array([zero]),
        schema, 1e-9, *_side(above), *_side(below), gauge=gauge,
    )  # fmt: skip
    ((labels, read),) = decoded(labels_bytes(LABELS) + run_bytes(run)).histograms
    assert labels == LABELS
    assert (read.schema, read.gauge, read.zero_threshold, read.times.tolist()) == (schema, gauge, 1e-9, [AT])
    assert (read.count.tolist(), read.total.tolist(), read.zero.tolist()) == (
        run.count.tolist(),
        [7.5],
        [zero],
    )
    assert _filled(read.positive_index, read.positive) == {i: c for i, c in above.items() if c}
    assert _filled(read.negative_index, read.negative) == {i: c for i, c in below.items() if c}


def test_custom_bounds_arrive() -> None:
    run = HistogramRun(
        np.array([AT]), np.array([3.0]), np.array([4.0]), np.array([0.0]), CUSTOM_SCHEMA, 0.0,
        np.arange(3), np.array([[1.0, 0.0, 2.0]]), custom_bounds=(1.0, 2.0),
    )  # fmt: skip
    ((_, read),) = decoded(labels_bytes(LABELS) + run_bytes(run)).histograms
    assert read.custom_bounds == (1.0, 2.0)
    assert _filled(read.positive_index, read.positive) == {0: 1.0, 2: 2.0}


def _side(buckets: dict[int, float]) -> "tuple[np.ndarray, np.ndarray]":
    index = np.array(sorted(buckets), dtype=np.int64)
    return index, np.array([[buckets[i] for i in sorted(buckets)]], dtype=np.float64)


def _filled(index: "np.ndarray", matrix: "np.ndarray") -> dict[int, float]:
    row = matrix[0].tolist() if len(index) else []
    return {i: count for i, count in zip(index.tolist(), row, strict=True) if count}
