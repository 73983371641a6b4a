"""Figures of GPUs that other sources name otherwise, under our names and in our units (``alike.toml``); pure.

They are stored beside what was sent, so that every page, rule and dashboard reads one name; what was sent stays as
it is.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from monitor.core.labels import NAME, Labels
from monitor.core.samples import Columns, Times, Values, is_stale

FILE = Path(__file__).with_name("alike.toml")
NAME_OF = attrgetter("name")
T = TypeVar("T")
Run = tuple[Labels, Times, Values]
Span = tuple[float, float]
# of a whole: the first two parts make it, with the third where it is told
WHOLES = {
    f"{of}_total_bytes": (f"{of}_used_bytes", f"{of}_free_bytes", f"{of}_reserved_bytes")
    for of in ("gpu_memory", "gpu_mig_memory")
}
SUMMED = frozenset({*WHOLES, *(part for parts in WHOLES.values() for part in parts)})
_WORD = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Line:
    """Our name, what to multiply with, labels to add."""

    name: str
    factor: float
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flags:
    """A flag whose label lists what holds: it becomes one series for each thing that may hold."""

    name: str
    label: str
    becomes: str
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """One program's names; see the head of the file."""

    title: str
    key: str
    labels: Mapping[str, str]
    part_labels: Mapping[str, str]
    when: str
    marker: str
    scraped: bool
    dotted: bool
    suffixes: tuple[str, ...]
    blank: tuple[Span, ...]
    whole: frozenset[str]
    needs: Mapping[str, Mapping[str, str]]
    series: Mapping[str, Line]
    parts: Mapping[str, Line]
    by: Mapping[str, tuple[tuple[str, Mapping[str, Line]], ...]]
    flags: Mapping[str, Flags]

    def names(self) -> set[str]:
        """Every name it knows."""
        return {*self.series, *self.parts, *self.by, *self.flags}

    def is_part(self, labels: Labels) -> bool:
        """It tells of an instance, not of the card."""
        return bool(self.marker and labels.get(self.marker)) and labels.name not in self.whole

    def knows(self, labels: Labels) -> bool:
        """It is this program's, and about a card."""
        needed = self.needs.get(labels.name, {})
        return not (self.when and self.when not in labels) and all(
            labels.get(label) == value for label, value in needed.items()
        )

    def line(self, labels: Labels) -> Line | None:
        """What this series is called here, if it is known."""
        if self.is_part(labels):
            return self.parts.get(labels.name)
        if labels.name not in self.by:
            return self.series.get(labels.name)
        choices = self.by[labels.name]
        for label, lines in choices:
            if labels.get(label):
                return lines.get(labels[label])
        return choices[0][1].get("")


@dataclass(frozen=True, slots=True)
class Ours:
    """A series under our name; values in a span of ``blank`` mean "not supported"."""

    labels: Labels
    factor: float
    blank: tuple[Span, ...]


def ours(columns: Columns, hosts: Mapping[Labels, str] | None = None) -> Columns | None:
    """The same figures under our names; None when there are none, which is nearly always.

    ``hosts`` tells where series are from whose own labels don't.
    """
    names, told = known(), hosts or {}
    if names.keys().isdisjoint(map(NAME_OF, columns.labels)):
        return None
    rows = [row for row, labels in enumerate(columns.labels) if labels.name in names]
    found = [
        (row, one)
        for row in rows
        for one in _translated(columns.labels[row], told.get(columns.labels[row], ""))
    ]
    if not found:
        return None
    starts = np.concatenate(([0], np.cumsum(columns.counts)))
    made: dict[Labels, Run] = {}
    for row, one in found:
        span = slice(int(starts[row]), int(starts[row + 1]))
        own, ended = columns.values[span], is_stale(columns.values[span])
        # a product would lose the bits that mark an end
        scaled = np.multiply(own, one.factor, out=own.copy(), where=~ended)
        # what a program could not read it may tell as "not a number"
        kept = ended | ~np.isnan(own)
        for low, high in one.blank:
            kept &= ~((own >= low) & (own <= high))
        run = (one.labels, columns.times[span][kept], scaled[kept])
        made[one.labels] = _merged(made[one.labels], run) if one.labels in made else run
    runs = [*made.values(), *_totals(made.values())]
    return Columns(
        [labels for labels, _, _ in runs],
        np.array([len(times) for _, times, _ in runs], dtype=np.int64),
        np.concatenate([times for _, times, _ in runs]),
        np.concatenate([values for _, _, values in runs]),
    )


def _merged(one: Run, other: Run) -> Run:
    """What several rows tell of one card, once a moment; the end of one row is not the end of the others."""
    times, values = np.concatenate((one[1], other[1])), np.concatenate((one[2], other[2]))
    order = np.lexsort((is_stale(values), times))
    kept, first = np.unique(times[order], return_index=True)
    return one[0], kept, values[order][first]


def _totals(made: Iterable[Run]) -> list[Run]:
    """The whole memory of a card or instance whose source tells only the parts, as DCGM-exporter usually does."""
    by_card: dict[Labels, dict[str, tuple[Times, Values]]] = {}
    for labels, times, values in made:
        if labels.name in SUMMED:
            by_card.setdefault(labels.nameless, {})[labels.name] = (times, values)
    found: list[Run] = []
    for card, told in by_card.items():
        for whole, names in WHOLES.items():
            if whole not in told and {*names[:2]} <= set(told):
                found += _total(card.having({NAME: whole}), [told[name] for name in names if name in told])
    return found


