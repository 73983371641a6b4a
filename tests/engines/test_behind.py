"""From an alert's expression through stored series to what moved with it."""

import datetime as dt
import re

import numpy as np
import pytest

from monitor.core.clock import to_ms
from monitor.core.labels import Labels
from monitor.engines import behind
from monitor.engines.behind import Asked, measured
from monitor.engines.together import Floats
from monitor.store.samples import append
from tests.engines.test_hints import ou
from tests.fixtures.fix_cast import NOON, Cast

MINUTES: Floats = np.arange(0, 24 * 60 + 1, dtype=np.float64)
LATENCY = "max by (instance) (request_latency_seconds) > 1.5"
INSTANCE = "gpu-1:8000"


@pytest.mark.parametrize("expr, asked", [
    ("histogram_quantile(0.99, sum by (model) (rate(llm_request_duration_seconds[15m]))) > 30 and sum by (model) (increase(llm_requests_total[15m])) >= 100", "300000ms"),
    ("llm_latency > 2", "llm_latency"),
    (LATENCY, "request_latency_seconds"),
    ("histogram_quantile(0.9, rate(vllm:time_to_first_token_seconds_bucket[1m])) > 1", "60000ms"),
    ("3 < histogram_quantile(0.9, rate(llm_ttft_seconds[1m]))", "llm_ttft_seconds"),
    ("vllm:num_requests_waiting > 1 and histogram_quantile(0.9, rate(llm_ttft_seconds[1m])) > 2", "llm_ttft_seconds"),
    ("(rate(llm_errors_total[5m]) > 1) or (histogram_quantile(0.9, rate(llm_ttft_seconds[5m])) > 2)", "llm_ttft_seconds"),
    ('llm_anomaly_detected{signal="duration"} == 1', "llm_anomaly_detected"),
])  # fmt: skip
def test_an_alert_about_latency_says_what_it_measures(expr: str, asked: str) -> None:
    found = measured(expr)
    assert found
    assert asked in found
    assert not re.search("[<>]|==", found)


@pytest.mark.parametrize("expr", [
    "up == 0", "sum(rate(llm_errors_total[5m])) > 1", "gpu_xid_last_timestamp_seconds > 1", "this is no PromQL",
    "rate(container_cpu_usage_seconds_total[5m]) > 1", "up == 0 unless llm_ttft_seconds > 1",
    'llm_anomaly_detected{signal="requests"} == 1', "time() - process_start_time_seconds < 60",
    "kube_job_status_completion_time_seconds > 1", "rate(gpu_throttle_seconds_total[5m]) > 0.1",
])  # fmt: skip
def test_other_alerts_are_not_looked_into(expr: str) -> None:
    assert measured(expr) is None


def told(cast: Cast, name: str, values: Floats, **labels: str) -> None:
    start = NOON - dt.timedelta(minutes=int(MINUTES[-1]))
    append.samples(
        cast.project.id,
        [
            (
                Labels({"__name__": name, **labels}),
                to_ms(start + dt.timedelta(minutes=int(minute))),
                float(value),
            )
            for minute, value in zip(MINUTES, values, strict=True)
        ],
        now=NOON,
    )


def looked(cast: Cast, expr: str = LATENCY) -> behind.Behind:
    """The alert became true 20 minutes before noon."""
    asked = Asked(expr, {"instance": INSTANCE}, NOON - dt.timedelta(minutes=20))
    found = behind.behind(cast.project.id, asked, {"vllm:num_requests_waiting"}, now=NOON)
    assert found is not None
    return found


@pytest.fixture
def slow(cast: Cast) -> Cast:
    """A latency that rises 21 minutes before noon, on a host with a card, among series that know nothing of it."""
    rng = np.random.default_rng(5)
    seconds = MINUTES * 60.0
    rise = MINUTES[-1] - 21 <= MINUTES
    told(cast, "request_latency_seconds", 1 + ou(rng, seconds, 4, 0.05) + 1.0 * rise, instance=INSTANCE)
    told(cast, "vllm:num_requests_waiting", 5 + ou(rng, seconds, 10, 0.5), instance=INSTANCE, job="vllm")
    told(cast, "gpu_temperature_celsius", 60 + ou(rng, seconds, 20, 2), host="gpu-1", gpu="0", uuid="GPU-1")
    return cast


def test_a_throttle_minutes_before_is_found_with_its_lag(slow: Cast) -> None:
    throttled = (MINUTES[-1] - 25 <= MINUTES) * 1.0
    told(slow, "gpu_throttle", throttled, host="gpu-1", gpu="0", uuid="GPU-1", reason="hw_thermal")
    found = looked(slow)
    (one,) = found.companions
    assert (one.family, one.signal, found.hosts, found.engines) == (
        "gpu",
        "throttle",
        ("gpu-1",),
        (INSTANCE,),
    )
    assert abs(one.lag_seconds - 240) <= 60
    assert (one.before, one.now) == (0, 1)


def test_nothing_moved_with_it_is_said(slow: Cast) -> None:
    found = looked(slow)
    assert (found.verdict, found.tested) == ("nothing", 2)


def test_a_series_that_has_just_begun_tells_nothing(cast: Cast) -> None:
    assert looked(cast).verdict == "short"


@pytest.mark.parametrize("minutes, end", [(1, 0), (7, 5), (29, 25), (30, 30), (600, 30)])
def test_a_young_alert_is_looked_at_anew_every_few_minutes(minutes: int, end: int) -> None:
    later = NOON + dt.timedelta(minutes=minutes)
    assert behind.end_of(NOON, later) == NOON + dt.timedelta(minutes=end)
