"""What C hands over and takes back: NVML's error numbers, handles, pointers that are filled in, and the table of symbols."""

import ctypes
from collections.abc import Callable
from typing import Any

OK, UNINITIALIZED, INVALID, NOT_SUPPORTED, NOT_FOUND = 0, 1, 2, 3, 6
TOO_SMALL, NOT_LOADED, TIMEOUT, LOST, MISMATCH = 7, 9, 10, 15, 18
# handles: cards count from one, MIG instances from here, event sets and samples beyond
MIG_HANDLES, OTHER_HANDLES = 1_000, 1_000_000


class Refused(Exception):  # noqa: N818 — a number for the caller, no error of ours
    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


SYMBOLS: dict[str, Callable[..., int | None]] = {}


def symbol(*names: str) -> Callable[[Callable[..., int | None]], Callable[..., int | None]]:
    def register(function: Callable[..., int | None]) -> Callable[..., int | None]:
        SYMBOLS.update(dict.fromkeys(names, function))
        return function

    return register


def number(argument: Any) -> int:
    return int(getattr(argument, "value", argument))


def target(pointer: Any) -> Any:
    """What a ``byref`` or an array points at."""
    return getattr(pointer, "_obj", pointer)


def put(pointer: Any, value: float) -> None:
    target(pointer).value = value


def put_text(buffer: Any, size: Any, value: str) -> None:
    raw = value.encode()
    if len(raw) + 1 > number(size):
        raise Refused(TOO_SMALL)
    buffer.value = raw


def put_handle(pointer: Any, value: int) -> None:
    """Point an opaque handle somewhere."""
    ctypes.memmove(ctypes.addressof(target(pointer)), ctypes.byref(ctypes.c_void_p(value)), 8)


def address(handle: Any) -> int:
    return ctypes.cast(handle, ctypes.c_void_p).value or 0


def need(*, has: bool) -> None:
    if not has:
        raise Refused(NOT_SUPPORTED)


def put_handle_field(structure: Any, name: str, value: int) -> None:
    where = ctypes.addressof(structure) + getattr(type(structure), name).offset
    ctypes.memmove(where, ctypes.byref(ctypes.c_void_p(value)), 8)
