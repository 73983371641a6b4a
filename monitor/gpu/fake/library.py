"""The shared object libnvidia-ml.so.1 as its bindings see it, over a simulated host.

Arguments are what ``ctypes`` would hand to C: numbers, and pointers that are filled in. Every function answers
with one of NVML's error numbers; the functions are in ``symbols``, with the C signatures of nvml.h.
"""

from collections.abc import Callable
from typing import Any

from monitor.gpu.fake.abi import (
    INVALID,
    LOST,
    MIG_HANDLES,
    NOT_SUPPORTED,
    OK,
    SYMBOLS,
    UNINITIALIZED,
    Refused,
    address,
)
from monitor.gpu.fake.host import FakeCard, FakeHost
from monitor.gpu.fake.models import Slice


class FakeLibrary:
    """Looks like the shared object: an attribute by the name of each symbol."""

    def __init__(self, host: FakeHost, bindings: Any) -> None:
        self.host = host
        self.bindings = bindings
        self.version = host.driver
        self.samples: dict[int, float] = {}

    def __getattr__(self, symbol: str) -> Callable[..., int]:
        function = SYMBOLS.get(symbol)
        if function is None or symbol in self.host.missing:
            raise AttributeError(symbol)

        def call(*arguments: Any) -> int:
            self.host.calls[symbol] = self.host.calls.get(symbol, 0) + 1
            try:
                if not self.host.initialised and not symbol.startswith("nvmlInit"):
                    return UNINITIALIZED
                return function(self, *arguments) or OK
            except Refused as refused:
                return refused.code

        return call

    @property
    def now(self) -> float:
        return self.host.clock()

    def card(self, handle: Any) -> FakeCard:
        """The card of a handle, or the one that an instance is cut from."""
        number = address(handle)
        index = (number - MIG_HANDLES) // 100 if number >= MIG_HANDLES else number - 1
        if not 0 <= index < len(self.host.cards):
            raise Refused(INVALID)
        found = self.host.cards[index]
        if found.lost:
            raise Refused(LOST)
        return found

    def part(self, handle: Any) -> Slice:
        number = address(handle)
        if number < MIG_HANDLES:
            raise Refused(INVALID)
        return self.card(handle).model.slices[(number - MIG_HANDLES) % 100]

    def whole(self, handle: Any, *, uncut: bool = False) -> FakeCard:
        """A card itself; ``uncut``: asked for what a partitioned card does not tell."""
        found = self.card(handle)
        if address(handle) >= MIG_HANDLES or (uncut and found.model.mig):
            raise Refused(NOT_SUPPORTED)
        return found
