"""Memory: how much is used, and what became bad in it."""

from typing import Any

from monitor.gpu.fake.abi import MIG_HANDLES, Refused, address, need, number, put, symbol, target
from monitor.gpu.fake.library import FakeLibrary

MEMORY_V2 = 0x02000028


@symbol("nvmlDeviceGetMemoryInfo", "nvmlDeviceGetMemoryInfo_v2")
def _memory(lib: FakeLibrary, device: Any, info: Any) -> None:
    card, found = lib.card(device), target(info)
    version = getattr(found, "version", None)
    if version not in {None, MEMORY_V2}:
        raise Refused(25)
    if address(device) >= MIG_HANDLES:
        part = lib.part(device)
        total, reserved = part.memory_mib * 2**20, 26 * 2**20
        used = int(part.busy * total)
    else:
        total, reserved = card.model.memory_bytes, card.model.reserved_bytes
        used = card.used_bytes(lib.now)
    # version 1 hides what is reserved in what is used
    found.total, found.free = total, total - used - reserved
    found.used = used + (0 if version else reserved)
    if version:
        found.reserved = reserved


@symbol("nvmlDeviceGetTotalEccErrors")
def _ecc(lib: FakeLibrary, device: Any, kind: Any, counter: Any, count: Any) -> None:
    card = lib.whole(device)
    need(has=card.model.ecc)
    put(count, card.ecc.get((number(kind), number(counter)), 0))


@symbol("nvmlDeviceGetRemappedRows")
def _rows(lib: FakeLibrary, device: Any, *pointers: Any) -> None:
    card = lib.whole(device)
    need(has=card.model.rows)
    for pointer, value in zip(pointers, card.rows, strict=True):
        put(pointer, value)
