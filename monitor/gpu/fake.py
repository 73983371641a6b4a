"""A simulated card behind the same small interface, for demos and tests. Its name always says "Simulated".

Every figure is a pure function of the time, so that restarts go on where they left off and energy never falls.
"""

import datetime as dt
import math
from dataclasses import dataclass

from monitor.core.clock import to_ms
from monitor.gpu.cards import Card, Process
from monitor.gpu.nvml import REASONS

GIB = 2**30
# amplitude, period in seconds, phase: the load of a chat service; they add up to less than 1
BASE_LOAD = 0.6
WAVES = ((0.2, 86_400.0, -1.2), (0.09, 2_220.0, 0.0), (0.06, 430.0, 1.0))
IDLE_WATTS, BUSY_WATTS, LIMIT_WATTS = 75.0, 640.0, 650.0
AMBIENT_CELSIUS, SLOWDOWN_CELSIUS = 31.0, 87.0
THERMAL_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class SimulatedCard:
    """``cooling`` under 1 is a card with a bad fan: it gets hot under load and throttles itself."""

    index: int
    cooling: float = 1.0
    memory_gib: int = 141
    seed: int = 0

    def read(self, now: dt.datetime) -> Card:
        seconds = to_ms(now) / 1000.0
        load, warmth = self._load(seconds), self._load(seconds - THERMAL_SECONDS)
        temperature = AMBIENT_CELSIUS + 48.0 * warmth / self.cooling
        hot = temperature >= SLOWDOWN_CELSIUS
        power = min(LIMIT_WATTS, IDLE_WATTS + (BUSY_WATTS - IDLE_WATTS) * load * (0.8 if hot else 1.0))
        sm = 1.98e9 * (0.7 if hot else 1.0)
        weights = int(0.62 * self.memory_gib * GIB)
        cache = int(0.22 * self.memory_gib * GIB * load)
        return Card(
            index=self.index,
            uuid=f"GPU-simulated-{self.seed:04d}-{self.index:04d}",
            name=f"Simulated H200 {self.memory_gib}GB",
            utilization_ratio=round(min(1.0, load * 1.15), 2),
            memory_busy_ratio=round(load * 0.7, 2),
            memory_total_bytes=self.memory_gib * GIB,
            memory_used_bytes=weights + cache + GIB,
            memory_reserved_bytes=GIB // 2,
            temperature_celsius=round(temperature),
            temperature_limit_celsius=SLOWDOWN_CELSIUS,
            power_watts=round(power, 1),
            power_limit_watts=LIMIT_WATTS,
            energy_joules=round(self._energy(seconds), 1),
            pcie_replays=0,
            clocks_hertz={"graphics": sm, "sm": sm, "memory": 3.201e9},
            clocks_max_hertz={"graphics": 1.98e9, "sm": 1.98e9, "memory": 3.201e9},
            throttle={name: name in {"hw_slowdown", "hw_thermal"} and hot for name in REASONS.values()},
            ecc_errors={"corrected": 0, "uncorrected": 0},
            processes=(
                Process(4100 + self.index, "vllm-engine", weights + cache),
                Process(4200 + self.index, "embedder", GIB),
            ),
        )

    def _load(self, seconds: float) -> float:
        return BASE_LOAD + sum(
            size * math.sin(2 * math.pi * seconds / period + phase + self.seed + self.index)
            for size, period, phase in WAVES
        )

    def _energy(self, seconds: float) -> float:
        """The integral of idle and busy power over all time; throttling is left out, so it never falls."""
        waves = sum(
            size * period / (2 * math.pi)
            * (1 - math.cos(2 * math.pi * seconds / period + phase + self.seed + self.index))
            for size, period, phase in WAVES
        )  # fmt: skip
        return IDLE_WATTS * seconds + (BUSY_WATTS - IDLE_WATTS) * (BASE_LOAD * seconds + waves)


def simulated_host(now: dt.datetime, *, seed: int = 0) -> list[Card]:
    """Two cards of one host: a healthy one and one with a bad fan."""
    return [SimulatedCard(0, seed=seed).read(now), SimulatedCard(1, cooling=0.62, seed=seed).read(now)]
