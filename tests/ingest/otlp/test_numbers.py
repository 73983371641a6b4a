"""Metrics of OTLP as series: every type, both temporalities, restarts, and what is refused."""

from typing import Any

import pytest

from monitor.core.samples import is_stale
from monitor.ingest.envelope import Batch, Reason
from monitor.ingest.otlp.numbers import Reader
from monitor.ingest.wire import otlp_pb2 as wire

T = 1_795_003_200_000_000_000
SECOND = 1_000_000_000
CUMULATIVE, DELTA = 2, 1
RESOURCE = {"service.namespace": "shop", "service.name": "web", "service.instance.id": "a", "host.name": "h1"}


def pairs(given: dict[str, str]) -> list[bytes]:
    return [
        wire.KeyValue(key=key.encode(), value=wire.AnyValue(string_value=value.encode())).SerializeToString()
        for key, value in given.items()
    ]


def read(*metrics: wire.Metric) -> Batch:
    scope = wire.ScopeMetrics(metrics=metrics)
    resource = wire.ResourceMetrics(resource=wire.Resource(attributes=pairs(RESOURCE)), scope_metrics=[scope])
    return Reader().read(wire.MetricsRequest(resource_metrics=[resource]))


def point(value: float = 1.0, **more: Any) -> wire.NumberPoint:
    given = {"time_unix_nano": T, "as_double": value, "attributes": pairs({"model": "qwen"})}
    return wire.NumberPoint(**{**given, **more})


def total(*points: wire.NumberPoint, temporality: int = CUMULATIVE, monotonic: bool = True) -> wire.Metric:
    data = wire.Sum(data_points=points, aggregation_temporality=temporality, is_monotonic=monotonic)
    return wire.Metric(name=b"llm.calls", sum=data)


def histogram(temporality: int = CUMULATIVE, **more: Any) -> wire.Metric:
    given = {
        "time_unix_nano": T,
        "count": 6,
        "sum": 4.5,
        "bucket_counts": [1, 2, 3],
        "explicit_bounds": [0.5, 1],
    }
    data = wire.Histogram(
        data_points=[wire.HistogramPoint(**{**given, **more})], aggregation_temporality=temporality
    )
    return wire.Metric(name=b"took", unit=b"s", histogram=data)


def exponential(**more: Any) -> wire.Metric:
    given = {
        "time_unix_nano": T, "count": 7, "sum": 9.0, "scale": 1, "zero_count": 1,
        "positive": wire.Buckets(offset=-1, bucket_counts=[2, 0, 4]),
    }  # fmt: skip
    data = wire.ExponentialHistogram(
        data_points=[wire.ExponentialPoint(**{**given, **more})], aggregation_temporality=CUMULATIVE
    )
    return wire.Metric(name=b"took", unit=b"s", exponential_histogram=data)


def values(batch: Batch) -> dict[str, float]:
    """By name and what it has beyond the resource."""
    return {
        f"{labels.name}{labels.get('le', labels.get('quantile', ''))}": value
        for labels, _, value in batch.points
        if labels.name != "target_info"
    }


