"""Amounts add up to the same total in whatever order they come, each once."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.deltas import REMEMBERED, Buckets, Delta, Stream
from monitor.core.labels import Labels

SERIES = Labels({"__name__": "calls_total"})


def delta(at: int, amount: float = 1.0) -> Delta:
    return Delta(SERIES, at, [SERIES], [amount])


def buckets(schema: int, positive: dict[int, float]) -> Delta:
    count = sum(positive.values())
    return Delta(SERIES, schema + 100, buckets=Buckets(schema, count, count, 0.0, 0.0, positive, {}))


@given(st.permutations(range(1, 12)), st.lists(st.integers(1, 11), max_size=20))
def test_late_and_repeated_points_count_once(order: list[int], again: list[int]) -> None:
    stream = Stream.of(None)
    for at in [*order, *again]:
        stream.take(delta(at, 2.0**at))
        stream = Stream.of(stream.encode())
    assert stream.sums(delta(0)) == [float(sum(2**at for at in range(1, 12)))]


def test_who_is_newest_and_who_is_known_is_told() -> None:
    stream = Stream.of(None)
    assert [stream.take(delta(at)) for at in (10, 30, 20, 20, 30)] == [True, True, False, None, None]


def test_what_is_older_than_all_that_is_remembered_counts_as_known() -> None:
    stream = Stream.of(None)
    for at in range(2, REMEMBERED + 3):
        stream.take(delta(at))
    assert stream.take(delta(1)) is None
    assert stream.sums(delta(0)) == [REMEMBERED + 1]


def test_histograms_of_different_schemas_meet_at_the_coarser_one() -> None:
    stream = Stream.of(None)
    stream.take(buckets(2, {1: 1.0, 4: 2.0, 5: 3.0}))
    stream.take(buckets(0, {1: 10.0}))
    stream = Stream.of(stream.encode())
    run = stream.run(7)
    # bucket 1 of schema 2 ends below 2, bucket 5 above it
    assert (run.schema, run.positive_index.tolist(), run.positive.tolist()) == (0, [1, 2], [[13.0, 3.0]])
    assert float(run.count[0]) == 16.0
