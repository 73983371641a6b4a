"""One card as the reader knows it: its handle, what it may be asked, and which of its series are alive."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from monitor.gpu.nvml import Driver, NoAnswerError
from monitor.gpu.reading import STALE, Names, Sample, Series, Sheet

# the driver says "unknown" with a number near 2^64
UNKNOWN = 2**63


@dataclass(slots=True, eq=False)
class Card:
    """A card. ``key`` names it for what it does not support; ``alive`` holds by probe what it told last."""

    driver: Driver
    index: int
    handle: Any
    uuid: str
    name: str
    names: Names
    lost: str = ""
    due: dict[str, int] = field(default_factory=dict)
    alive: dict[str, list[Series]] = field(default_factory=dict)
    fields: dict[str, list[Any]] = field(default_factory=dict)
    probes: "list[tuple[str, int, Callable[[Card, Sheet], None]]]" = field(default_factory=list)
    links: int | None = None
    partitions: "list[Partition]" = field(default_factory=list)
    seen_processes_us: int = 0

    def get(self, function: str, *arguments: Any) -> Any:
        """The card's answer, or None where it has none. Raises CardLostError and DriverGoneError."""
        try:
            return self.driver.ask(self.uuid, function, self.handle, *arguments)
        except NoAnswerError:
            return None

    def scaled(self, function: str, factor: float, *arguments: Any) -> float | None:
        value = self.get(function, *arguments)
        return None if value is None else float(value) * factor

    def run(self, name: str, probe: "Callable[[Card, Sheet], None]") -> list[Sample]:
        """What the probe finds, and an end mark for each series that it found last time and not now."""
        sheet = Sheet(self.names)
        probe(self, sheet)
        told = [series for series, _ in sheet.samples]
        before = self.alive.get(name)
        if before is not None and before != told:
            present = set(told)
            sheet.samples += [(series, STALE) for series in before if series not in present]
        self.alive[name] = told
        return sheet.samples

    def end(self, but: Collection[str] = ()) -> list[Sample]:
        """An end mark for every series that is alive, except those of the probes ``but``."""
        gone = [name for name in self.alive if name not in but]
        return [(series, STALE) for name in gone for series in self.alive.pop(name)]

    def forget(self) -> None:
        """Find out anew what it supports."""
        self.fields.clear()
        self.probes, self.links = [], None


@dataclass(slots=True, eq=False)
class Partition:
    """A MIG instance of a card."""

    handle: Any
    uuid: str
    gpu_instance: int
    compute_instance: int
    profile: str

    @property
    def labels(self) -> tuple[tuple[str, str], ...]:
        return (
            ("compute_instance", str(self.compute_instance)),
            ("gpu_instance", str(self.gpu_instance)),
            ("mig_uuid", self.uuid),
            ("profile", self.profile),
        )


def whole(value: Any) -> int | None:
    """A number of the driver; None for its "unknown"."""
    return None if value is None or int(value) >= UNKNOWN else int(value)


def text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")
