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
from monitor.ingest.otlp import names
from tests.fixtures.fix_cast import Cast

DCGM = {
    "gpu": "0", "UUID": "GPU-1", "device": "nvidia0", "modelName": "NVIDIA H100", "Hostname": "node-1",
    "instance": "10.0.0.1:9400", "job": "dcgm",
}  # fmt: skip
NVITOP = {"hostname": "node-1", "index": "0", "devicename": "NVIDIA H100", "uuid": "GPU-1"}
OTEL = {"hw_id": "GPU-1", "hw_name": "NVIDIA H100", "gpu_index": "0", "host_name": "node-1"}
TRITON = {"gpu_uuid": "GPU-1", "instance": "node-1:8002"}
CARD = {"host": "node-1", "gpu": "0", "uuid": "GPU-1", "name": "NVIDIA H100"}
BARE = {"host": "node-1", "uuid": "GPU-1"}


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
    ("hw_gpu_memory_usage_bytes", OTEL, 2**30, "gpu_memory_used_bytes", {}, 2**30),
    ("hw_gpu_utilization_ratio", {**OTEL, "hw_gpu_task": "encoder"}, 0.2, "gpu_encoder_utilization_ratio", {}, 0.2),
    ("hw_gpu_energy_consumed_joules_total", OTEL, 5, "gpu_energy_joules_total", {}, 5),
])  # fmt: skip
def test_a_figure_gets_our_name_unit_and_labels(
    name: str, labels: dict[str, str], value: float, ours: str, more: dict[str, str], wanted: float
) -> None:
    found, values = one(name, labels, value)
    assert found == {NAME: ours, **CARD, **more}
    assert values == pytest.approx([wanted])


def test_where_no_host_is_named_it_is_the_one_that_was_scraped() -> None:
    found, values = one("nv_gpu_power_usage", TRITON, 300)
    assert (found, values) == ({NAME: "gpu_power_watts", **BARE}, [300])


def test_an_instance_of_a_partitioned_card_is_told_apart() -> None:
    found, _ = one("DCGM_FI_DEV_FB_USED", {**DCGM, "GPU_I_ID": "7", "GPU_I_PROFILE": "1g.10gb"}, 100)
    assert found == {NAME: "gpu_mig_memory_used_bytes", **CARD, "gpu_instance": "7", "profile": "1g.10gb"}


@pytest.mark.parametrize(
    "name, value",
    [
        ("DCGM_FI_DEV_MEMORY_TEMP", 9223372036854775794.0),
        ("DCGM_FI_DEV_GPU_TEMP", 2147483632),
        ("DCGM_FI_DEV_XID_ERRORS", 0),
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
    told = zip(found.labels, found.values.tolist(), strict=True)
    assert [value for labels, value in told if labels.name == "gpu_memory_total_bytes"] == whole


def test_every_name_it_gives_stands_in_the_manual() -> None:
    manual = (Path(__file__).parents[2] / "templates" / "docs" / "gpus.md").read_text(encoding="utf-8")
    lines = [
        line
        for source in alike.sources()
        for lines in (source.series, source.parts, *(lines for _, lines in source.by.values()))
        for line in lines.values()
    ]
    assert {line.name for line in lines if f"`{line.name}" not in manual} == set()


@pytest.mark.django_db
def test_what_was_sent_stays_and_ours_is_beside_it(cast: Cast, now: dt.datetime) -> None:
    point = (Labels({NAME: "DCGM_FI_DEV_GPU_UTIL", **DCGM}), to_ms(now), 87.0)
    for _ in range(2):
        pipeline.take(cast.project.id, Batch(points=[point]), now=now)
    asked = query.instant(cast.project.id, '{__name__=~"gpu_utilization_ratio|DCGM.*"}', now)
    told = {labels.name: values[-1] for labels, _, values in asked.points()}
    assert told == {"DCGM_FI_DEV_GPU_UTIL": 87.0, "gpu_utilization_ratio": pytest.approx(0.87)}


@pytest.mark.parametrize("name, unit, counter", [
    ("hw.gpu.utilization", "1", False), ("hw.gpu.memory.usage", "By", False), ("hw.gpu.memory.limit", "By", False),
    ("hw.gpu.temperature", "Cel", False), ("hw.gpu.power.draw", "W", False), ("hw.gpu.power.limit", "W", False),
    ("hw.gpu.energy.consumed", "J", True), ("hw.gpu.clock.graphics", "MHz", False), ("hw.errors", "{error}", True),
    ("hw.gpu.up", "1", False), ("hw.gpu.memory.free", "By", False), ("hw.gpu.clock.memory", "MHz", False),
])  # fmt: skip
def test_names_of_the_convention_are_known_as_they_are_spelled_here(
    name: str, unit: str, counter: bool
) -> None:
    spelled = names.metric(name, unit, counter=counter, gauge=not counter)
    assert spelled in alike.known()
