from pathlib import Path

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


def test_a_process_that_nobody_knows_has_no_name(gpus: Start, tmp_path: Path) -> None:
    driver = gpus("h100").driver()
    driver.open()
    assert Commands(driver, tmp_path).of(3) == ""
