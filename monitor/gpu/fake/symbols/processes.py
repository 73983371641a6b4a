"""Who runs on a card, and what each uses."""

from typing import Any

from monitor.gpu.fake.abi import (
    MIG_HANDLES,
    NOT_FOUND,
    TOO_SMALL,
    Refused,
    address,
    need,
    number,
    put,
    symbol,
    target,
)
from monitor.gpu.fake.library import FakeLibrary


@symbol("nvmlDeviceGetComputeRunningProcesses_v3")
def _processes(lib: FakeLibrary, device: Any, count: Any, rows: Any) -> None:
    card, cut = lib.card(device), address(device) >= MIG_HANDLES
    running = card.running(lib.now)
    if cut:
        place = (address(device) - MIG_HANDLES) % 100
        size = int(lib.part(device).busy * lib.part(device).memory_mib * 2**20)
        running = [(pid + 10 * place, name, size) for pid, name, _ in running[:1]]
    if number(target(count)) < len(running):
        put(count, len(running))
        raise Refused(TOO_SMALL)
    put(count, len(running))
    for place, (pid, _, size) in enumerate(running):
        rows[place].pid, rows[place].usedGpuMemory = pid, size
        rows[place].gpuInstanceId = lib.part(device).gpu_instance if cut else 2**32 - 1
        rows[place].computeInstanceId = lib.part(device).compute_instance if cut else 2**32 - 1


@symbol("nvmlDeviceGetGraphicsRunningProcesses_v3")
def _graphics(lib: FakeLibrary, device: Any, count: Any, _rows: Any) -> None:
    lib.card(device)
    put(count, 0)


@symbol("nvmlDeviceGetProcessUtilization")
def _process_utilization(lib: FakeLibrary, device: Any, rows: Any, count: Any, _since: Any) -> None:
    card = lib.whole(device)
    need(has=card.model.process_utilization)
    running = card.running(lib.now)
    if not running:
        raise Refused(NOT_FOUND)
    if rows is None:
        put(count, len(running))
        raise Refused(TOO_SMALL)
    for place, (pid, _, size) in enumerate(running):
        share = size / max(1, card.used_bytes(lib.now))
        rows[place].pid, rows[place].timeStamp = pid, int(lib.now * 1e6)
        rows[place].smUtil = min(100, round(110 * card.load(lib.now) * share))
