import ctypes
import shutil
from pathlib import Path

import pynvml
import pytest

from monitor.gpu.nvml import CardLostError, Driver, DriverGoneError, NoAnswerError, UnsupportedError
from tests.fixtures.fix_gpu import Start


def test_an_unsupported_question_is_asked_once(gpus: Start) -> None:
    bench = gpus("rtx4090")
    driver = bench.driver()
    driver.open()
    handle = driver.ask("host", "nvmlDeviceGetHandleByIndex", 0)
    for _ in range(3):
        with pytest.raises(UnsupportedError):
            driver.ask("card", "nvmlDeviceGetRemappedRows", handle)
    assert bench.host.calls["nvmlDeviceGetRemappedRows"] == 1


def test_it_is_asked_again_when_it_was_forgotten(gpus: Start) -> None:
    bench = gpus("rtx4090")
    driver = bench.driver()
    driver.open()
    handle = driver.ask("host", "nvmlDeviceGetHandleByIndex", 0)
    for _ in range(2):
        driver.forget()
        with pytest.raises(UnsupportedError):
            driver.ask("card", "nvmlDeviceGetRemappedRows", handle)
    assert bench.host.calls["nvmlDeviceGetRemappedRows"] == 2


def test_a_function_that_an_older_driver_lacks_is_unsupported(gpus: Start) -> None:
    bench = gpus("h100", missing={"nvmlDeviceGetTemperatureV"})
    assert bench.read().one("gpu_temperature_celsius") > 30


@pytest.mark.parametrize("attributes, state", [
    ({"driver": None}, "no_driver"), ({"loaded": False}, "no_driver"),
])  # fmt: skip
def test_a_missing_driver_is_told_with_where_to_read_instead(
    gpus: Start, attributes: dict[str, object], state: str
) -> None:
    driver = gpus("h100", **attributes).driver()
    with pytest.raises(DriverGoneError, match="on the hosts that have them") as caught:
        driver.open()
    assert caught.value.state == state


@pytest.mark.parametrize("code, kind", [
    (pynvml.NVML_ERROR_GPU_IS_LOST, CardLostError), (pynvml.NVML_ERROR_RESET_REQUIRED, CardLostError),
    (pynvml.NVML_ERROR_UNINITIALIZED, DriverGoneError), (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, DriverGoneError),
    (pynvml.NVML_ERROR_NO_PERMISSION, UnsupportedError), (pynvml.NVML_ERROR_UNKNOWN, NoAnswerError),
    (pynvml.NVML_ERROR_CORRUPTED_INFOROM, NoAnswerError), (pynvml.NVML_ERROR_INSUFFICIENT_POWER, NoAnswerError),
    (pynvml.NVML_ERROR_INSUFFICIENT_SIZE, NoAnswerError), (0, NoAnswerError),
])  # fmt: skip
def test_errors_are_sorted_by_what_is_gone(
    gpus: Start, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    driver = gpus("h100").driver()

    def refuse(*_: object) -> None:
        raise pynvml.NVMLError(code)

    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", refuse)
    with pytest.raises(kind):
        driver.ask("card", "nvmlDeviceGetName", None)


def test_closing_lets_go_of_the_shared_object(gpus: Start) -> None:
    driver = gpus("h100").driver()
    driver.open()
    driver.close()
    assert (pynvml.nvmlLib, pynvml._nvmlGetFunctionPointer_cache) == (None, {})


def test_a_real_shared_object_is_out_of_the_process_when_it_was_let_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    maps = Path("/proc/self/maps")
    loaded = next(line.split()[-1] for line in maps.read_text().splitlines() if "/libm" in line)
    copy = tmp_path / "libnvidia-ml.so.1"
    shutil.copy(loaded, copy)
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(copy)))
    assert str(copy) in maps.read_text()
    Driver(pynvml).close()
    assert str(copy) not in maps.read_text()
