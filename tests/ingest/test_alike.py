import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from monitor import query
from monitor.core.clock import to_ms
from monitor.core.labels import NAME, Labels
from monitor.core.samples import STALE, is_stale, of_points
from monitor.ingest import alike, pipeline
from monitor.ingest.envelope import Batch
from monitor.ingest.exposition import page
from monitor.ingest.otlp import names
from tests.fixtures.fix_cast import Cast

DCGM = {
    "gpu": "0", "UUID": "GPU-1", "device": "nvidia0", "modelName": "NVIDIA H100", "Hostname": "node-1",
    "instance": "10.0.0.1:9400", "job": "dcgm",
}  # fmt: skip
NVITOP = {"hostname": "node-1", "index": "0", "devicename": "NVIDIA H100", "uuid": "GPU-1"}
OTEL = {"hw_id": "GPU-1", "hw_name": "NVIDIA H100", "gpu_index": "0", "host_name": "node-1"}
TRITON = {"gpu_uuid": "GPU-1", "instance": "node-1:8002"}
CUT = {**DCGM, "GPU_I_ID": "7", "GPU_I_PROFILE": "1g.10gb"}
CARD = {"host": "node-1", "gpu": "0", "uuid": "GPU-1", "name": "NVIDIA H100"}
BARE = {"host": "node-1", "uuid": "GPU-1", "source": "triton", "instance": "node-1:8002"}


def one(name: str, labels: dict[str, str], value: float) -> tuple[dict[str, str], list[float]]:
    found = alike.ours(of_points([(Labels({NAME: name, **labels}), 1_000, value)]))
    assert found is not None
    return dict(found.labels[0]), found.values.tolist()


@pytest.mark.parametrize("name, labels, value, ours, more, wanted", [
    ("DCGM_FI_DEV_GPU_UTIL", DCGM, 87, "gpu_utilization_ratio", {}, 0.87),
    ("DCGM_FI_DEV_FB_USED", DCGM, 1024, "gpu_memory_used_bytes", {}, 2**30),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", DCGM, 5000, "gpu_energy_joules_total", {}, 5),
    ("DCGM_FI_DEV_SM_CLOCK", DCGM, 1980, "gpu_clock_hertz", {"clock": "sm"}, 1.98e9),
    ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", DCGM, 0.5, "gpu_tensor_activity_ratio", {}, 0.5),
    ("gpu_utilization", NVITOP, 87, "gpu_utilization_ratio", {}, 0.87),
    ("gpu_memory_used_MiB", NVITOP, 1024, "gpu_memory_used_bytes", {}, 2**30),
    ("process_gpu_memory_MiB", {**NVITOP, "pid": "7"}, 1, "gpu_process_memory_bytes", {"pid": "7"}, 2**20),
    ("gpu_utilization_Percentage", NVITOP, 87, "gpu_utilization_ratio", {}, 0.87),
    ("gpu_temperature_C", NVITOP, 60, "gpu_temperature_celsius", {}, 60),
    ("gpu_clock_sm_MHz", NVITOP, 1980, "gpu_clock_hertz", {"clock": "sm"}, 1.98e9),
    ("gpu_memory_percent_Percentage", NVITOP, 50, "gpu_memory_used_ratio", {}, 0.5),
    ("gpu_nvlink_tx_throughput_MiBps", {**NVITOP, "link": "3"}, 1, "gpu_nvlink_link_bytes_per_second", {"link": "3", "direction": "tx"}, 2**20),
    ("process_info_info", {**NVITOP, "pid": "7", "command": "python"}, 1, "gpu_process_info", {"pid": "7", "command": "python"}, 1),
    ("DCGM_FI_DEV_NVLINK_BANDWIDTH_TOTAL", DCGM, 1000, "gpu_nvlink_bytes_per_second", {"direction": "both"}, 1.024e9),
    ("hw_gpu_temperature_celsius", {**OTEL, "sensor": "die"}, 60, "gpu_temperature_celsius", {}, 60),
    ("hw_gpu_temperature_celsius", {**OTEL, "sensor": "memory"}, 96, "gpu_memory_temperature_celsius", {}, 96),
    ("hw_gpu_memory_utilization_ratio", OTEL, 0.5, "gpu_memory_used_ratio", {}, 0.5),
    ("hw_gpu_pcie_throughput_bytes_per_second", {**OTEL, "network_io_direction": "receive"}, 5, "gpu_pcie_bytes_per_second", {"direction": "rx"}, 5),
    ("hw_errors_total", {**OTEL, "hw_type": "gpu", "error_type": "uncorrected"}, 2, "gpu_ecc_errors_total", {"kind": "uncorrected"}, 2),
    ("hw_gpu_power_draw", OTEL, 300, "gpu_power_watts", {}, 300),
    ("hw.gpu.power.draw", {key.replace("_", "."): value for key, value in OTEL.items()}, 300, "gpu_power_watts", {}, 300),
    ("hw_gpu_memory_usage_bytes", OTEL, 2**30, "gpu_memory_used_bytes", {}, 2**30),
    ("hw_gpu_utilization_ratio", {**OTEL, "hw_gpu_task": "encoder"}, 0.2, "gpu_encoder_utilization_ratio", {}, 0.2),
    ("hw_gpu_energy_consumed_joules_total", OTEL, 5, "gpu_energy_joules_total", {}, 5),
])  # fmt: skip
def test_a_figure_gets_our_name_unit_and_labels(
    name: str, labels: dict[str, str], value: float, ours: str, more: dict[str, str], wanted: float
) -> None:
    found, values = one(name, labels, value)
    assert found.pop("source") in {"dcgm", "nvitop", "opentelemetry"}
    assert found == {NAME: ours, **CARD, **more}
    assert values == pytest.approx([wanted])


