"""The attributes of one span, read once: those of a field by their rank, families gathered, the rest kept.

Most attributes were seen before, byte by byte; for those the field and its value are looked up, not worked out.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from monitor.ingest.otlp import attributes, messages
from monitor.ingest.otlp.mapping import DROP, Compiled, Slot, mapping
from monitor.ingest.otlp.messages import Path
from monitor.ingest.otlp.shapes import NO_SHAPE, Family, Shape, shape_of

# longer ones hold prompts and the like, which do not come again
MOST_KEPT, LONGEST_KEPT = 20_000, 80
# the length of a name in one byte
_LONGEST_HEAD = 0x80
LAST = 1 << 30


# an attribute's name and value and what they mean: no field, a field of some rank, or a member of a family.
# The order: name, value, field, rank, found, path
Meaning = tuple[str, Any, str, int, Any, Path | None]
_VALUE: Final = 1
_FIELD: Final = 2
_FOUND: Final = 4
_name_of = itemgetter(0)
# what a long value says is found out when somebody asks: until then its bytes stand in its place
_UNREAD = object()


def meaning(name: str, value: Any, table: Mapping[str, Slot | None]) -> Meaning:
    slot = table[name]
    if slot is None:
        return (name, value, "", 0, None, None)
    field, rank, reader, path = slot
    found = value if path is not None else None if field == DROP else reader(value)
    return (name, value, field, rank, found, path)


class _Kept(dict[bytes, Meaning]):
    """Meanings by the bytes of the attribute; emptied when full, because some are never the same twice."""

    def __init__(self, compiled: Compiled) -> None:
        super().__init__()
        self.table = compiled.table
        # of long ones by the bytes of their names
        self.heads: dict[bytes, tuple[str, str, int, Path | None]] = {}

    def __missing__(self, raw: bytes) -> Meaning:
        made = self.read(raw)
        # a list may be changed by who gets it; one that gives a field is not handed on
        if not isinstance(made[_VALUE], list | dict) or (made[_FIELD] and isinstance(made[_FOUND], str)):
            if len(self) >= MOST_KEPT:
                self.clear()
            self[raw] = made
        return made

    def read(self, raw: bytes) -> Meaning:
        """What the attribute means, looked at for itself."""
        name, value = attributes.pair(raw)
        slot = self.table[name]
        if slot is None:
            return (name, value, "", 0, None, None)
        field, rank, reader, path = slot
        found = value if path is not None else None if field == DROP else reader(value)
        return (name, value, field, rank, found, path)

    def of_long(self, raw: bytes) -> Meaning:
        """The same of a long attribute, whose value is left unread: prompts come several times in one span."""
        head = self.heads.get(raw[: raw[1] + 2])
        return self._of_head(raw) if head is None else (head[0], raw, head[1], head[2], _UNREAD, head[3])

    def _of_head(self, raw: bytes) -> Meaning:
        """As ``read``, and from now on its name is known."""
        made = self.read(raw)
        name, _, field, rank, _, path = made
        head = name.encode()
        if len(head) < _LONGEST_HEAD and raw.startswith(bytes((attributes.KEY, len(head))) + head):
            if len(self.heads) >= MOST_KEPT:
                self.heads.clear()
            self.heads[raw[: len(head) + 2]] = (name, field, rank, path)
        return made


_kept = _Kept(mapping())


class Reading:
    """``given``: every attribute by name; ``fields``: what they say; ``rest``: those that mean no field."""

    __slots__ = ("_families", "_given", "_meanings", "_ranks", "_settled", "fields", "rest", "shape")

    def __init__(self) -> None:
        self._given: dict[str, Any] = {}
        # read by their shape alone: what is not asked for often is worked out when it is
        self._meanings: list[Meaning] = []
        self._ranks: dict[str, int] = {}
        self._families: dict[str, tuple[int, list[tuple[Path, Any]]]] = {}
        self._settled = False
        self.fields: dict[str, Any] = {}
        self.rest: dict[str, Any] = {}
        self.shape = NO_SHAPE

    @property
    def given(self) -> dict[str, Any]:
        self._spread()
        return self._given

    def take_raw(self, raw: Iterable[bytes]) -> None:
        """Read a span's attributes as they came, once; raises DecodeError."""
        kept, of_long = _kept, _kept.of_long
        meanings = [kept[one] if len(one) <= LONGEST_KEPT else of_long(one) for one in raw]
        shape = self.shape = shape_of(tuple(map(_name_of, meanings)))
        if shape.plain:
            for at in shape.needed:
                if meanings[at][4] is _UNREAD:
                    meanings[at] = _kept.read(meanings[at][1])
            # the best source of a field may be one that can't be read
            if None not in [meanings[at][4] for at in shape.sources]:
                self._meanings = meanings
                self.fields = {field: meanings[at][4] for field, at in shape.fields}
                self.rest = {name: meanings[at][1] for name, at in shape.rest}
                return
        self._take(_read(meanings))

    def kind(self) -> str | None:
        """call, retrieval, embedding, tool, agent, chain or other; None for a span of something else."""
        for at, kinds in self.shape.kinds:
            value = self._at(at) if self._meanings else self._given[self.shape.names[at]]
            if isinstance(value, str) and value in kinds:
                return kinds[value]
        return "call" if self.shape.names_model else None

    def value(self, name: str) -> Any:
        """What was given under that name."""
        if not self._meanings:
            return self._given.get(name)
        at = self.shape.places.get(name)
        return None if at is None else self._at(at)

    def _at(self, at: int) -> Any:
        known = self._meanings[at]
        return known[_VALUE] if known[_FOUND] is not _UNREAD else _kept.read(known[_VALUE])[_VALUE]

    def take(self, given: Mapping[str, Any]) -> None:
        """Read more attributes, such as an event's."""
        if not given:
            return
        self._spread()
        table = mapping().table
        self._take(meaning(name, value, table) for name, value in given.items())

    def _spread(self) -> None:
        """As if it had been read without its shape."""
        if not self._meanings:
            return
        meanings, self._meanings = self._meanings, []
        self.fields = {}
        self._take(_read(meanings))
        if self._settled:
            self.settle()

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
        known = self._families.get(field)
        if known is None or rank < known[0]:
            self._families[field] = (rank, [(path, value)])
        elif rank == known[0]:
            known[1].append((path, value))

    def settle(self) -> dict[str, Any]:
        """The fields, with those families in that are the best source of theirs."""
        if self._meanings and not self._settled:
            for family in self.shape.families:
                self.fields[family.field] = self._of_shape(family)
        self._settled = True
        for field, (rank, members) in self._families.items():
            if rank < self._ranks.get(field, LAST):
                self.fields[field] = _of_family(field, members)
        self._families.clear()
        return self.fields

    def _of_shape(self, family: Family) -> Any:
        meanings = self._meanings
        if family.lone is not None and family.field in _ROLES:
            at, role_at = family.lone
            told = meanings[at][_VALUE]
            if isinstance(told, str) and (role_at < 0 or meanings[role_at][_VALUE] == _ROLES[family.field]):
                return told
        return _of_family(family.field, [(path, meanings[at][_VALUE]) for path, at in family.members])


class Unread(Reading):
    """Of a span whose call is made already: hardly anybody asks for more."""

    __slots__ = ("_raw",)

    def __init__(self, raw: Sequence[bytes], shape: Shape) -> None:
        self._raw, self.shape = raw, shape

    @property
    def given(self) -> dict[str, Any]:
        return attributes.read(self._raw)

    def value(self, name: str) -> Any:
        at = self.shape.places.get(name)
        return None if at is None else attributes.pair(self._raw[at])[1]


def _read(meanings: Iterable[Meaning]) -> list[Meaning]:
    """All of them with their values."""
    return [one if one[_FOUND] is not _UNREAD else _kept.read(one[_VALUE]) for one in meanings]


# whose message a lone text is
_ROLES = {"prompt": "user", "output": "assistant"}


def _of_family(field: str, members: list[tuple[Path, Any]]) -> Any:
    if field == "contexts":
        return messages.tree(members)
    return messages.of_family(members, _ROLES.get(field, "user"))
