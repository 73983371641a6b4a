"""The real cards, through NVML (module ``pynvml``). ``python -m monitor.gpu.nvml`` prints one poll as JSON.

Needs no Django, so that it also runs alone on a GPU host. What a card does not support is left out.
"""

import dataclasses
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from monitor.gpu.cards import Card, Process

# bit → reason; "idle" and "sync boost" slow the clocks too, but are no trouble
REASONS = {
    0x1: "idle", 0x2: "clocks_setting", 0x4: "power_cap", 0x8: "hw_slowdown", 0x10: "sync_boost",
    0x20: "sw_thermal", 0x40: "hw_thermal", 0x80: "power_brake", 0x100: "display_clocks",
}  # fmt: skip
CLOCKS = {0: "graphics", 1: "sm", 2: "memory", 3: "video"}
GPU_SENSOR = 0
SLOWDOWN_THRESHOLD = 1
CORRECTED, UNCORRECTED, SINCE_DRIVER_LOAD = 0, 1, 0
UNKNOWN_MEMORY = 2**63


class NoDriverError(RuntimeError):
    """No NVIDIA driver on this machine. Not worth a quick retry; polls belong on the GPU hosts."""


class CardReadError(RuntimeError):
    """The driver is there but refused to list its cards; worth a retry."""


def read(library: Any = None) -> list[Card]:
    """One poll of every card. Raises NoDriverError or CardReadError."""
    library = library or import_module("pynvml")
    try:
        library.nvmlInit()
    except library.NVMLError as error:
        raise _no_cards(error) from error
    try:
        return [_card(library, index) for index in range(library.nvmlDeviceGetCount())]
    except library.NVMLError as error:
        message = f"NVML could not list the cards: {error}; see dmesg on this host"
        raise CardReadError(message) from error
    finally:
        library.nvmlShutdown()


def _no_cards(error: Exception) -> RuntimeError:
    kind = type(error).__name__
    if kind in {"NVMLError_LibraryNotFound", "NVMLError_DriverNotLoaded", "NVMLError_LibRmVersionMismatch"}:
        return NoDriverError(
            f"no NVIDIA driver on this machine ({error}); run `manage.py gpu_agent` on the hosts with GPUs"
        )
    return CardReadError(f"NVML did not start: {error}; see dmesg on this host")


class _Asked:
    """Asks one card field by field; remembers what failed, forgets what is not supported."""

    def __init__(self, library: Any, handle: Any) -> None:
        self.library = library
        self.handle = handle
        self.failed: dict[str, str] = {}

    def get(self, function: str, *arguments: Any) -> Any:
        """The answer, or None."""
        ask: Callable[..., Any] | None = getattr(self.library, function, None)
        if ask is None:
            return None
        try:
            return ask(self.handle, *arguments)
        except self.library.NVMLError as error:
            if type(error).__name__ not in {
                "NVMLError_NotSupported", "NVMLError_FunctionNotFound", "NVMLError_NotFound",
                "NVMLError_InvalidArgument", "NVMLError_ArgumentVersionMismatch", "NVMLError_NoPermission",
            }:  # fmt: skip
                self.failed[function.removeprefix("nvmlDeviceGet")] = str(error)
            return None


def _card(library: Any, index: int) -> Card:
    asked = _Asked(library, library.nvmlDeviceGetHandleByIndex(index))
    busy = asked.get("nvmlDeviceGetUtilizationRates")
    memory = _memory(asked)
    return Card(
        index=index,
        uuid=_text(asked.get("nvmlDeviceGetUUID")),
        name=_text(asked.get("nvmlDeviceGetName")),
        utilization_ratio=None if busy is None else busy.gpu / 100.0,
        memory_busy_ratio=None if busy is None else busy.memory / 100.0,
        memory_total_bytes=None if memory is None else int(memory.total),
        memory_used_bytes=None if memory is None else int(memory.used),
        memory_reserved_bytes=_whole(getattr(memory, "reserved", None)),
        temperature_celsius=_temperature(asked),
        temperature_limit_celsius=_number(asked.get("nvmlDeviceGetTemperatureThreshold", SLOWDOWN_THRESHOLD)),
        power_watts=_scaled(asked.get("nvmlDeviceGetPowerUsage"), 1e-3),
        power_limit_watts=_scaled(asked.get("nvmlDeviceGetEnforcedPowerLimit"), 1e-3),
        energy_joules=_scaled(asked.get("nvmlDeviceGetTotalEnergyConsumption"), 1e-3),
        pcie_replays=_whole(asked.get("nvmlDeviceGetPcieReplayCounter")),
        clocks_hertz=_clocks(asked, "nvmlDeviceGetClockInfo"),
        clocks_max_hertz=_clocks(asked, "nvmlDeviceGetMaxClockInfo"),
        throttle=_throttle(asked),
        ecc_errors=_ecc(asked),
        processes=_processes(asked),
        failed=asked.failed,
    )


