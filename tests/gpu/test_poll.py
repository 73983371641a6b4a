import datetime as dt
from collections.abc import Callable

from monitor.core.clock import to_ms
from monitor.gpu.fake import simulated_host
from monitor.gpu.nvml import read
from monitor.gpu.poll import points
from tests.fixtures.fix_gpu import RecordedLibrary

Recorded = Callable[..., RecordedLibrary]


def by_name(library: RecordedLibrary) -> dict[str, list[tuple[dict[str, str], float]]]:
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for labels, _, value in points("gpu-1", read(library), 1000):
        found.setdefault(labels.name, []).append((dict(labels.drop(["__name__"])), value))
    return found


def test_every_point_names_host_card_and_model(recorded: Recorded) -> None:
    labels, at, _ = points("gpu-1", read(recorded()), 1000)[0]
    assert at == 1000
    assert dict(labels.keep(["host", "gpu", "uuid", "name"])) == {
        "host": "gpu-1",
        "gpu": "0",
        "uuid": "GPU-6f1c2d3e-0000-1111-2222-333344445555",
        "name": "NVIDIA H200",
    }


def test_throttle_reasons_are_zero_or_one_by_reason(recorded: Recorded) -> None:
    found = {labels["reason"]: value for labels, value in by_name(recorded())["gpu_throttle"]}
    assert (found["power_cap"], found["hw_thermal"]) == (1.0, 0.0)


def test_process_memory_is_labelled_with_pid_and_command(recorded: Recorded) -> None:
    ((labels, value),) = by_name(recorded())["gpu_process_memory_bytes"]
    assert (labels["pid"], labels["command"], value) == ("4000001", "vllm", 127926272000.0)


def test_what_was_not_told_makes_no_point(recorded: Recorded) -> None:
    found = by_name(recorded("laptop"))
    assert "gpu_utilization_ratio" not in found
    assert "gpu_power_watts" not in found
    assert "gpu_temperature_celsius" in found


def test_no_two_points_share_a_series(now: dt.datetime) -> None:
    made = points("demo", simulated_host(now), to_ms(now))
    assert len({labels for labels, _, _ in made}) == len(made)
