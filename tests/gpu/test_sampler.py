import math
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.gpu.fake.abi import SYMBOLS, put
from monitor.gpu.fake.models import A100_MIG, H100
from monitor.gpu.reading import NAME, STALE
from tests.fixtures.fix_gpu import START, Bench, Start, Told

DOCS = Path(__file__).parents[2] / "templates" / "docs" / "gpus.md"


def stale(value: float) -> bool:
    return struct.pack("<d", value) == struct.pack("<d", STALE)


def until(bench: Bench, name: str, **labels: str) -> Told:
    """Events come from a thread; read until it has counted."""
    for _ in range(2_000):
        told = bench.read(0.01)
        if told.all(name, **labels):
            return told
    pytest.fail(f"{name} {labels} never came")


def test_units_are_ratios_bytes_watts_joules_and_hertz(gpus: Start) -> None:
    told = gpus("h100").read()
    assert 0.5 < told.one("gpu_utilization_ratio") <= 1
    assert told.one("gpu_memory_total_bytes") == 85_520_809_984
    assert 300 < told.one("gpu_power_watts") < 700
    assert told.one("gpu_clock_hertz", clock="memory") == 2.619e9
    assert told.one("gpu_power_limit_watts") == 700


def test_memory_parts_add_up_and_the_reserved_one_is_apart(gpus: Start) -> None:
    told = gpus("h100").read()
    parts = [told.one(f"gpu_memory_{part}_bytes") for part in ("used", "free", "reserved")]
    assert sum(parts) == told.one("gpu_memory_total_bytes")


def test_an_older_driver_tells_memory_without_the_reserved_part(gpus: Start) -> None:
    told = gpus("h100", missing={"nvmlDeviceGetMemoryInfo_v2"}).read()
    assert told.one("gpu_memory_used_bytes") > 0
    assert "gpu_memory_reserved_bytes" not in told.names


def test_every_series_names_host_card_and_model(gpus: Start) -> None:
    told = gpus("h100").read()
    (series,) = told.all("gpu_power_watts")
    assert dict(series) == {
        NAME: "gpu_power_watts", "host": "gpu-1", "gpu": "0", "name": "Simulated H100 80GB HBM3",
        "uuid": "GPU-51a00000-0000-4000-8000-0000000006dc",
    }  # fmt: skip


@pytest.mark.parametrize("model, absent", [
    ("rtx4090", {"gpu_ecc_errors_total", "gpu_remapped_rows", "gpu_nvlink_up", "gpu_sm_activity_ratio",
                 "gpu_memory_temperature_celsius", "gpu_mig_enabled", "gpu_retired_pages"}),
    ("t4", {"gpu_remapped_rows", "gpu_nvlink_up", "gpu_throttle_seconds_total", "gpu_fan_ratio"}),
    ("a100", {"gpu_utilization_ratio", "gpu_process_utilization_ratio", "gpu_sm_activity_ratio"}),
    ("h100", {"gpu_fan_ratio", "gpu_retired_pages"}),
])  # fmt: skip
def test_what_a_card_lacks_is_absent_and_the_rest_is_there(gpus: Start, model: str, absent: set[str]) -> None:
    told = gpus(model).read()
    assert told.names & absent == set()
    assert {
        "gpu_temperature_celsius",
        "gpu_power_watts",
        "gpu_throttle",
        "gpu_xid_errors_total",
    } <= told.names


def test_gpm_is_the_difference_of_two_readings(gpus: Start) -> None:
    bench = gpus("h100")
    assert "gpu_sm_activity_ratio" not in bench.read().names
    told = bench.read(1)
    assert 0.3 < told.one("gpu_tensor_activity_ratio") < told.one("gpu_sm_activity_ratio") < 1
    assert told.one("gpu_nvlink_bytes_per_second", direction="rx") > 2**30


def test_without_gpm_pcie_traffic_is_measured_but_rarely(gpus: Start) -> None:
    bench = gpus("t4")
    seen = [bool(bench.read(1).all("gpu_pcie_bytes_per_second", direction="rx")) for _ in range(59)]
    assert seen == [True] + 58 * [False]


def test_throttle_reasons_are_zero_or_one(gpus: Start) -> None:
    bench = gpus("h100")
    bench.host.cards[0].cooling = 0.4
    told = bench.read()
    assert told.one("gpu_throttle", reason="hw_thermal") == 1
    assert told.one("gpu_throttle", reason="power_cap") == 0


