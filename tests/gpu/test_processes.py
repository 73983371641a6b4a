from pathlib import Path
from typing import Any

import pytest

from monitor.gpu.fake.abi import SYMBOLS
from monitor.gpu.processes import Commands
from tests.fixtures.fix_gpu import Start


def test_the_hosts_proc_names_a_process(gpus: Start, tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "comm").write_text("vllm\n", encoding="utf-8")
    driver = gpus("h100").driver()
    driver.open()
    assert Commands(driver, tmp_path).of(7) == "vllm"


def test_without_the_hosts_proc_the_driver_is_asked(gpus: Start, tmp_path: Path) -> None:
    driver = gpus("h100").driver()
    driver.open()
    assert Commands(driver, tmp_path).of(1_400_000) == "vllm"


def test_a_name_that_is_not_utf8_is_no_name(
    gpus: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = gpus("h100").driver()
    driver.open()

    def gbk(_lib: object, _pid: object, buffer: Any, _size: object) -> None:
        buffer.value = "训练".encode("gbk")

    monkeypatch.setitem(SYMBOLS, "nvmlSystemGetProcessName", gbk)
    assert Commands(driver, tmp_path).of(1_400_000) == ""


def test_a_process_that_nobody_knows_has_no_name(gpus: Start, tmp_path: Path) -> None:
    driver = gpus("h100").driver()
    driver.open()
    assert Commands(driver, tmp_path).of(3) == ""
