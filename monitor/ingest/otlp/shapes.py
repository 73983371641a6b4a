"""What can be told of a span by the names of its attributes alone: worked out once for each set of names.

An instrumentation gives the same names in the same order with nearly every span, so for most spans this is looked
up: which attribute is the best source of each field, which ones mean no field, by whose names the span speaks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from monitor.ingest.otlp.mapping import DROP, Convention, mapping

# senders of before the conventions say which model, but not what the span is
_MODELS = ("gen_ai.request.model", "gen_ai.response.model", "llm.model_name", "gen_ai.completion.0.content")

Names = tuple[str, ...]
Placed = tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Positions among the attributes. ``fields``: where each field's best source stands; ``rest``: those of no field.

    ``plain``: no name comes twice and none is a member of a family, so that nothing else need be looked at.
    """

    names: Names
    # the last place of each name
    places: Mapping[str, int]
    plain: bool
    fields: Placed
    rest: Placed
    # what says the kind of span, the best first, and what its values mean
    kinds: tuple[tuple[int, Mapping[str, str]], ...]
    names_model: bool
    convention: Convention | None


@lru_cache(5_000)
def shape_of(names: Names) -> Shape:
    """The shape of spans with attributes of these names, in this order."""
    table, place = mapping().table, {name: at for at, name in enumerate(names)}
    best: dict[str, tuple[int, int]] = {}
    rest: list[tuple[str, int]] = []
    plain = len(place) == len(names)
    for at, name in enumerate(names):
        slot = table[name]
        if slot is None:
            rest.append((name, at))
        elif slot.path is not None:
            plain = False
        elif slot.field != DROP and slot.rank < best.get(slot.field, (slot.rank + 1, 0))[0]:
            best[slot.field] = (slot.rank, at)
    return Shape(
        names,
        place,
        plain,
        tuple((field, at) for field, (_, at) in best.items()),
        tuple(rest),
        tuple((place[name], kinds) for name, kinds in mapping().kinds if name in place),
        any(name in place for name in _MODELS),
        next((convention for mark, convention in mapping().marks if mark in place), None),
    )


NO_SHAPE = Shape((), {}, False, (), (), (), False, None)
