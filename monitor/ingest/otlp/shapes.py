"""What can be told of a span by the names of its attributes alone: worked out once for each set of names.

An instrumentation gives the same names in the same order with nearly every span, so for most spans this is looked
up: which attribute is the best source of each field, which ones mean no field, by whose names the span speaks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from monitor.ingest.otlp.mapping import DROP, Convention, Slot, mapping
from monitor.ingest.otlp.messages import Path

# senders of before the conventions say which model, but not what the span is
_MODELS = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "gen_ai.completion.0.content")

Names = tuple[str, ...]
Placed = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Family:
    """Numbered attributes that are the best source of a field: the place of each member among the attributes."""

    field: str
    members: tuple[tuple[Path, int], ...]
    # where the text of the only message stands, and its role (-1: nowhere), when there is nothing else
    lone: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Shape:
    """Positions among the attributes. ``fields``: where each field's best source stands, ``families``: of those whose
    best source are numbered attributes; ``rest``: those of no field.

    ``plain``: no name comes twice, so that nothing else need be looked at.
    """

    names: Names
    # the last place of each name
    places: Mapping[str, int]
    plain: bool
    fields: Placed
    families: tuple[Family, ...]
    rest: Placed
    # of whom a value must be there, and all that are read
    sources: tuple[int, ...]
    needed: tuple[int, ...]
    # what says the kind of span, the best first, and what its values mean
    kinds: tuple[tuple[int, Mapping[str, str]], ...]
    names_model: bool
    convention: Convention | None


@lru_cache(5_000)
def shape_of(names: Names) -> Shape:
    """The shape of spans with attributes of these names, in this order."""
    place = {name: at for at, name in enumerate(names)}
    slots = [mapping().table[name] for name in names]
    best: dict[str, tuple[int, int]] = {}
    for at, slot in enumerate(slots):
        if slot is None or slot.path is not None or slot.field == DROP:
            continue
        if slot.rank < best.get(slot.field, (slot.rank + 1, 0))[0]:
            best[slot.field] = (slot.rank, at)
    families = _families(slots, {field: rank for field, (rank, _) in best.items()})
    numbered = {family.field for family in families}
    fields = tuple((field, at) for field, (_, at) in best.items() if field not in numbered)
    rest = tuple((names[at], at) for at, slot in enumerate(slots) if slot is None)
    sources = (*(at for _, at in fields), *(at for family in families for _, at in family.members))
    return Shape(
        names,
        place,
        len(place) == len(names),
        fields,
        families,
        rest,
        sources,
        (*sources, *(at for _, at in rest)),
        tuple((place[name], kinds) for name, kinds in mapping().kinds if name in place),
        any(name in place for name in _MODELS),
        next((convention for mark, convention in mapping().marks if mark in place), None),
    )


def _families(slots: Sequence[Slot | None], ranks: Mapping[str, int]) -> tuple[Family, ...]:
    """Of each field the best family, where nothing else is a better source."""
    found: dict[str, tuple[int, list[tuple[Path, int]]]] = {}
    for at, slot in enumerate(slots):
        if slot is None or slot.path is None or slot.field == DROP:
            continue
        known = found.get(slot.field)
        if known is None or slot.rank < known[0]:
            found[slot.field] = (slot.rank, [(slot.path, at)])
        elif slot.rank == known[0]:
            known[1].append((slot.path, at))
    return tuple(
        Family(field, tuple(members), _lone(members))
        for field, (rank, members) in found.items()
        if rank < ranks.get(field, rank + 1)
    )


def _lone(members: Sequence[tuple[Path, int]]) -> tuple[int, int] | None:
    places = {path[1:]: at for path, at in members}
    for inner in ((), ("message",)):
        said, role = (*inner, "content"), (*inner, "role")
        one = len({path[0] for path, _ in members}) == 1 and len(places) == len(members)
        if one and said in places and places.keys() <= {said, role}:
            return places[said], places.get(role, -1)
    return None


NO_SHAPE = Shape((), {}, False, (), (), (), (), (), (), False, None)
