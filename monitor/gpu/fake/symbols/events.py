"""Events: the driver tells of Xid errors while somebody waits."""

import queue
from typing import Any

from monitor.gpu.fake.abi import (
    OTHER_HANDLES,
    TIMEOUT,
    Refused,
    need,
    number,
    put,
    put_handle,
    put_handle_field,
    symbol,
    target,
)
from monitor.gpu.fake.library import FakeLibrary


@symbol("nvmlDeviceGetSupportedEventTypes")
def _event_types(lib: FakeLibrary, device: Any, mask: Any) -> None:
    put(mask, 0x9F if lib.whole(device).model.xid else 0)


@symbol("nvmlEventSetCreate")
def _event_set(_lib: FakeLibrary, found: Any) -> None:
    put_handle(found, OTHER_HANDLES)


@symbol("nvmlDeviceRegisterEvents")
def _register(lib: FakeLibrary, device: Any, _mask: Any, _events: Any) -> None:
    need(has=lib.whole(device).model.xid)


@symbol("nvmlEventSetWait_v2")
def _wait(lib: FakeLibrary, _events: Any, data: Any, milliseconds: Any) -> None:
    try:
        index, code = lib.host.events.get(timeout=number(milliseconds) / 1000)
    except queue.Empty:
        raise Refused(TIMEOUT) from None
    found = target(data)
    put_handle_field(found, "device", index + 1)
    found.eventType, found.eventData = 8, code


@symbol("nvmlEventSetFree")
def _event_set_free(_lib: FakeLibrary, _events: Any) -> None:
    return None
