"""The attributes of one span, read once: those of a field by their rank, families gathered, the rest kept.

Most attributes were seen before, byte by byte; for those the field and its value are looked up, not worked out.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from monitor.ingest.otlp import attributes, messages
from monitor.ingest.otlp.mapping import DROP, Compiled, Slot, mapping
from monitor.ingest.otlp.messages import Path
from monitor.ingest.otlp.shapes import NO_SHAPE, shape_of

# longer ones hold prompts and the like, which do not come again
MOST_KEPT, LONGEST_KEPT = 20_000, 80
LAST = 1 << 30


class Meaning(NamedTuple):
    """An attribute and what it means: no field, a field of some rank, or a member of a family."""

    name: str
    value: Any
    field: str
    rank: int
    found: Any
    path: Path | None


def meaning(name: str, value: Any, table: Mapping[str, Slot | None]) -> Meaning:
    slot = table[name]
    if slot is None:
        return Meaning(name, value, "", 0, None, None)
    field, rank, reader, path = slot
    found = value if path is not None else None if field == DROP else reader(value)
    return Meaning(name, value, field, rank, found, path)


class _Kept(dict[bytes, Meaning]):
    """Meanings by the bytes of the attribute; emptied when full, because some are never the same twice."""

    def __init__(self, compiled: Compiled) -> None:
        super().__init__()
        self.table = compiled.table

    def __missing__(self, raw: bytes) -> Meaning:
        name, value = attributes.pair(raw)
        made = meaning(name, value, self.table)
        if len(raw) <= LONGEST_KEPT and not isinstance(value, list | dict):
            if len(self) >= MOST_KEPT:
                self.clear()
            self[raw] = made
        return made


_kept = _Kept(mapping())


class Reading:
    """``given``: every attribute by name; ``fields``: what they say; ``rest``: those that mean no field."""

    __slots__ = ("_given", "_meanings", "_ranks", "families", "fields", "rest", "shape")

    def __init__(self) -> None:
        self._given: dict[str, Any] = {}
        # read by their shape alone: what is not asked for often is worked out when it is
        self._meanings: list[Meaning] = []
        self._ranks: dict[str, int] = {}
        self.fields: dict[str, Any] = {}
        self.families: dict[str, tuple[int, list[tuple[Path, Any]]]] = {}
        self.rest: dict[str, Any] = {}
        self.shape = NO_SHAPE

    @property
    def given(self) -> dict[str, Any]:
        self._spread()
        return self._given

    def take_raw(self, raw: Iterable[bytes]) -> None:
        """Read a span's attributes as they came, once; raises DecodeError."""
        meanings = [_kept[one] for one in raw]
        shape = self.shape = shape_of(tuple([one[0] for one in meanings]))
        if shape.plain:
            fields = {field: found for field, at in shape.fields if (found := meanings[at][4]) is not None}
            # the best source of a field may be one that can't be read
            if len(fields) == len(shape.fields):
                self._meanings = meanings
                self.fields = fields
                self.rest = {name: meanings[at][1] for name, at in shape.rest}
                return
        self._take(meanings)

    def kind(self) -> str | None:
        """call, retrieval, embedding, tool, agent, chain or other; None for a span of something else."""
        for at, kinds in self.shape.kinds:
            value = self._meanings[at][1] if self._meanings else self._given[self.shape.names[at]]
            if isinstance(value, str) and value in kinds:
                return kinds[value]
        return "call" if self.shape.names_model else None

    def value(self, name: str) -> Any:
        """What was given under that name."""
        if not self._meanings:
            return self._given.get(name)
        at = self.shape.places.get(name)
        return None if at is None else self._meanings[at][1]

    def take(self, given: Mapping[str, Any]) -> None:
        """Read more attributes, such as an event's."""
        self._spread()
        table = mapping().table
        self._take(meaning(name, value, table) for name, value in given.items())

    def _spread(self) -> None:
        """As if it had been read without its shape."""
        meanings, self._meanings = self._meanings, []
        self._take(meanings)

    def _take(self, meanings: Iterable[Meaning]) -> None:
        fields, ranks, given, rest = self.fields, self._ranks, self._given, self.rest
        for name, value, field, rank, found, path in meanings:
            given[name] = value
            if not field:
                rest[name] = value
            elif found is None:
                continue
            elif path is not None:
                self._take_member(field, rank, path, value)
            elif rank < ranks.get(field, LAST):
                fields[field] = found
                ranks[field] = rank

    def _take_member(self, field: str, rank: int, path: Path, value: Any) -> None:
        known = self.families.get(field)
        if known is None or rank < known[0]:
            self.families[field] = (rank, [(path, value)])
        elif rank == known[0]:
            known[1].append((path, value))

    def settle(self) -> dict[str, Any]:
        """The fields, with those families in that are the best source of theirs."""
        for field, (rank, members) in self.families.items():
            if rank < self._ranks.get(field, LAST):
                role = "assistant" if field == "output" else "user"
                self.fields[field] = (
                    messages.tree(members) if field == "contexts" else messages.of_family(members, role)
                )
        self.families.clear()
        return self.fields