def _total(labels: Labels, parts: list[tuple[Times, Values]]) -> Iterator[Run]:
    first = parts[0][0]
    if all(np.array_equal(first, times) for times, _ in parts):
        ended = is_stale(parts[0][1])
        whole = parts[0][1].copy()
        for _, values in parts[1:]:
            np.add(whole, values, out=whole, where=~ended)
        yield labels, first, whole


@lru_cache(50_000)
def _translated(labels: Labels, host: str) -> tuple[Ours, ...]:
    for source in known()[labels.name]:
        plain = Labels({_plain(key): value for key, value in labels.items()}).having(
            {NAME: _plain(labels.name)}
        )
        if not source.knows(plain):
            continue
        if plain.name in source.flags:
            return tuple(_flagged(source, plain, _place(source, plain, host)))
        line = source.line(plain)
        if line is not None:
            pairs = {**_place(source, plain, host), **line.more, NAME: line.name}
            return (Ours(Labels(pairs), line.factor, source.blank),)
    return ()


def _plain(name: str) -> str:
    """The name without the dots that newer senders keep."""
    return name.replace(".", "_")


def _flagged(source: Source, labels: Labels, place: Mapping[str, str]) -> Iterator[Ours]:
    """1 for what the label lists, 0 for all else; nothing where it holds for no reason that is known."""
    flags = source.flags[labels.name]
    holding = {
        flags.values[word]
        for word in _WORD.findall(labels.get(flags.label, "").lower())
        if word in flags.values
    }
    blank = source.blank if holding else ((0.5, float("inf")),)
    for value in sorted(set(flags.values.values())):
        pairs = {**place, flags.becomes: value, NAME: flags.name}
        yield Ours(Labels(pairs), float(value in holding), blank)


def _place(source: Source, labels: Labels, host: str) -> dict[str, str]:
    """Of which card, and by whom it is told: two that tell of one card would spoil each other's counters."""
    given = {**source.labels, **(source.part_labels if source.is_part(labels) else {})}
    pairs = {mine: labels[theirs] for theirs, mine in given.items() if labels.get(theirs)}
    # most exporters run on the host they tell of
    pairs.setdefault("host", host or _host(labels.get("instance", ""), bare=source.scraped))
    return {**pairs, "source": source.key}


def _host(instance: str, *, bare: bool) -> str:
    """``gpu-1`` of ``gpu-1:9400`` and ``[::1]`` of ``[::1]:9400``; without a port it is a host only where ``bare``."""
    name, _, port = instance.rpartition(":")
    if name and port.isdecimal() and not (":" in name and not name.endswith("]")):
        return name
    return instance if bare else ""


@lru_cache(1)
def sources() -> tuple[Source, ...]:
    raw = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(_source(one) for one in raw["source"])


@lru_cache(1)
def known() -> dict[str, list[Source]]:
    """Who may use a name, in all its spellings."""
    found: dict[str, list[Source]] = {}
    for source in sources():
        spelled = {one for name in source.names() for one in (_dotted(source, name) if source.dotted else ())}
        for name in source.names() | spelled:
            found.setdefault(name, []).append(source)
    return found


def _source(raw: Mapping[str, Any]) -> Source:
    suffixes = tuple(raw.get("suffixes", []))
    by = {
        name: tuple((label, _lines(lines, ())) for label, lines in labels.items())
        for name, labels in raw.get("by", {}).items()
    }
    flags = {name: Flags(**one) for name, one in raw.get("flags", {}).items()}
    return Source(
        title=raw["title"],
        key=raw["key"],
        labels=raw["labels"],
        part_labels=raw.get("part_labels", {}),
        when=raw.get("when", ""),
        marker=raw.get("marker", ""),
        scraped=raw.get("scraped", True),
        dotted=raw.get("dotted", False),
        suffixes=suffixes,
        blank=tuple((float(low), float(high)) for low, high in raw.get("blank", [])),
        whole=frozenset(raw.get("whole", [])),
        needs=_spelled(raw.get("needs", {}), suffixes),
        series=_lines(raw.get("series", {}), suffixes),
        parts=_lines(raw.get("parts", {}), suffixes),
        by=_spelled(by, suffixes),
        flags=_spelled(flags, suffixes),
    )


def _lines(raw: Mapping[str, list[Any]], suffixes: tuple[str, ...]) -> dict[str, Line]:
    lines = {name: Line(one[0], float(one[1]), one[2] if len(one) > 2 else {}) for name, one in raw.items()}
    return _spelled(lines, suffixes)


def _spelled(given: Mapping[str, T], suffixes: tuple[str, ...]) -> dict[str, T]:
    """Under the names with all their suffixes, with some of them, and with none."""
    return {spelled: one for name, one in given.items() for spelled in _shorter(name, suffixes)}


def _shorter(name: str, suffixes: tuple[str, ...]) -> list[str]:
    found = [name]
    while end := next((one for one in suffixes if found[-1].endswith(one)), ""):
        found.append(found[-1].removesuffix(end))
    return found


def _dotted(source: Source, name: str) -> Iterator[str]:
    """``hw.gpu.power.draw`` and ``hw.gpu.power.draw_watts`` of ``hw_gpu_power_draw_watts``."""
    stem = _shorter(name, source.suffixes)[-1]
    yield stem.replace("_", ".") + name.removeprefix(stem)
