"""One span in the shape that all readers share, whichever bytes it came in."""

from dataclasses import dataclass, field
from typing import Any

from monitor.ingest.envelope import Generation
from monitor.ingest.otlp.mapping import mapping
from monitor.ingest.otlp.reading import Reading

NO_TRACE, NO_SPAN = "0" * 32, "0" * 16
FAILED = 2


@dataclass(slots=True)
class Event:
    """Something that happened during a span, or a log record. Nanoseconds."""

    name: str
    at: int
    attributes: dict[str, Any]
    body: Any = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where spans come from: their resource. ``fields`` are what it says about calls."""

    sender: str
    fields: dict[str, Any]
    attributes: dict[str, Any]


@dataclass(slots=True)
class Span:
    """Ids in hexadecimal, nanoseconds; ``place`` is its position in the request. ``call``: what it was read as already."""

    place: int
    trace: str
    id: str
    parent: str
    start: int
    end: int
    reading: Reading
    origin: Origin
    scope: str
    failed: bool = False
    failure: str = ""
    events: list[Event] = field(default_factory=list)
    call: Generation | None = None

    @property
    def attributes(self) -> dict[str, Any]:
        return self.reading.given


def origin_of(attributes: dict[str, Any]) -> Origin:
    """What a resource says."""
    fields: dict[str, Any] = {}
    for name, sources in mapping().resource.items():
        found = next((attributes[one] for one in sources if attributes.get(one)), None)
        if found is not None:
            fields[name] = str(found)[:300]
    sender = fields.pop("sender", "")
    return Origin("" if sender.startswith("unknown_service") else sender, fields, attributes)