def test_where_no_host_is_named_it_is_the_one_that_was_scraped() -> None:
    found, values = one("nv_gpu_power_usage", TRITON, 300)
    assert (found, values) == ({NAME: "gpu_power_watts", **BARE}, [300])


def test_an_instance_of_a_partitioned_card_is_told_apart() -> None:
    found, _ = one("DCGM_FI_DEV_FB_USED", CUT, 100)
    part = {"source": "dcgm", "gpu_instance": "7", "profile": "1g.10gb"}
    assert found == {NAME: "gpu_mig_memory_used_bytes", **CARD, **part}


def told(*points: tuple[dict[str, str], float]) -> dict[str, list[float]]:
    found = alike.ours(of_points([(Labels(labels), 1_000, value) for labels, value in points]))
    assert found is not None
    ends = np.cumsum(found.counts).tolist()
    each = zip(found.labels, [0, *ends], ends, strict=False)
    return {labels.name: found.values[start:end].tolist() for labels, start, end in each}


def test_what_each_instance_tells_of_the_whole_card_is_the_cards_once() -> None:
    name = "DCGM_FI_DEV_GPU_TEMP"
    seen = told(*(({NAME: name, **CUT, "GPU_I_ID": instance}, 40) for instance in ("7", "8", "9")))
    assert seen == {"gpu_temperature_celsius": [40]}


def test_the_end_of_one_instance_is_not_the_end_of_the_card() -> None:
    name = "DCGM_FI_DEV_GPU_TEMP"
    seen = told(({NAME: name, **CUT}, float(STALE)), ({NAME: name, **CUT, "GPU_I_ID": "8"}, 40))
    assert seen == {"gpu_temperature_celsius": [40]}


def test_the_whole_memory_of_an_instance_is_the_sum_of_its_parts() -> None:
    seen = told(({NAME: "DCGM_FI_DEV_FB_USED", **CUT}, 60), ({NAME: "DCGM_FI_DEV_FB_FREE", **CUT}, 30))
    assert seen["gpu_mig_memory_total_bytes"] == [90 * 2**20]


