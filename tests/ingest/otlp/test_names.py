"""Names as Prometheus' own translation gives them."""

import pytest

from monitor.ingest.otlp import names


@pytest.mark.parametrize(
    ("name", "unit", "counter", "gauge", "expected"),
    [
        ("gen_ai.client.operation.duration", "s", False, False, "gen_ai_client_operation_duration_seconds"),
        ("gen_ai.client.token.usage", "{token}", False, False, "gen_ai_client_token_usage"),
        ("system.io", "By", True, False, "system_io_bytes_total"),
        ("http.requests.total", "", True, False, "http_requests_total"),
        ("total_requests", "", True, False, "requests_total"),
        ("system.cpu.utilization", "1", False, True, "system_cpu_utilization_ratio"),
        ("ratio.of.things", "1", False, True, "of_things_ratio"),
        ("speed", "m/s", False, True, "speed_meters_per_second"),
        ("disk.bytes", "By", False, True, "disk_bytes"),
        ("broken.disks", "foo/bar", False, False, "broken_disks_foo_per_bar"),
        ("energy", "kW.h", False, False, "energy_kW_h"),
        ("2xx.answers", "", True, False, "_2xx_answers_total"),
        ("vllm:num_requests_running", "", False, True, "vllm:num_requests_running"),
        ("a__b..c", "", False, False, "a_b_c"),
        ("rate.per.second", "1/s", False, True, "rate_per_second_per_second"),
        ("half", "{a}/s", False, False, "half_per_second"),
    ],
)  # fmt: skip
def test_a_metric_is_spelled_as_prometheus_spells_it(
    name: str, unit: str, counter: bool, gauge: bool, expected: str
) -> None:
    assert names.metric(name, unit, counter=counter, gauge=gauge) == expected


@pytest.mark.parametrize("name", ["", "…", "__"])
def test_a_name_of_nothing_is_refused(name: str) -> None:
    with pytest.raises(names.BadNameError):
        names.metric(name, "", counter=False, gauge=False)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("server.address", "server_address"), ("1st", "key_1st"), ("_private", "key_private"),
        ("__reserved__", "__reserved__"), ("größe", "gr__e"),
    ],
)  # fmt: skip
def test_a_label_is_spelled_as_prometheus_spells_it(name: str, expected: str) -> None:
    assert names.label(name) == expected


def test_attributes_of_one_name_are_joined_in_their_order() -> None:
    assert names.labels([("a.b", 2), ("a_b", True), ("c", 0.5)]) == {"a_b": "2;true", "c": "0.5"}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, "1"),
        (0.005, "0.005"),
        (1e6, "1000000"),
        (2.0**64, "18446744073709552000"),
        (1e-7, "0.0000001"),
        (2.5, "2.5"),
        (float("inf"), "+Inf"),
    ],
)
def test_a_bound_is_written_without_an_exponent(value: float, expected: str) -> None:
    assert names.number_text(value) == expected
