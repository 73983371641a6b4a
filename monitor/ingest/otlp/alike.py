"""Spans that are alike, read a column at a time: an instrumentation gives the same names in the same order each time.

What such spans have in common is found out once; what each of them holds is read without asking what it is. Whoever
is unusual is left to the plain way, span by span, which makes the same calls of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Any, Final

import msgspec
from google.protobuf.message import DecodeError

from monitor.ingest.envelope import Generation
from monitor.ingest.otlp import attributes, calls, messages
from monitor.ingest.otlp.mapping import mapping
from monitor.ingest.otlp.shapes import Shape, shape_of
from monitor.ingest.otlp.spans import FAILED, Origin
from monitor.ingest.wire import otlp_pb2 as wire
from monitor.store import ids

Raw = tuple[bytes, ...]
Column = list[Any]
Call = tuple[Shape, Generation]
# fewer are quicker read one by one
LEAST = 8
# so many sets of names of a request are told apart
MOST_LOTS = 16
# longer values are hardly ever the same
_SHORT: Final = 80
_ROLES = {"prompt": "user", "output": "assistant"}
# of calls of which more is told each goes the plain way
_FIELDS = (
    calls.SAME
    | calls.USAGE
    | {"input_tokens", "total_tokens", "model", "asked", "ttft_seconds", "streamed", "error"}
)
# names and defaults of a call's parts, in its own order
_PARTS = {one.name: one.default for one in msgspec.structs.fields(Generation)}


@dataclass(frozen=True, slots=True)
class Lot:
    """What spans with attributes of these names share. ``heads``: how each attribute begins, its name among it."""

    heads: Raw
    shape: Shape
    # the place of the best source of each field but prompt and output, and who reads it
    sources: Mapping[str, tuple[int, Callable[[Any], Any]]]
    # events of these names say something of the call
    telling: frozenset[bytes]


def generations(given: Sequence[wire.Span], raws: Sequence[Raw], origin: Origin) -> dict[int, Call]:
    """By position, the calls among the spans that are alike and as usual, and their shapes."""
    found: dict[int, Call] = {}
    if len(given) < LEAST:
        return found
    for lot, members in _lots(raws):
        usual = [at for at in members if _is_usual(given[at], lot)]
        if len(usual) >= LEAST:
            rows = _Rows(lot, [given[at] for at in usual], [raws[at] for at in usual], origin)
            found |= {usual[at]: (lot.shape, call) for at, call in rows.calls()}
    return found


def _lots(raws: Sequence[Raw]) -> Iterator[tuple[Lot, list[int]]]:
    """The spans by their names."""
    heads: list[Raw] = []
    members: list[list[int]] = []
    last = 0
    for at, raw in enumerate(raws):
        if not heads or not _begins(raw, heads[last]):
            last = next((n for n, one in enumerate(heads) if _begins(raw, one)), len(heads))
            if last == MOST_LOTS:
                break
            if last == len(heads):
                heads.append(tuple(one[: one[1] + 3] if len(one) > 1 else one for one in raw))
                members.append([])
        members[last].append(at)
    for one, positions in zip(heads, members, strict=True):
        lot = _lot(one) if len(positions) >= LEAST else None
        if lot is not None:
            yield lot, positions


def _begins(raw: Raw, heads: Raw) -> bool:
    return len(raw) == len(heads) and all(map(bytes.startswith, raw, heads))


@lru_cache(500)
def _lot(heads: Raw) -> Lot | None:
    """None where something about the names is unusual."""
    if not all(map(_is_head, heads)):
        return None
    try:
        shape = shape_of(tuple(one[2:-1].decode() for one in heads))
    except UnicodeDecodeError:
        return None
    sources = dict(shape.fields)
    lone = all(one.lone is not None and one.field in _ROLES for one in shape.families)
    if not shape.plain or not lone or not sources.keys() - _ROLES.keys() <= _FIELDS:
        return None
    table, events = mapping().table, mapping().events
    slots = {field: table[shape.names[at]] for field, at in sources.items()}
    telling = {*events["carriers"], *events["messages"], events["choice"], events["evaluation"]}
    if "ttft_seconds" not in sources:
        telling |= set(events["first_token"])
    return Lot(
        heads,
        shape,
        {field: (sources[field], slot.reader) for field, slot in slots.items() if slot is not None},
        frozenset(name.encode() for name in telling),
    )


def _is_head(head: bytes) -> bool:
    return 2 < len(head) == head[1] + 3 <= 130 and head[0] == attributes.KEY and head[-1] == attributes.VALUE


def _is_usual(span: wire.Span, lot: Lot) -> bool:
    if span.status.code == FAILED or not span.start_time_unix_nano:
        return False
    return not span.events or lot.telling.isdisjoint([one.name for one in span.events])


class _Rows:
    """The usual spans of a lot."""

    def __init__(self, lot: Lot, given: Sequence[wire.Span], raws: Sequence[Raw], origin: Origin) -> None:
        self.lot, self.given, self.origin = lot, given, origin
        self.columns = list(zip(*raws, strict=True))
        # those of which something can't be told this way
        self.odd: set[int] = set()

    def calls(self) -> Iterator[tuple[int, Generation]]:
        """Those of them that are calls, with their positions."""
        try:
            made = self._made()
        except (attributes.OddError, DecodeError):
            return
        yield from ((at, one) for at, one in enumerate(made) if at not in self.odd)

    def _made(self) -> list[Generation]:
        self._leave_other_kinds()
        told = {field: self._read(*source) for field, source in self.lot.sources.items()}
        for column in told.values():
            # another attribute may say it
            if None in column:
                self._leave(one is None for one in column)
        models = list(
            map(calls.model_of, told.get("asked", repeat(None)), told.get("model", [None] * len(self.given)))
        )
        columns: dict[str, Iterable[Any]] = {
            "operation": repeat("chat"),
            **{name: repeat(value, len(models)) for name, value in self.origin.fields.items()},
            **{name: column for name, column in told.items() if name in _PARTS},
            **self._of_spans(),
            **{field: self._content(told.get(field), field, role) for field, role in _ROLES.items()},
            "model": models,
            "attributes": self._attributes(models),
        }
        named, given = mapping().providers, columns.get("provider", repeat("", len(models)))
        columns["provider"] = [named.get(one, one) for one in given]
        if "streamed" in told and "ttft_seconds" in told:
            waits = zip(told["streamed"], told["ttft_seconds"], strict=True)
            columns["ttft_seconds"] = [None if streamed is False else first for streamed, first in waits]
        made = list(
            map(Generation, *(columns.get(name, repeat(default)) for name, default in _PARTS.items()))
        )
        if not calls.USAGE.isdisjoint(told):
            for at, one in enumerate(made):
                calls.take_usage(one, {field: told[field][at] for field in told}, self.lot.shape.convention)
        elif "input_tokens" in told and 0 in told["input_tokens"]:
            for one in made:
                calls.forget_nothing(one)
        return made

    def _leave(self, odd: Iterable[bool]) -> None:
        self.odd.update(at for at, one in enumerate(odd) if one)

    def _leave_other_kinds(self) -> None:
        if not self.lot.shape.kinds:
            self._leave(not self.lot.shape.names_model for _ in self.given)
            return
        at, kinds = self.lot.shape.kinds[0]
        self._leave(not isinstance(one, str) or kinds.get(one) != "call" for one in self._read(at))

    def _read(self, at: int, reader: Callable[[Any], Any] | None = None) -> Column:
        """What the attributes at that place say; the same ones are looked at once."""
        raws, head = self.columns[at], self.lot.heads[at]
        distinct = set(raws) if len(raws[0]) <= _SHORT else raws
        if 2 * len(distinct) <= len(raws):
            known = {one: _said(one, head, reader) for one in distinct}
            # a list may be changed by who gets it
            if not any(isinstance(one, list | dict) for one in known.values()):
                return [known[one] for one in raws]
        return [_said(one, head, reader) for one in raws]

    def _content(self, told: Column | None, field: str, role: str) -> Column:
        if told is not None:
            return [messages.read(one, role) for one in told]
        for family in self.lot.shape.families:
            if family.field == field and family.lone is not None:
                said_at, role_at = family.lone
                said = self._read(said_at)
                roles = self._read(role_at) if role_at >= 0 else [role] * len(said)
                self._leave(
                    not isinstance(one, str) or who != role for one, who in zip(said, roles, strict=True)
                )
                return said
        return [""] * len(self.given)

    def _of_spans(self) -> dict[str, Column]:
        traces, spans = (
            [one.trace_id.hex() for one in self.given],
            [one.span_id.hex() for one in self.given],
        )
        times = [(one.start_time_unix_nano, one.end_time_unix_nano) for one in self.given]
        return {
            "trace_id": traces,
            "span_id": spans,
            "id": list(map(ids.span_id, traces, spans)),
            "started_ms": [start // 1_000_000 for start, _ in times],
            "duration_seconds": [(end - start) / 1e9 if end >= start else None for start, end in times],
        }

    def _attributes(self, models: Sequence[str]) -> list[dict[str, Any]]:
        shape, sender = self.lot.shape, self.origin.sender
        names = [name for name, _ in shape.rest]
        rest = zip(*(self._read(at) for _, at in shape.rest), strict=True) if names else repeat(())
        responses = [self._read(shape.places[name]) for name in calls.RESPONSES if name in shape.places]
        answered = zip(*responses, strict=True) if responses else repeat(())
        return [
            calls.kept(sender, one, model, zip(names, row, strict=True))
            for one, model, row in zip(answered, models, rest, strict=False)
        ]


def _said(raw: bytes, head: bytes, reader: Callable[[Any], Any] | None) -> Any:
    """What an attribute with this head says; raises OddError for one that holds more than a name and a value."""
    try:
        value = attributes.value(raw, len(head) - 1)
    except (attributes.OddError, IndexError, UnicodeDecodeError):
        name, value = attributes.whole(raw)
        if name.encode() != head[2:-1]:
            raise attributes.OddError from None
    return value if reader is None else reader(value)
