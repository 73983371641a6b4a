"""MIG: the instances a card is cut into, and their memory."""

from typing import Any

from monitor.gpu.card import Card, Partition, text
from monitor.gpu.nvml import NoAnswerError
from monitor.gpu.probes import memory_of
from monitor.gpu.reading import Sheet

ON = 1


def look(card: Card) -> None:
    """List the instances of the card, if it is cut."""
    mode = card.get("nvmlDeviceGetMigMode")
    if mode is None or mode[0] != ON:
        card.partitions = []
        return
    found = []
    for index in range(int(card.get("nvmlDeviceGetMaxMigDeviceCount") or 0)):
        handle = card.get("nvmlDeviceGetMigDeviceHandleByIndex", index)
        if handle is not None:
            found.append(_partition(card, handle))
    card.partitions = [one for one in found if one is not None]


def _partition(card: Card, handle: Any) -> Partition | None:
    try:
        uuid = text(card.driver.ask(card.uuid, "nvmlDeviceGetUUID", handle))
        gpu_instance = int(card.driver.ask(uuid, "nvmlDeviceGetGpuInstanceId", handle))
        compute_instance = int(card.driver.ask(uuid, "nvmlDeviceGetComputeInstanceId", handle))
    except NoAnswerError:
        return None
    try:
        shape = card.driver.ask(uuid, "nvmlDeviceGetAttributes_v2", handle)
    except NoAnswerError:
        return Partition(handle, uuid, gpu_instance, compute_instance, "")
    return Partition(handle, uuid, gpu_instance, compute_instance, _profile(shape))


def _profile(shape: Any) -> str:
    """``1g.10gb`` as nvidia-smi writes it; ``1c.3g.40gb`` for a part of an instance."""
    size = f"{shape.gpuInstanceSliceCount}g.{round(shape.memorySizeMB / 1024)}gb"
    part = shape.computeInstanceSliceCount != shape.gpuInstanceSliceCount
    return f"{shape.computeInstanceSliceCount}c.{size}" if part else size


def memory(card: Card, sheet: Sheet) -> None:
    for one in card.partitions:

        def get(function: str, *arguments: Any, of: Partition = one) -> Any:
            try:
                return card.driver.ask(of.uuid, function, of.handle, *arguments)
            except NoAnswerError:
                return None

        for name, value in memory_of(get, card.driver.library).items():
            if name != "free":
                sheet.put(f"gpu_mig_memory_{name}_bytes", value, one.labels)
