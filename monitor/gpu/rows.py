"""What pages see of GPUs: a host, its cards, their processes and instances. Plain; made by ``read``."""

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from monitor.gpu.models import PollerState

# what slows a card down and is worth a look; the idle ones are not
TROUBLE = frozenset({
    "power_cap", "hw_slowdown", "sw_thermal", "hw_thermal", "power_brake", "thermal", "power", "board_limit", "reliability",
})  # fmt: skip


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
    ``linked``: a link was up within the last hours, so that one that is down is a fault and not a card without a
    bridge. ``recent_xids``: the events of the last hour.
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
    linked: bool = False
    xids: Mapping[str, float] = field(default_factory=dict)
    recent_xids: frozenset[int] = frozenset()
    processes: tuple[ProcessRow, ...] = ()
    partitions: tuple[PartitionRow, ...] = ()

    def told(self, name: str) -> float | None:
        """A figure; None where it is missing or not a number."""
        value = self.figures.get(name)
        return None if value is None or math.isnan(value) else value

    @property
    def memory_total_bytes(self) -> float | None:
        """Some exporters tell only the parts."""
        whole = self.told("memory_total_bytes")
        used, free = self.told("memory_used_bytes"), self.told("memory_free_bytes")
        if whole is not None or used is None or free is None:
            return whole
        return used + free + (self.told("memory_reserved_bytes") or 0.0)

    @property
    def memory_ratio(self) -> float | None:
        return _share(self.told("memory_used_bytes"), self.memory_total_bytes)

    @property
    def throttled(self) -> list[str]:
        return sorted(name for name, active in self.throttle.items() if active and name in TROUBLE)

    @property
    def links_down(self) -> list[str]:
        """Empty for a card none of whose links is or was up: it has no bridge."""
        if not self.linked and not any(self.links.values()):
            return []
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
