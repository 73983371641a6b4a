"""What a reading is made of: series and their values, in base units. Pure; needs nothing but the standard library."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

# label pairs in ascending order, the name among them
Series = tuple[tuple[str, str], ...]
Sample = tuple[Series, float]
Extra = tuple[tuple[str, str], ...]

NAME = "__name__"
# Prometheus' mark of a series that has ended
STALE: float = struct.unpack("<d", (0x7FF0000000000002).to_bytes(8, "little"))[0]


@dataclass(slots=True)
class Reading:
    """One look at a host. ``state``: ok, no_driver, version_mismatch or failing; ``problem`` says why not ok."""

    at_ms: int
    samples: list[Sample] = field(default_factory=list)
    state: str = "ok"
    problem: str = ""
    cards: int = 0
    lost: int = 0


class Names:
    """The series of one thing (a card, a host), made once each."""

    def __init__(self, labels: Iterable[tuple[str, str]]) -> None:
        self.labels = tuple(labels)
        self._made: dict[tuple[str, Extra], Series] = {}

    def of(self, name: str, extra: Extra = ()) -> Series:
        key = (name, extra)
        made = self._made.get(key)
        if made is None:
            if len(self._made) > 10_000:
                self._made.clear()
            pairs = [(NAME, name), *self.labels, *extra]
            made = self._made[key] = tuple(sorted(pair for pair in pairs if pair[1]))
        return made


class Sheet:
    """Samples of one probe on their way into a reading."""

    __slots__ = ("names", "samples")

    def __init__(self, names: Names) -> None:
        self.names = names
        self.samples: list[Sample] = []

    def put(self, name: str, value: float | None, extra: Extra = ()) -> None:
        """A figure; None is one that nobody told, and makes no sample."""
        if value is not None:
            self.samples.append((self.names.of(name, extra), float(value)))
