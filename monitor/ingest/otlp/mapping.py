"""``mapping.toml`` compiled: from the name of an attribute to the field it gives, its rank and its reader."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from monitor.ingest.otlp.readers import READERS, Reader

FILE = Path(__file__).with_name("mapping.toml")
DROP = "drop"
MOST_NAMES = 20_000


class Slot(NamedTuple):
    """What an attribute gives. A lower rank counts before a higher one; ``path`` is its place in a family."""

    field: str
    rank: int
    reader: Reader
    path: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Convention:
    """One way to name things. ``cached``: whether input tokens contain the cached ones."""

    name: str
    title: str
    read: str
    cached_inside: bool
    cached_apart: frozenset[str]

    def contains_cached(self, provider: str) -> bool:
        return self.cached_inside and not self.leaves_cached_out(provider)

    def leaves_cached_out(self, provider: str) -> bool:
        """Known of this provider, whose totals may leave them out, too."""
        return any(provider.startswith(name) for name in self.cached_apart)


class Table(dict[str, Slot | None]):
    """Slots by attribute, None for one that means no field. Members of families are found by their prefix."""

    def __init__(self, families: Mapping[str, Slot]) -> None:
        super().__init__()
        self.families = families

    def __missing__(self, attribute: str) -> Slot | None:
        slot = self._member(attribute)
        if len(self) >= MOST_NAMES:
            # the names of a hostile or careless sender; what is in the file is found again
            self.clear()
            self.update(_named())
        self[attribute] = slot
        return slot

    def _member(self, attribute: str) -> Slot | None:
        parts = attribute.split(".")
        for n, part in enumerate(parts):
            if part.isdecimal():
                family = self.families.get(".".join(parts[:n]))
                return family and family._replace(path=tuple(parts[n:]))
        return None


@dataclass(frozen=True, slots=True)
class Compiled:
    """All that the file says."""

    version: str
    conventions: Mapping[str, Convention]
    marks: tuple[tuple[str, Convention], ...]
    # an attribute that says what a span is, and what its values mean
    kinds: tuple[tuple[str, Mapping[str, str]], ...]
    table: Table
    resource: Mapping[str, tuple[str, ...]]
    events: Mapping[str, Any]
    providers: Mapping[str, str]


@cache
def content() -> dict[str, Any]:
    """The file as it stands."""
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


@cache
def _slots() -> dict[str, Slot]:
    found: dict[str, Slot] = {}
    lines = [pair for one in content()["convention"] for pair in one["fields"].items()]
    for rank, (attribute, meaning) in enumerate(lines):
        field, _, reader = meaning.partition(":")
        # whole inputs and outputs repeat what messages say: they are the last resort
        late = 10_000 if reader == "fallback" else 0
        found.setdefault(attribute, Slot(field, rank + late, READERS[reader or "name"], None))
    return found


def _named() -> dict[str, Slot]:
    return {name: slot for name, slot in _slots().items() if not name.endswith(".*")}


def _convention(one: Mapping[str, Any]) -> Convention:
    return Convention(
        one["name"], one["title"], one.get("read", ""), one.get("cached", "inside") == "inside",
        frozenset(one.get("cached_apart", ())),
    )  # fmt: skip


@cache
def mapping() -> Compiled:
    """The compiled file; read once."""
    given = content()
    conventions = {one["name"]: _convention(one) for one in given["convention"]}
    table = Table({name[:-2]: slot for name, slot in _slots().items() if name.endswith(".*")})
    table.update(_named())
    return Compiled(
        version=given["version"],
        conventions=conventions,
        marks=tuple(
            (mark, conventions[one["name"]]) for one in given["convention"] for mark in one.get("marks", ())
        ),
        kinds=tuple(
            (attribute, kinds)
            for one in given["convention"]
            for attribute, kinds in one.get("kind", {}).items()
        ),
        table=table,
        resource={field: tuple(names) for field, names in given["resource"].items()},
        events=given["events"],
        providers=given["providers"],
    )