def test_ecc_is_told_since_the_driver_and_over_the_life(gpus: Start) -> None:
    bench = gpus("h100")
    bench.host.cards[0].ecc = {(1, 0): 2, (0, 1): 340}
    told = bench.read()
    assert told.one("gpu_ecc_errors_total", kind="uncorrected") == 2
    assert told.one("gpu_ecc_lifetime_errors_total", kind="corrected") == 340


def test_remapped_rows_tell_what_is_pending_and_what_failed(gpus: Start) -> None:
    bench = gpus("h100")
    bench.host.cards[0].rows = (3, 1, 1, 0)
    told = bench.read()
    assert told.one("gpu_remapped_rows", kind="corrected") == 3
    assert (told.one("gpu_remapped_rows_pending"), told.one("gpu_remapped_rows_failed")) == (1, 0)


def test_each_nvlink_has_a_state_errors_and_bytes(gpus: Start) -> None:
    bench = gpus("h100")
    bench.host.cards[0].links_down = frozenset({7})
    told = bench.read()
    assert sum(told.all("gpu_nvlink_up").values()) == 17
    assert told.one("gpu_nvlink_errors_total", link="7", error="replay") == 3
    by_link = told.all("gpu_nvlink_link_bytes_total", direction="tx")
    assert sum(by_link.values()) == pytest.approx(
        told.one("gpu_nvlink_bytes_total", direction="tx"), rel=1e-9
    )


def test_instances_of_a_partitioned_card_name_it_and_themselves(gpus: Start) -> None:
    told = gpus("a100").read()
    found = {
        dict(series)["profile"]: value for series, value in told.all("gpu_mig_memory_total_bytes").items()
    }
    assert found == {"3g.39gb": 40_192 * 2**20, "2g.20gb": 19_968 * 2**20, "1g.10gb": 9_728 * 2**20}
    (series,) = told.all("gpu_mig_memory_used_bytes", gpu_instance="13")
    assert dict(series)["uuid"].startswith("GPU-")
    assert dict(series)["mig_uuid"].startswith("MIG-")


def test_processes_of_a_partitioned_card_name_their_instance(gpus: Start) -> None:
    told = gpus("a100").read()
    assert {dict(series)["gpu_instance"] for series in told.all("gpu_process_memory_bytes")} == {
        "1",
        "5",
        "13",
    }


def test_processes_have_memory_and_utilization(gpus: Start) -> None:
    told = gpus("h100").read()
    assert {dict(series)["command"] for series in told.all("gpu_process_memory_bytes")} == {"vllm", "python3"}
    assert told.one("gpu_process_utilization_ratio", command="vllm") > 0.3


def test_a_process_that_ended_ends_its_series(gpus: Start) -> None:
    bench = gpus("h100")
    bench.host.cards[0].processes = ((11, "/bin/a", 0.5), (12, "/bin/b", 0.1))
    bench.read()
    bench.host.cards[0].processes = ((11, "/bin/a", 0.5),)
    told = bench.read(20)
    assert stale(told.one("gpu_process_memory_bytes", pid="12"))
    assert not bench.read(20).all("gpu_process_memory_bytes", pid="12")


def test_an_event_counts_and_keeps_number_and_time(gpus: Start) -> None:
    bench = gpus("h100", "t4")
    assert bench.read().one("gpu_xid_errors_total", gpu="1") == 0
    bench.host.xid(1, 63)
    told = until(bench, "gpu_xid_last_code", gpu="1")
    assert told.one("gpu_xid_last_code", gpu="1") == 63
    assert told.one("gpu_xid_code_errors_total", gpu="1", xid="63") == 1
    assert told.one("gpu_xid_last_timestamp_seconds", gpu="1") >= START
    assert told.one("gpu_xid_errors_total", gpu="0") == 0


def test_a_lost_card_is_down_its_series_end_and_the_others_go_on(gpus: Start) -> None:
    bench = gpus("h100", "t4")
    bench.read()
    bench.host.cards[0].lost = True
    told = bench.read(1)
    assert (told.one("gpu_up", gpu="0"), told.one("gpu_up", gpu="1")) == (0, 1)
    assert all(stale(value) for value in told.all("gpu_power_watts", gpu="0").values())
    assert told.one("gpu_power_watts", gpu="1") > 0
    assert "is lost" in told.reading.problem
    assert not bench.read(1).all("gpu_power_watts", gpu="0")