def test_what_instances_tell_of_the_engine_is_theirs() -> None:
    seen = told(({NAME: "DCGM_FI_PROF_GR_ENGINE_ACTIVE", **CUT}, 0.5))
    assert seen == {"gpu_mig_graphics_activity_ratio": [0.5]}


def test_errors_of_other_hardware_are_not_the_cards() -> None:
    labels = {NAME: "hw_errors_total", "hw_id": "DIMM_A1", "hw_type": "memory", "error_type": "uncorrected"}
    assert alike.ours(of_points([(Labels(labels), 1_000, 1.0)])) is None


def test_reasons_in_a_label_become_a_series_each() -> None:
    labels = {
        NAME: "hw_gpu_throttled_ratio",
        **OTEL,
        "hw_gpu_throttle_reasons": "sw_power_cap,hw_thermal_slowdown",
    }
    found = alike.ours(of_points([(Labels(labels), 1_000, 1.0)]))
    assert found is not None
    reasons = zip(found.labels, found.values.tolist(), strict=True)
    assert {labels["reason"] for labels, value in reasons if value} == {"power_cap", "hw_thermal"}
    assert len(found.labels) > 2


def test_held_down_for_no_known_reason_is_not_told_as_none() -> None:
    assert told(({NAME: "hw_gpu_throttled_ratio", **OTEL}, 1)) == {"gpu_throttle": []}


def test_two_servers_of_one_host_tell_of_a_card_in_series_of_their_own() -> None:
    found = [
        one("nv_energy_consumption", {**TRITON, "instance": f"node-1:{port}"}, 1)[0] for port in (8002, 9002)
    ]
    assert found[0] != found[1]


def test_the_host_of_its_resource_is_the_host() -> None:
    labels = Labels({NAME: "hw_gpu_power_draw_watts", "hw_id": "GPU-1", "instance": "b1f2"})
    for hosts, wanted in (({labels: "node-7"}, "node-7"), ({}, "")):
        found = alike.ours(of_points([(labels, 1_000, 300.0)]), hosts)
        assert found is not None
        assert found.labels[0].get("host", "") == wanted


@pytest.mark.parametrize(
    "name, value",
    [
        ("DCGM_FI_DEV_MEMORY_TEMP", 9223372036854775794.0),
        ("DCGM_FI_DEV_GPU_TEMP", 2147483632),
        ("DCGM_FI_DEV_XID_ERRORS", 0),
        ("DCGM_FI_DEV_MEMORY_TEMP", 0),
        ("DCGM_FI_DEV_GPU_TEMP", 2147483635),
        ("DCGM_FI_DEV_POWER_USAGE", 140737488355330.0),
        ("DCGM_FI_DEV_GPU_TEMP", float("nan")),
    ],
)
def test_a_value_that_means_none_is_left_out(name: str, value: float) -> None:
    assert one(name, DCGM, value)[1] == []


def test_the_end_of_a_series_is_its_end_under_our_name() -> None:
    found = alike.ours(of_points([(Labels({NAME: "DCGM_FI_DEV_GPU_UTIL", **DCGM}), 1_000, float(STALE))]))
    assert found is not None
    assert is_stale(found.values).tolist() == [True]


def test_a_like_name_of_another_program_is_left_alone() -> None:
    assert alike.ours(of_points([(Labels({NAME: "gpu_utilization", "host": "x"}), 1_000, 87)])) is None


def test_each_series_keeps_its_own_samples() -> None:
    points = [
        (Labels({NAME: "up", "job": "dcgm"}), 1_000, 1.0),
        (Labels({NAME: "DCGM_FI_DEV_GPU_UTIL", **DCGM}), 1_000, 50.0),
        (Labels({NAME: "DCGM_FI_DEV_GPU_TEMP", **DCGM}), 1_000, 60.0),
    ]
    found = alike.ours(of_points(points))
    assert found is not None
    assert [labels.name for labels in found.labels] == ["gpu_utilization_ratio", "gpu_temperature_celsius"]
    assert np.allclose(found.values, [0.5, 60.0])