def _memory(asked: _Asked) -> Any:
    """Version 2 counts what the driver keeps for itself apart from what is used."""
    newer = getattr(asked.library, "nvmlMemory_v2", None)
    found = asked.get("nvmlDeviceGetMemoryInfo", newer) if newer is not None else None
    return found if found is not None else asked.get("nvmlDeviceGetMemoryInfo")


def _temperature(asked: _Asked) -> float | None:
    newer = _number(asked.get("nvmlDeviceGetTemperatureV", GPU_SENSOR))
    return newer if newer is not None else _number(asked.get("nvmlDeviceGetTemperature", GPU_SENSOR))


def _clocks(asked: _Asked, function: str) -> dict[str, float]:
    found = {name: asked.get(function, number) for number, name in CLOCKS.items()}
    return {name: megahertz * 1e6 for name, megahertz in found.items() if megahertz is not None}


def _throttle(asked: _Asked) -> dict[str, bool]:
    mask = asked.get("nvmlDeviceGetCurrentClocksEventReasons")
    if mask is None:
        mask = asked.get("nvmlDeviceGetCurrentClocksThrottleReasons")
    return {} if mask is None else {name: bool(mask & bit) for bit, name in REASONS.items()}


def _ecc(asked: _Asked) -> dict[str, int]:
    kinds = {"corrected": CORRECTED, "uncorrected": UNCORRECTED}
    found = {
        name: asked.get("nvmlDeviceGetTotalEccErrors", kind, SINCE_DRIVER_LOAD)
        for name, kind in kinds.items()
    }
    return {name: int(count) for name, count in found.items() if count is not None}


def _processes(asked: _Asked) -> tuple[Process, ...] | None:
    lists = [
        asked.get("nvmlDeviceGetComputeRunningProcesses"),
        asked.get("nvmlDeviceGetGraphicsRunningProcesses"),
    ]
    if all(rows is None for rows in lists):
        return None
    by_pid = {row.pid: row for rows in lists if rows is not None for row in rows}
    return tuple(
        Process(pid, _command(asked, pid), _whole(row.usedGpuMemory)) for pid, row in sorted(by_pid.items())
    )


def _command(asked: _Asked, pid: int) -> str:
    """The name a person knows it by; in another container's process space only the driver knows it."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        pass
    try:
        return Path(_text(asked.library.nvmlSystemGetProcessName(pid))).name
    except (asked.library.NVMLError, AttributeError):
        return ""


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value or "")


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _whole(value: Any) -> int | None:
    """The driver says "unknown" with a number near 2^64."""
    return None if value is None or int(value) >= UNKNOWN_MEMORY else int(value)


def _scaled(value: Any, factor: float) -> float | None:
    return None if value is None else float(value) * factor


def main() -> int:
    """Print one poll; the exit status tells a script whether there were cards to read."""
    try:
        cards = read()
    except (NoDriverError, CardReadError) as error:
        print(json.dumps({"error": str(error), "cards": []}, indent=2))  # noqa: T201 — a program of its own
        return 1
    print(json.dumps({"cards": [dataclasses.asdict(card) for card in cards]}, indent=2))  # noqa: T201 — as above
    return 0


if __name__ == "__main__":
    sys.exit(main())
