"""What pages see of GPUs: a host, its cards, their processes and instances. Plain; made by ``read``."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.gpu.models import PollerState

# what slows a card down and is worth a look; the idle ones are not
TROUBLE = frozenset({"power_cap", "hw_slowdown", "sw_thermal", "hw_thermal", "power_brake"})


@dataclass(frozen=True, slots=True)
class ProcessRow:
    """A process on a card; None where the driver hides it. ``instance``: the MIG instance it runs in."""

    pid: str
    command: str
    memory_bytes: float | None = None
    utilization_ratio: float | None = None
    instance: str = ""


@dataclass(frozen=True, slots=True)
class PartitionRow:
    """A MIG instance of a card."""

    uuid: str
    profile: str
    gpu_instance: str
    memory_used_bytes: float | None = None
    memory_total_bytes: float | None = None
    sm_activity_ratio: float | None = None

    @property
    def memory_ratio(self) -> float | None:
        return _share(self.memory_used_bytes, self.memory_total_bytes)


@dataclass(frozen=True, slots=True)
class CardRow:
    """One card as its newest series say. A figure that it doesn't report is missing, never zero.

    ``up``: False, it is lost; None, nobody told in the last minutes. ``figures``: by name, without ``gpu_``.
    """

    host: str
    gpu: str
    uuid: str
    name: str
    simulated: bool
    at: dt.datetime | None
    up: bool | None = True
    figures: Mapping[str, float] = field(default_factory=dict)
    clocks_hertz: Mapping[str, float] = field(default_factory=dict)
    throttle: Mapping[str, bool] = field(default_factory=dict)
    ecc_errors: Mapping[str, float] = field(default_factory=dict)
    remapped_rows: Mapping[str, float] = field(default_factory=dict)
    links: Mapping[str, bool] = field(default_factory=dict)
    xids: Mapping[str, float] = field(default_factory=dict)
    processes: tuple[ProcessRow, ...] = ()
    partitions: tuple[PartitionRow, ...] = ()

    @property
    def memory_total_bytes(self) -> float | None:
        """Some exporters tell only the parts."""
        parts = [self.figures.get(f"memory_{part}_bytes") for part in ("used", "free")]
        if None in parts:
            return self.figures.get("memory_total_bytes")
        reserved = self.figures.get("memory_reserved_bytes", 0.0)
        return self.figures.get("memory_total_bytes", sum(one or 0.0 for one in parts) + reserved)

    @property
    def memory_ratio(self) -> float | None:
        return _share(self.figures.get("memory_used_bytes"), self.memory_total_bytes)

    @property
    def throttled(self) -> list[str]:
        return sorted(name for name, active in self.throttle.items() if active and name in TROUBLE)

    @property
    def links_down(self) -> list[str]:
        return sorted((link for link, up in self.links.items() if not up), key=lambda link: link.zfill(3))


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host. ``state``: what its reader says of the driver (ok, no_driver, ...); empty: its reader says nothing."""

    name: str
    state: str
    cards: tuple[CardRow, ...]
    driver: str = ""
    restarts: float = 0.0
    dropped: float = 0.0


@dataclass(frozen=True, slots=True)
class XidRow:
    """An XID event of a card."""

    at: dt.datetime
    host: str
    gpu: str
    name: str
    code: int


@dataclass(frozen=True, slots=True)
class PollerRow:
    """The worker's own poller. ``state``: never, ok, no driver or failing."""

    host: str
    enabled: bool
    state: str
    cards: int
    checked_at: dt.datetime | None
    last_ok: dt.datetime | None
    last_error: str
    last_duration: float | None

    @property
    def no_driver(self) -> bool:
        return self.state == PollerState.NO_DRIVER


def _share(part: float | None, whole: float | None) -> float | None:
    return None if part is None or not whole else part / whole
