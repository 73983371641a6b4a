"""A simulated host: cards whose load follows the time of day, and faults that can be switched on.

Every figure is a pure function of the time, so that restarts go on where they left off and energy never falls.
"""

import math
import queue
from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.gpu.fake.models import Model

# amplitude, period in seconds, phase: the load of a chat service; they add up to less than 1
BASE_LOAD = 0.6
WAVES = ((0.2, 86_400.0, -1.2), (0.09, 2_220.0, 0.0), (0.06, 430.0, 1.0))
AMBIENT_CELSIUS, RISE_CELSIUS = 31.0, 48.0
THERMAL_SECONDS = 90.0
HW_SLOWDOWN, HW_THERMAL, POWER_CAP, IDLE = 0x8, 0x40, 0x4, 0x1


@dataclass(slots=True, eq=False)
class FakeCard:
    """``cooling`` under 1 is a card with a bad fan: it gets hot under load and throttles itself."""

    model: Model
    index: int
    cooling: float = 1.0
    idle: bool = False
    lost: bool = False
    ecc: dict[tuple[int, int], int] = field(default_factory=dict)
    rows: tuple[int, int, int, int] = (0, 0, 0, 0)
    links_down: frozenset[int] = frozenset()
    processes: tuple[tuple[int, str, float], ...] | None = None

    @property
    def uuid(self) -> str:
        return f"GPU-51a0{self.index:04x}-0000-4000-8000-{sum(self.model.name.encode()):012x}"

    def load(self, seconds: float) -> float:
        if self.idle:
            return 0.0
        waves = sum(
            size * math.sin(2 * math.pi * seconds / period + phase + self.index)
            for size, period, phase in WAVES
        )
        return BASE_LOAD + waves

    def celsius(self, seconds: float) -> float:
        return AMBIENT_CELSIUS + RISE_CELSIUS * self.load(seconds - THERMAL_SECONDS) / self.cooling

    def hot(self, seconds: float) -> bool:
        return self.celsius(seconds) >= self.model.thresholds[1]

    def watts(self, seconds: float) -> float:
        least, most = self.model.watts
        drawn = least + (most - least) * self.load(seconds) * (0.8 if self.hot(seconds) else 1.0)
        return min(self.model.limit_watts, drawn)

    def joules(self, seconds: float) -> float:
        """The integral of the power over all time; throttling is left out, so it never falls."""
        least, most = self.model.watts
        if self.idle:
            return least * seconds
        waves = sum(
            size
            * period
            / (2 * math.pi)
            * (1 - math.cos(2 * math.pi * seconds / period + phase + self.index))
            for size, period, phase in WAVES
        )
        return least * seconds + (most - least) * (BASE_LOAD * seconds + waves)

    def reasons(self, seconds: float) -> int:
        if self.hot(seconds):
            return HW_SLOWDOWN | HW_THERMAL
        if self.watts(seconds) >= 0.93 * self.model.limit_watts:
            return POWER_CAP
        return IDLE if self.load(seconds) < 0.05 else 0

    def used_bytes(self, seconds: float) -> int:
        return sum(size for _, _, size in self.running(seconds))

    def running(self, seconds: float) -> list[tuple[int, str, int]]:
        """pid, command and bytes: a server whose weights stay and whose cache follows the load."""
        if self.processes is not None:
            return [(pid, name, int(share * self.model.memory_bytes)) for pid, name, share in self.processes]
        if self.idle:
            return []
        weights, cache = 0.6 * self.model.memory_bytes, 0.22 * self.model.memory_bytes * self.load(seconds)
        first = 1_400_000 + 100 * self.index
        return [
            (first, "/opt/venv/bin/vllm", int(weights + cache)),
            (first + 1, "/usr/bin/python3", int(0.02 * self.model.memory_bytes)),
        ]


@dataclass(slots=True, eq=False)
class FakeHost:
    """``clock`` gives Unix seconds. ``driver`` None: not installed; ``loaded``: the kernel's module is there."""

    cards: list[FakeCard]
    clock: Callable[[], float]
    driver: str | None = "580.95.05"
    loaded: bool = True
    initialised: bool = False
    events: "queue.Queue[tuple[int, int]]" = field(default_factory=queue.Queue)
    calls: dict[str, int] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    def upgrade(self, version: str) -> None:
        """The driver is replaced: the old library in memory does not fit the new module."""
        self.driver = version

    def unload(self) -> None:
        """The kernel's module goes, and with it what NVML had opened."""
        self.loaded = self.initialised = False

    def xid(self, index: int, code: int) -> None:
        self.events.put((index, code))

    def lose(self, index: int) -> None:
        """Fallen off the bus: XID 79, then no answer."""
        self.xid(index, 79)
        self.cards[index].lost = True