def test_a_lost_card_that_comes_back_is_read_again(gpus: Start) -> None:
    bench = gpus("h100", "t4")
    bench.read()
    bench.host.cards[0].lost = True
    bench.read(1)
    bench.host.cards[0].lost = False
    told = bench.read(130)
    assert told.one("gpu_up", gpu="0") == 1
    assert told.one("gpu_power_watts", gpu="0") > 0
    assert told.one("gpu_power_watts", gpu="1") > 0
    assert len({series for series, _ in told.reading.samples}) == len(told.reading.samples)


def test_a_lost_card_keeps_the_event_that_tells_why(gpus: Start) -> None:
    bench = gpus("h100")
    bench.read()
    bench.host.lose(0)
    told = until(bench, "gpu_xid_last_code")
    assert (told.one("gpu_up"), told.one("gpu_xid_last_code")) == (0, 79)


def test_a_card_lost_in_the_middle_of_a_reading_only_ends(
    gpus: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pynvml

    bench = gpus("h100")
    bench.read()

    def lost(*_: object) -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetClockInfo", lost)
    told = bench.read(1)
    assert all(stale(value) for value in told.all("gpu_utilization_ratio").values())
    assert len({series for series, _ in told.reading.samples}) == len(told.reading.samples)


def every_question() -> list[str]:
    """What may be asked of a card, but for those by which it is listed."""
    listed = {
        "nvmlDeviceGetCount_v2",
        "nvmlDeviceGetHandleByIndex_v2",
        "nvmlDeviceGetUUID",
        "nvmlDeviceGetName",
    }
    return [one for one in SYMBOLS if one.startswith(("nvmlDevice", "nvmlGpm")) and one not in listed]


def test_a_card_that_answers_nothing_any_more_is_lost_and_stays_so(gpus: Start) -> None:
    bench = gpus("h100", "t4")
    bench.read()
    bench.refuse(999, *every_question())
    told = bench.read(1)
    assert (told.one("gpu_up", gpu="0"), told.one("gpu_up", gpu="1")) == (0, 1)
    assert all(stale(value) for value in told.all("gpu_power_watts", gpu="0").values())
    assert len({series for series, _ in told.reading.samples}) == len(told.reading.samples)
    assert "no question" in told.reading.problem
    later = bench.read(130)
    assert (later.one("gpu_up", gpu="0"), later.one("gpu_up", gpu="1")) == (0, 1)
    assert later.one("gpu_driver_restarts_total") == 1


def test_one_bad_answer_does_not_make_a_working_card_lost(gpus: Start) -> None:
    bench = gpus("h100")
    bench.read()
    bench.refuse(14, "nvmlDeviceGetTotalEnergyConsumption")
    told = bench.read(1)
    assert told.one("gpu_up") == 1
    assert stale(told.one("gpu_energy_joules_total"))
    assert told.one("gpu_power_watts") > 0


def test_a_memory_temperature_of_zero_is_no_sensor(gpus: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def zero(_lib: object, _device: object, _count: object, values: Any) -> None:
        for one in values._obj:
            one.nvmlReturn, one.valueType, one.value.ullVal = 0, 3, 0

    monkeypatch.setitem(SYMBOLS, "nvmlDeviceGetFieldValues", zero)
    told = gpus("t4").read()
    assert "gpu_memory_temperature_celsius" not in told.names
    assert "gpu_retired_pages" in told.names


def test_what_a_card_did_not_support_is_asked_again_after_ten_minutes(gpus: Start) -> None:
    bench = gpus("t4")
    assert (
        not {"gpu_nvlink_up", "gpu_sm_activity_ratio", "gpu_memory_temperature_celsius"} & bench.read().names
    )
    bench.host.cards[0].model = H100
    bench.read(700)
    told = bench.read(11)
    assert {"gpu_nvlink_up", "gpu_sm_activity_ratio", "gpu_memory_temperature_celsius"} <= told.names


def test_a_probe_that_is_asked_no_more_ends_its_series(gpus: Start) -> None:
    bench = gpus("h100")
    bench.read()
    bench.read(1)
    bench.host.cards[0].model = replace(H100, gpm=False)
    told = bench.read(700)
    assert stale(told.one("gpu_sm_activity_ratio"))
    assert told.one("gpu_pcie_bytes_per_second", direction="rx") > 0
    assert len({series for series, _ in told.reading.samples}) == len(told.reading.samples)


def test_meters_of_instances_that_are_gone_are_freed(gpus: Start) -> None:
    bench = gpus("a100")
    cut = replace(A100_MIG, gpm=True)
    bench.host.cards[0].model = cut
    bench.read()
    assert len(bench.sampler.meters) == 3
    bench.host.cards[0].model = replace(cut, slices=cut.slices[:1])
    bench.read(11)
    assert len(bench.sampler.meters) == 1
    assert bench.host.calls["nvmlGpmSampleFree"] == 4


def test_the_reasons_of_the_older_name_are_told_too(gpus: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        SYMBOLS, "nvmlDeviceGetCurrentClocksEventReasons", lambda _lib, _device, mask: put(mask, 0x600)
    )
    held = gpus("t4").read().all("gpu_throttle")
    assert {dict(series)["reason"] for series, value in held.items() if value} == {
        "board_limit",
        "reliability",
    }


def test_the_margin_to_slowing_down_is_told_where_the_card_has_it(gpus: Start) -> None:
    told = gpus("h100", "t4").read()
    assert told.one("gpu_temperature_margin_celsius") == 92 - told.one("gpu_temperature_celsius", gpu="0")


def test_a_driver_that_goes_away_ends_everything_and_says_so(gpus: Start) -> None:
    bench = gpus("h100")
    bench.read()
    bench.host.unload()
    told = bench.read(1)
    assert told.reading.state == "failing"
    assert told.one("gpu_driver_state", state="failing") == 1
    assert stale(told.one("gpu_up"))
    assert stale(told.one("gpu_power_watts"))
    assert not bench.read(1).all("gpu_up")


def test_a_driver_that_comes_back_is_opened_again(gpus: Start) -> None:
    bench = gpus("h100")
    bench.read()
    bench.host.unload()
    bench.read(1)
    bench.host.loaded = True
    told = bench.read(5)
    assert (told.reading.state, told.one("gpu_up")) == ("ok", 1)
    assert told.one("gpu_driver_restarts_total") == 1


def test_a_driver_upgraded_under_our_feet_is_read_with_its_new_library(gpus: Start) -> None:
    bench = gpus("h100")
    bench.read()
    bench.host.upgrade("590.10.01")
    bench.host.initialised = False
    assert bench.read(1).reading.state == "failing"
    told = bench.read(5)
    assert told.reading.state == "ok"
    (series,) = told.all("gpu_driver_info")
    assert dict(series)["driver"] == "590.10.01"


def test_a_library_that_does_not_fit_the_driver_is_its_own_state(
    gpus: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pynvml

    bench = gpus("h100")

    def refuse() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH)

    monkeypatch.setattr(pynvml, "nvmlInit", refuse)
    told = bench.read()
    assert told.one("gpu_driver_state", state="version_mismatch") == 1
    bench.read(60)
    bench.read(60)
    assert bench.sampler.mismatches == 3


def test_a_missing_driver_is_asked_for_less_and_less_often(gpus: Start) -> None:
    bench = gpus("h100", driver=None)
    states = [bench.read(1).reading.state for _ in range(120)]
    assert set(states) == {"no_driver"}
    bench.host.driver = "580.95.05"
    assert bench.read(60).reading.state == "ok"


def test_a_card_that_says_nothing_of_itself_does_not_hide_the_others(gpus: Start) -> None:
    bench = gpus("h100", "t4")
    bench.host.cards[0].lost = True
    told = bench.read()
    assert told.one("gpu_up", gpu="1") == 1
    assert "GPU 0 does not say which one it is" in told.reading.problem


def test_no_two_samples_of_a_reading_share_a_series(gpus: Start) -> None:
    bench = gpus("h100", "a100", "rtx4090", "t4")
    for _ in range(3):
        samples = bench.read(11).reading.samples
        assert len({series for series, _ in samples}) == len(samples)


def test_every_series_stands_in_the_manual(gpus: Start) -> None:
    bench = gpus("h100", "a100", "rtx4090", "t4")
    bench.host.xid(0, 31)
    bench.read()
    told = until(bench, "gpu_xid_last_code")
    names = bench.read(130).names | told.names
    manual = DOCS.read_text(encoding="utf-8")
    assert {name for name in names if f"`{name}" not in manual} == set()
    assert not any(math.isinf(value) for _, value in told.reading.samples)
