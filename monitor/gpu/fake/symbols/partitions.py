"""MIG: a card cut into instances."""

from typing import Any

from monitor.gpu.fake.abi import (
    MIG_HANDLES,
    NOT_FOUND,
    Refused,
    need,
    number,
    put,
    put_handle,
    symbol,
    target,
)
from monitor.gpu.fake.library import FakeLibrary

MAX_SLICES = 7


@symbol("nvmlDeviceGetMigMode")
def _mig_mode(lib: FakeLibrary, device: Any, current: Any, pending: Any) -> None:
    model = lib.whole(device).model
    need(has=model.mig is not None)
    put(current, int(bool(model.mig)))
    put(pending, int(bool(model.mig)))


@symbol("nvmlDeviceGetMaxMigDeviceCount")
def _mig_count(lib: FakeLibrary, device: Any, count: Any) -> None:
    put(count, MAX_SLICES if lib.whole(device).model.mig is not None else 0)


@symbol("nvmlDeviceGetMigDeviceHandleByIndex")
def _mig_handle(lib: FakeLibrary, device: Any, index: Any, found: Any) -> None:
    card = lib.whole(device)
    if number(index) >= len(card.model.slices):
        raise Refused(NOT_FOUND)
    put_handle(found, MIG_HANDLES + 100 * card.index + number(index))


@symbol("nvmlDeviceGetGpuInstanceId")
def _gpu_instance(lib: FakeLibrary, device: Any, value: Any) -> None:
    put(value, lib.part(device).gpu_instance)


@symbol("nvmlDeviceGetComputeInstanceId")
def _compute_instance(lib: FakeLibrary, device: Any, value: Any) -> None:
    put(value, lib.part(device).compute_instance)


@symbol("nvmlDeviceGetAttributes_v2")
def _attributes(lib: FakeLibrary, device: Any, attributes: Any) -> None:
    part, found = lib.part(device), target(attributes)
    found.gpuInstanceSliceCount = found.computeInstanceSliceCount = part.slices
    found.memorySizeMB = part.memory_mib
