"""What one poll knows about one card, in base units. Pure: NVML and the simulated card both give these."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Process:
    """A process that holds memory of the card; the driver may hide how much."""

    pid: int
    command: str
    memory_bytes: int | None


@dataclass(frozen=True, slots=True)
class Card:
    """One reading. A field that the card or driver doesn't support is None or an absent key, never zero.

    ``throttle``: reason → whether it slows the clocks now. ``ecc_errors``: corrected and uncorrected since
    the driver was loaded. ``failed``: field → what the driver said when it should have answered.
    """

    index: int
    uuid: str
    name: str
    utilization_ratio: float | None = None
    memory_busy_ratio: float | None = None
    memory_total_bytes: int | None = None
    memory_used_bytes: int | None = None
    memory_reserved_bytes: int | None = None
    temperature_celsius: float | None = None
    temperature_limit_celsius: float | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    energy_joules: float | None = None
    pcie_replays: int | None = None
    clocks_hertz: dict[str, float] = field(default_factory=dict)
    clocks_max_hertz: dict[str, float] = field(default_factory=dict)
    throttle: dict[str, bool] = field(default_factory=dict)
    ecc_errors: dict[str, int] = field(default_factory=dict)
    processes: tuple[Process, ...] | None = None
    failed: dict[str, str] = field(default_factory=dict)
