"""Values by the number of a field, several at once."""

from typing import Any

from monitor.gpu.fake.abi import NOT_SUPPORTED, OK, symbol, target
from monitor.gpu.fake.host import FakeCard
from monitor.gpu.fake.library import FakeLibrary

ALL_LINKS = 2**32 - 1
LINK_BYTES = 1.2e9


@symbol("nvmlDeviceGetFieldValues")
def _field_values(lib: FakeLibrary, device: Any, _count: Any, values: Any) -> None:
    card = lib.whole(device)
    for one in target(values):
        found = _field(lib, card, one.fieldId, one.scopeId)
        one.nvmlReturn = NOT_SUPPORTED if found is None else OK
        if found is not None:
            one.valueType, one.value.ullVal = 3, int(found)


def _field(lib: FakeLibrary, card: FakeCard, field: int, scope: int) -> float | None:
    model, now = card.model, lib.now
    if field == 82:
        return round(card.celsius(now) + 9) if model.memory_celsius else None
    if field == 91:
        return model.nvlinks or None
    if field in {138, 139}:
        each = 1 if scope != ALL_LINKS else model.nvlinks
        return each * LINK_BYTES * max(0.0, now - 1.7e9) / 1024 if model.nvlinks else None
    if field in {29, 30, 31}:
        return 0 if model.retired_pages else None
    if field in {74, 75, 76, 77, 79}:
        held = 2e7 * now if field == 75 and card.cooling < 1 else 0
        return held if model.throttle_times else None
    return None
