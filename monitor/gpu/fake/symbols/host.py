"""The driver itself: loading it, its versions, and the cards by number and name."""

from typing import Any

from monitor.gpu.fake.abi import (
    INVALID,
    LOST,
    MIG_HANDLES,
    MISMATCH,
    NOT_FOUND,
    NOT_LOADED,
    Refused,
    address,
    number,
    put,
    put_handle,
    put_text,
    symbol,
)
from monitor.gpu.fake.library import FakeLibrary


@symbol("nvmlInitWithFlags", "nvmlInit_v2")
def _init(lib: FakeLibrary, *_flags: Any) -> None:
    if not lib.host.loaded or lib.host.driver is None:
        raise Refused(NOT_LOADED)
    if lib.version != lib.host.driver:
        raise Refused(MISMATCH)
    lib.host.initialised = True


@symbol("nvmlShutdown")
def _shutdown(lib: FakeLibrary) -> None:
    lib.host.initialised = False


@symbol("nvmlErrorString")
def _error_string(_lib: FakeLibrary, _code: Any) -> None:
    return None


@symbol("nvmlSystemGetDriverVersion")
def _driver_version(lib: FakeLibrary, buffer: Any, size: Any) -> None:
    put_text(buffer, size, lib.version or "")


@symbol("nvmlSystemGetNVMLVersion")
def _nvml_version(lib: FakeLibrary, buffer: Any, size: Any) -> None:
    put_text(buffer, size, f"13.{lib.version}")


@symbol("nvmlSystemGetCudaDriverVersion_v2")
def _cuda(_lib: FakeLibrary, version: Any) -> None:
    put(version, 13_000)


@symbol("nvmlSystemGetProcessName")
def _process_name(lib: FakeLibrary, pid: Any, buffer: Any, size: Any) -> None:
    for card in lib.host.cards:
        for known, name, _ in card.running(lib.now):
            if known == number(pid):
                return put_text(buffer, size, name)
    raise Refused(NOT_FOUND)


@symbol("nvmlDeviceGetCount_v2")
def _count(lib: FakeLibrary, count: Any) -> None:
    put(count, len(lib.host.cards))


@symbol("nvmlDeviceGetHandleByIndex_v2")
def _handle(lib: FakeLibrary, index: Any, device: Any) -> None:
    if not 0 <= number(index) < len(lib.host.cards):
        raise Refused(INVALID)
    if lib.host.cards[number(index)].lost:
        raise Refused(LOST)
    put_handle(device, number(index) + 1)


@symbol("nvmlDeviceGetUUID")
def _uuid(lib: FakeLibrary, device: Any, buffer: Any, size: Any) -> None:
    card = lib.card(device)
    if address(device) >= MIG_HANDLES:
        put_text(buffer, size, f"MIG-{card.uuid[4:]}-{lib.part(device).gpu_instance}")
    else:
        put_text(buffer, size, card.uuid)


@symbol("nvmlDeviceGetName")
def _name(lib: FakeLibrary, device: Any, buffer: Any, size: Any) -> None:
    put_text(buffer, size, lib.card(device).model.name)