@pytest.mark.parametrize(
    "parts, whole", [((60, 30), [90 * 2.0**20]), ((60, 30, 10), [100 * 2.0**20]), ((60,), [])]
)
def test_the_whole_memory_is_the_sum_of_its_parts(parts: tuple[float, ...], whole: list[float]) -> None:
    names = ("DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_FB_FREE", "DCGM_FI_DEV_FB_RESERVED")
    points = [
        (Labels({NAME: name, **DCGM}), 1_000, float(value)) for name, value in zip(names, parts, strict=False)
    ]
    found = alike.ours(of_points(points))
    assert found is not None
    sums = zip(found.labels, found.values.tolist(), strict=True)
    assert [value for labels, value in sums if labels.name == "gpu_memory_total_bytes"] == whole


def test_every_name_it_gives_stands_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "templates" / "docs" / "gpus.md").read_text(encoding="utf-8")
    lines = [
        line
        for source in alike.sources()
        for lines in (
            source.series,
            source.parts,
            *(lines for choices in source.by.values() for _, lines in choices),
        )
        for line in lines.values()
    ]
    assert {line.name for line in lines if f"`{line.name}" not in manual} == set()


@pytest.mark.django_db
def test_what_was_sent_stays_and_ours_is_beside_it(cast: Cast, now: dt.datetime) -> None:
    point = (Labels({NAME: "DCGM_FI_DEV_GPU_UTIL", **DCGM}), to_ms(now), 87.0)
    for _ in range(2):
        pipeline.take(cast.project.id, Batch(points=[point]), now=now)
    asked = query.instant(cast.project.id, '{__name__=~"gpu_utilization_ratio|DCGM.*"}', now)
    stored = {labels.name: values[-1] for labels, _, values in asked.points()}
    assert stored == {"DCGM_FI_DEV_GPU_UTIL": 87.0, "gpu_utilization_ratio": pytest.approx(0.87)}


@pytest.mark.parametrize("name, unit, counter", [
    ("hw.gpu.utilization", "1", False), ("hw.gpu.memory.usage", "By", False), ("hw.gpu.memory.limit", "By", False),
    ("hw.gpu.temperature", "Cel", False), ("hw.gpu.power.draw", "W", False), ("hw.gpu.power.limit", "W", False),
    ("hw.gpu.energy.consumed", "J", True), ("hw.gpu.clock.graphics", "MHz", False), ("hw.errors", "{error}", True),
    ("hw.gpu.up", "1", False), ("hw.gpu.throttled", "1", False), ("hw.gpu.pcie.throughput", "By/s", False),
    ("hw.gpu.interconnect.throughput", "By/s", False), ("hw.gpu.memory.utilization", "1", False), ("hw.gpu.memory.free", "By", False), ("hw.gpu.clock.memory", "MHz", False),
])  # fmt: skip
def test_names_of_the_convention_are_known_as_they_are_spelled_here(
    name: str, unit: str, counter: bool
) -> None:
    spelled = names.metric(name, unit, counter=counter, gauge=not counter)
    assert spelled in alike.known()


def test_all_of_nvitop_that_has_a_name_here_is_known_as_its_exporter_spells_it() -> None:
    sent = page.read(Path(__file__).with_name("nvitop.txt").read_bytes(), {})
    unknown = {
        labels.name for labels, *_ in sent.points if alike.ours(of_points([(labels, 1_000, 1.0)])) is None
    }
    assert unknown == {
        "gpu_nvlink_mean_tx_throughput_MiBps", "gpu_nvlink_mean_rx_throughput_MiBps", "process_running_time_Second",
        "process_cpu_percent_Percentage", "process_rss_memory_MiB", "process_memory_percent_Percentage",
        "process_gpu_memory_utilization_Percentage", "process_gpu_encoder_utilization_Percentage",
        "process_gpu_decoder_utilization_Percentage",
    }  # fmt: skip
