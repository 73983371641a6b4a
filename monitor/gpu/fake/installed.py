"""Puts the simulated library below the real bindings, and the host that a machine without cards shows."""

from collections.abc import Callable
from typing import Any

from monitor.gpu.fake import symbols
from monitor.gpu.fake.host import FakeCard, FakeHost
from monitor.gpu.fake.library import FakeLibrary
from monitor.gpu.fake.models import A100_MIG, H100, RTX4090, T4

__all__ = ["install", "standard_host", "symbols"]


def install(host: FakeHost, bindings: Any, put_attribute: Callable[[Any, str, Any], None] = setattr) -> None:
    """Make these bindings load this host's library instead of a file. ``put_attribute`` sets what is replaced."""

    def load() -> None:
        if host.driver is None:
            raise bindings.NVMLError(bindings.NVML_ERROR_LIBRARY_NOT_FOUND)
        if bindings.nvmlLib is None:
            bindings.nvmlLib = FakeLibrary(host, bindings)

    put_attribute(bindings, "nvmlLib", None)
    put_attribute(bindings, "_nvmlGetFunctionPointer_cache", {})
    put_attribute(bindings, "_LoadNvmlLibrary", load)


def standard_host(clock: Callable[[], float]) -> FakeHost:
    """Five cards of four kinds: a good one, one with a bad fan, a partitioned one, two without ECC or NVLink."""
    return FakeHost(
        [
            FakeCard(H100, 0),
            FakeCard(H100, 1, cooling=0.5, links_down=frozenset({7}), ecc={(0, 0): 12, (0, 1): 340}),
            FakeCard(A100_MIG, 2, rows=(1, 0, 0, 0)),
            FakeCard(RTX4090, 3, processes=((2_100_000, "/usr/bin/ollama", 0.93),)),
            FakeCard(T4, 4, idle=True),
        ],
        clock,
    )
