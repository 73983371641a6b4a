import math
from itertools import pairwise

from prometheus_client.parser import text_string_to_metric_families

from monitor.management.simulation.meters import Meters, exposition
from monitor.management.simulation.story import DAY, HOUR, MINUTE, Story

ANCHOR = 1_795_200_000.0


def value(meters: Meters, at: float, name: str, version: str, le: str | None = None) -> float:
    return next(
        number
        for labels, number in meters.paddle(at)
        if (labels["__name__"], labels["version"], labels.get("le")) == (name, version, le)
    )


def buckets(meters: Meters, at: float) -> list[tuple[float, float]]:
    return [
        (float(labels["le"].replace("+Inf", "inf")), number)
        for labels, number in meters.paddle(at)
        if labels["__name__"] == "paddle_model_latency_seconds_bucket" and labels["version"] == "v2"
    ]


def rate(name: str, version: str, at: float, le: str | None = None) -> float:
    meters = Meters(Story(ANCHOR))
    return (value(meters, at, name, version, le) - value(meters, at - 300, name, version, le)) / 300


def test_counters_are_the_same_whoever_counts_them() -> None:
    told = Meters(Story(ANCHOR))
    for minute in range(90):
        told.paddle(ANCHOR + minute * MINUTE)
    assert told.paddle(ANCHOR + HOUR) == Meters(Story(ANCHOR)).paddle(ANCHOR + HOUR)


def test_counters_only_fall_once_a_day() -> None:
    meters = Meters(Story(ANCHOR))
    values = [
        value(meters, ANCHOR + at, "paddle_model_requests_total", "v1") for at in range(0, int(DAY), 300)
    ]
    assert sum(later < earlier for earlier, later in pairwise(values)) == 1


def test_buckets_grow_with_their_bound_up_to_the_count() -> None:
    samples = buckets(Meters(Story(ANCHOR)), ANCHOR)
    assert [bound for bound, _ in samples] == sorted(bound for bound, _ in samples)
    assert [number for _, number in samples] == sorted(number for _, number in samples)
    count = value(Meters(Story(ANCHOR)), ANCHOR, "paddle_model_latency_seconds_count", "v2")
    assert samples[-1] == (math.inf, count)


def test_no_bucket_grows_slower_than_the_one_inside_it() -> None:
    meters = Meters(Story(ANCHOR))
    pages = [dict(buckets(meters, ANCHOR + at)) for at in range(0, 3600, 15)]
    for earlier, later in pairwise(pages):
        grown = [later[bound] - earlier[bound] for bound in earlier]
        assert grown == sorted(grown)


def test_the_error_rule_has_something_to_see_in_a_storm_and_nothing_after() -> None:
    storm, calm = ANCHOR + 24 * MINUTE, ANCHOR + 12 * MINUTE
    assert Story(ANCHOR).canary_storm(storm - 1)
    errors, requests = "paddle_model_errors_total", "paddle_model_requests_total"
    assert rate(errors, "v2", storm) / rate(requests, "v2", storm) > 0.01
    assert rate(errors, "v2", calm) / rate(requests, "v2", calm) < 0.01


def test_more_than_one_in_a_hundred_canary_calls_takes_longer_than_half_a_second() -> None:
    name = "paddle_model_latency_seconds_bucket"
    for version, slow in (("v1", False), ("v2", True)):
        within = rate(name, version, ANCHOR, "0.5") / rate(name, version, ANCHOR, "+Inf")
        assert (1 - within > 0.01) is slow


def test_the_page_is_prometheus_text() -> None:
    families = {
        family.name: family
        for family in text_string_to_metric_families(exposition(Meters(Story(ANCHOR)).paddle(ANCHOR)))
    }
    assert families["paddle_model_latency_seconds"].type == "histogram"
    assert {sample.labels["version"] for sample in families["paddle_model_requests"].samples} == {"v1", "v2"}
