"""The protobuf exposition: all kinds of metrics, native histograms, and pages that are none."""

import contextlib
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.labels import Labels
from monitor.ingest.envelope import UNTIMED
from monitor.ingest.exposition import bounds, families
from monitor.ingest.exposition.page import DROPPED, BadPageError
from monitor.ingest.wire import exposition_pb2 as wire


def delimited(*sent: wire.Family) -> bytes:
    whole = b""
    for one in sent:
        body, length = one.SerializeToString(), one.ByteSize()
        prefix = bytearray()
        while length > 127:
            prefix.append(length & 127 | 128)
            length >>= 7
        whole += bytes([*prefix, length]) + body
    return whole


def family(name: str, **metric: Any) -> wire.Family:
    label = [wire.Label(name="path", value="/a")]
    return wire.Family(name=name, metric=[wire.Metric(label=label, **metric)])


NATIVE = wire.Histogram(
    sample_count=6, sample_sum=9.5, schema=3, zero_threshold=0.001, zero_count=1,
    positive_span=[wire.Span(offset=-2, length=2), wire.Span(offset=1, length=1)], positive_delta=[1, 1, 0],
    bucket=[wire.Bucket(cumulative_count=4, upper_bound=1)],
)  # fmt: skip


def samples(body: bytes, *, classic: bool = False) -> dict[Labels, float]:
    return {labels.drop(["path"]): value for labels, _, value in families.read(body, classic=classic).points}


@pytest.mark.parametrize("kind", ["gauge", "counter", "untyped"])
def test_a_number_is_one_sample(kind: str) -> None:
    page = families.read(delimited(family("a", **{kind: wire.Value(value=5)})), classic=False)
    assert page.points == [(Labels({"__name__": "a", "path": "/a"}), UNTIMED, 5.0)]


def test_a_sample_may_have_its_own_time() -> None:
    page = families.read(delimited(family("a", gauge=wire.Value(value=5), timestamp_ms=0)), classic=False)
    assert page.points[0][1] == 0


def test_a_summary_and_a_classic_histogram_become_several() -> None:
    quantile = wire.Quantile(quantile=0.5, value=2)
    summary = family("s", summary=wire.Summary(sample_count=3, sample_sum=6, quantile=[quantile]))
    histogram = wire.Histogram(
        sample_count=3, sample_sum=6, bucket=[wire.Bucket(cumulative_count=2, upper_bound=1)]
    )
    assert samples(delimited(summary, family("h", histogram=histogram))) == {
        Labels({"__name__": "s", "quantile": "0.5"}): 2.0,
        Labels({"__name__": "s_sum"}): 6.0,
        Labels({"__name__": "s_count"}): 3.0,
        Labels({"__name__": "h_bucket", "le": "1.0"}): 2.0,
        Labels({"__name__": "h_bucket", "le": "+Inf"}): 3.0,
        Labels({"__name__": "h_sum"}): 6.0,
        Labels({"__name__": "h_count"}): 3.0,
    }


def test_a_native_histogram_stays_one() -> None:
    page = families.read(delimited(family("h", histogram=NATIVE)), classic=False)
    assert page.points == []
    ((labels, run),) = page.histograms
    assert labels == Labels({"__name__": "h", "path": "/a"})
    assert (run.schema, run.count[0], run.total[0], run.zero[0]) == (3, 6.0, 9.5, 1.0)
    assert dict(zip(run.positive_index.tolist(), run.positive[0].tolist(), strict=True)) == {
        -2: 1,
        -1: 2,
        1: 2,
    }


def test_its_classic_buckets_come_when_they_are_asked_for() -> None:
    assert len(samples(delimited(family("h", histogram=NATIVE)), classic=True)) == 4


def test_what_is_dropped_is_counted() -> None:
    body = delimited(family("a", gauge=wire.Value(value=5)), family("h", histogram=NATIVE))
    page = families.read(body, classic=False, finish=lambda _: DROPPED)
    assert (page.points, page.histograms, page.dropped) == ([], [], 2)


def test_one_bad_histogram_costs_its_neighbours_nothing() -> None:
    odd = wire.Histogram(sample_count=1, zero_threshold=0.1, positive_span=[wire.Span(offset=0, length=2)])
    page = families.read(
        delimited(family("h", histogram=odd), family("a", gauge=wire.Value(value=math.nan))), classic=False
    )
    assert [(one.index, one.field) for one in page.rejected] == [(1, "h")]
    assert len(page.points) == 1


@pytest.mark.parametrize("body", [b"\x05ab", b"\xff\xff\xff\xff\xff\xff", b"\x80", b"\x02\xff\xff"])
def test_a_page_that_is_cut_or_none_is_refused(body: bytes) -> None:
    with pytest.raises(BadPageError):
        families.read(body, classic=False)


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_a_refusal(body: bytes) -> None:
    with contextlib.suppress(BadPageError):
        families.read(body, classic=True)


@pytest.mark.parametrize(
    "bound, text",
    [
        (1.0, "1.0"), (0.005, "0.005"), (100_000.0, "100000.0"), (1e6, "1e+06"), (1_234_567.5, "1.2345675e+06"), (1e-5, "1e-05"),
        (0.0, "0.0"), (-2.5, "-2.5"), (-1e9, "-1e+09"), (math.inf, "+Inf"), (-math.inf, "-Inf"),
    ],
)  # fmt: skip
def test_bounds_are_spelled_as_prometheus_does(bound: float, text: str) -> None:
    assert bounds.written(bound) == text
