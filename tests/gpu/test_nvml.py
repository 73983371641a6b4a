import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pynvml
import pytest

from monitor.gpu.cards import Process
from monitor.gpu.nvml import CardReadError, NoDriverError, read
from tests.fixtures.fix_gpu import RecordedLibrary

Recorded = Callable[..., RecordedLibrary]
ROOT = Path(__file__).parent.parent.parent


def test_units_are_ratios_bytes_watts_joules_and_hertz(recorded: Recorded) -> None:
    (card,) = read(recorded())
    assert card.utilization_ratio == pytest.approx(0.87)
    assert card.power_watts == pytest.approx(583.412)
    assert card.energy_joules == pytest.approx(912_345_678.901)
    assert card.clocks_hertz["sm"] == pytest.approx(1.98e9)


def test_memory_kept_by_the_driver_is_told_apart(recorded: Recorded) -> None:
    (card,) = read(recorded())
    assert (card.memory_used_bytes, card.memory_reserved_bytes) == (128849018880, 619446272)


def test_throttle_reasons_are_named(recorded: Recorded) -> None:
    (card,) = read(recorded())
    assert [name for name, active in card.throttle.items() if active] == ["power_cap"]


def test_a_process_whose_memory_the_driver_hides_is_listed_without_it(recorded: Recorded) -> None:
    (card,) = read(recorded())
    assert card.processes == (Process(4000001, "vllm", 127926272000), Process(4000002, "python3", None))


def test_what_a_card_does_not_support_is_absent_and_not_zero(recorded: Recorded) -> None:
    (card,) = read(recorded("laptop"))
    assert card.utilization_ratio is None
    assert card.energy_joules is None
    assert card.memory_reserved_bytes is None
    assert (card.clocks_hertz, card.ecc_errors, card.processes) == ({}, {}, None)


def test_older_names_of_the_throttle_reasons_work(recorded: Recorded) -> None:
    library = recorded("laptop")
    (card,) = read(library)
    assert card.throttle["idle"] is True


def test_a_field_that_should_have_answered_is_remembered_as_failed(recorded: Recorded) -> None:
    (card,) = read(recorded("laptop"))
    assert list(card.failed) == ["PowerUsage"]
    assert card.temperature_celsius == 44


@pytest.mark.parametrize("code", [pynvml.NVML_ERROR_LIBRARY_NOT_FOUND, pynvml.NVML_ERROR_DRIVER_NOT_LOADED])
def test_without_a_driver_the_error_says_where_to_run_the_poller(recorded: Recorded, code: int) -> None:
    with pytest.raises(NoDriverError, match="gpu_agent"):
        read(recorded(start=code))


def test_a_driver_that_does_not_start_is_another_trouble(recorded: Recorded) -> None:
    with pytest.raises(CardReadError, match="dmesg"):
        read(recorded(start=pynvml.NVML_ERROR_UNKNOWN))


def test_the_library_is_closed_after_each_poll(recorded: Recorded) -> None:
    library = recorded()
    read(library)
    assert library.open == 0


def test_one_poll_can_be_printed_without_django() -> None:
    code = "import sys, runpy; sys.argv=['x'];\ntry: runpy.run_module('monitor.gpu.nvml', run_name='__main__')\nexcept SystemExit: pass\nassert 'django' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "cards" in json.loads(done.stdout)