def test_a_series_says_which_service_and_instance() -> None:
    labels, at, value = read(total(point(3.0))).points[0]
    expected = {"__name__": "llm_calls_total", "job": "shop/web", "instance": "a", "model": "qwen"}
    assert (dict(labels), at, value) == (expected, T // 1_000_000, 3.0)


def test_the_rest_of_the_resource_is_target_info() -> None:
    labels, at, value = read(total(point())).points[-1]
    assert dict(labels) == {"__name__": "target_info", "job": "shop/web", "instance": "a", "host_name": "h1"}
    assert (at, value) == (T // 1_000_000, 1.0)


def test_a_sum_that_may_fall_is_no_counter() -> None:
    assert list(values(read(total(point(-2.0), monotonic=False)))) == ["llm_calls"]


def test_whole_numbers_are_read() -> None:
    assert values(read(total(wire.NumberPoint(time_unix_nano=T, as_int=-7), monotonic=False))) == {
        "llm_calls": -7.0
    }


def test_a_histogram_becomes_classic_buckets() -> None:
    assert values(read(histogram())) == {
        "took_seconds_sum": 4.5, "took_seconds_count": 6.0, "took_seconds_bucket0.5": 1.0,
        "took_seconds_bucket1": 3.0, "took_seconds_bucket+Inf": 6.0,
    }  # fmt: skip


def test_an_exponential_histogram_becomes_a_native_one() -> None:
    ((labels, run),) = read(exponential()).histograms
    assert labels.name == "took_seconds"
    # bucket n of OTLP begins where bucket n of Prometheus ends
    assert (run.positive_index.tolist(), run.positive.tolist()) == ([0, 2], [[2.0, 4.0]])
    assert (run.schema, float(run.count[0]), float(run.zero[0]), float(run.total[0])) == (1, 7.0, 1.0, 9.0)


def test_finer_scales_than_prometheus_has_are_made_coarser() -> None:
    found = wire.Buckets(offset=-3, bucket_counts=[1, 2, 3, 4, 5])
    ((_, run),) = read(exponential(scale=9, positive=found)).histograms
    assert run.schema == 8
    assert (run.positive_index.tolist(), run.positive.tolist()) == ([-1, 0, 1], [[1.0, 5.0, 9.0]])


def test_coarser_scales_than_prometheus_has_are_refused() -> None:
    (refused,) = read(exponential(scale=-5)).rejected
    assert (refused.field, refused.reason) == ("scale", Reason.UNSUPPORTED)


def test_a_summary_keeps_its_quantiles() -> None:
    quantile = wire.Quantile(quantile=0.99, value=2.0)
    data = wire.SummaryPoint(time_unix_nano=T, count=3, sum=4.0, quantile_values=[quantile])
    found = values(read(wire.Metric(name=b"took", summary=wire.Summary(data_points=[data]))))
    assert found == {"took0.99": 2.0, "took_sum": 4.0, "took_count": 3.0}


def test_no_recorded_value_ends_a_series() -> None:
    batch = read(total(wire.NumberPoint(time_unix_nano=T, flags=1)))
    import numpy as np

    assert is_stale(np.array([batch.points[0][2]])).all()


def test_deltas_are_left_for_the_store_to_add_up() -> None:
    batch = read(total(point(3.0), temporality=DELTA), histogram(DELTA))
    assert [[labels.name for labels in delta.series] for delta in batch.deltas] == [
        ["llm_calls_total"],
        ["took_seconds_sum", "took_seconds_count", *["took_seconds_bucket"] * 3],
    ]
    assert batch.deltas[1].amounts == [4.5, 6.0, 1.0, 3.0, 6.0]
    assert [labels.name for labels, _, _ in batch.points] == ["target_info"]


def test_a_counter_that_begins_anew_stood_at_zero_then() -> None:
    Reader.begun.clear()
    read(total(point(5.0, start_time_unix_nano=T - 100 * SECOND)))
    again = read(total(point(9.0, start_time_unix_nano=T + SECOND, time_unix_nano=T + 9 * SECOND)))
    assert [(at, value) for labels, at, value in again.points if labels.name != "target_info"] == [
        ((T + SECOND) // 1_000_000, 0.0),
        ((T + 9 * SECOND) // 1_000_000, 9.0),
    ]


@pytest.mark.parametrize(
    ("metric", "field"),
    [
        (total(wire.NumberPoint(time_unix_nano=T)), "value"),
        (total(point(time_unix_nano=0)), "time_unix_nano"),
        (histogram(bucket_counts=[1]), "bucket_counts"),
        (wire.Metric(name=b"", gauge=wire.Gauge(data_points=[point()])), "name"),
        (total(point(attributes=pairs({"…": "x"}))), "name"),
    ],
)
def test_a_bad_point_is_refused_by_its_place_and_loses_no_neighbour(metric: wire.Metric, field: str) -> None:
    batch = read(total(point()), metric, total(point()))
    assert [(one.index, one.field) for one in batch.rejected] == [(1, field)]
    assert batch.point_places[:2] == [0, 2]


def test_what_is_told_of_hardware_goes_with_the_host_of_its_resource() -> None:
    gauge = wire.Gauge(data_points=[point(attributes=pairs({"hw.id": "GPU-1"}))])
    batch = read(wire.Metric(name=b"hw.gpu.power.draw", unit=b"W", gauge=gauge), total(point()))
    assert {labels.name: host for labels, host in batch.hosts.items()} == {"hw_gpu_power_draw_watts": "h1"}
