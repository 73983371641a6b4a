"""What an expression is about."""

import pytest

from monitor.changes.measures import Measure, measure_of
from monitor.core.labels import Matcher


def measured(expr: str, **labels: str) -> Measure:
    found = measure_of(expr, labels)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("expr", "kind", "column", "direction"),
    [
        ("histogram_quantile(0.95, sum by (model) (rate(llm_request_duration_seconds[15m]))) > 2", "size", "duration_seconds", 1),
        ("histogram_avg(rate(llm_ttft_seconds[5m])) >= 1", "size", "ttft_seconds", 1),
        ("sum(rate(llm_errors_total[5m])) / sum(rate(llm_requests_total[5m])) > 0.05", "share", "error", 1),
        ("1 - sum(rate(llm_errors_total[5m])) / sum(rate(llm_requests_total[5m])) < 0.95", "share", "error", 1),
        ("sum(rate(llm_requests_total[5m])) < 3", "calls", "", -1),
        ("sum(increase(llm_requests_total[15m])) == 0", "calls", "", -1),
        ("histogram_count(sum(rate(llm_request_duration_seconds[5m]))) > 9", "calls", "", 1),
        ('histogram_avg(sum(increase(llm_score{source="judge"}[6h]))) < 3', "mark", "score", -1),
        ("rate(llm_requests_total[5m]) > 0 and histogram_avg(rate(llm_output_tokens[5m])) > 9", "size", "output_tokens", 1),
        ('llm_drift_evidence{feature="prompt_length"} >= 1', "size", "input_tokens", 1),
    ],
)  # fmt: skip
def test_the_number_and_the_way_it_should_not_go(expr: str, kind: str, column: str, direction: int) -> None:
    found = measured(expr)
    assert (found.kind, found.column, found.direction) == (kind, column, direction)


@pytest.mark.parametrize(
    "expr", ["up == 0", "gpu_temperature_celsius > 87", "absent(llm_requests_total)", "vector(1)", "rate("]
)
def test_what_no_call_has_is_no_measure(expr: str) -> None:
    assert measure_of(expr, {}) is None


def test_the_calls_are_those_of_the_alert_and_of_the_selector() -> None:
    found = measured('rate(llm_errors_total{model=~"a|b",error="timeout",route!="/x"}[30m]) > 1', model="a")
    assert (set(found.calls), found.chosen, found.width_ms) == (
        {Matcher("model", "=", "a"), Matcher("route", "!=", "/x")}, (Matcher("error", "=", "timeout"),), 1_800_000,
    )  # fmt: skip


def test_a_recorded_series_stands_for_its_expression() -> None:
    known = {"job:errors:ratio": "sum(rate(llm_errors_total[10m])) / sum(rate(llm_requests_total[10m]))"}
    found = measure_of('job:errors:ratio{model="a"} > 0.1', {}, known.get)
    assert found is not None
    assert (found.column, found.direction, found.width_ms, found.calls) == (
        "error", 1, 600_000, (Matcher("model", "=", "a"),),
    )  # fmt: skip


def test_a_recorded_series_made_of_itself_ends_somewhere() -> None:
    assert measure_of("a:b > 1", {}, {"a:b": "a:b + 1"}.get) is None
