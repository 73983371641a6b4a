"""Figures of GPUs that other sources name otherwise, under our names and in our units (``alike.toml``); pure.

They are stored beside what was sent, so that every page, rule and dashboard reads one name; what was sent stays as
it is.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np

from monitor.core.labels import NAME, Labels
from monitor.core.samples import Columns, Times, Values, is_stale

FILE = Path(__file__).with_name("alike.toml")
NAME_OF = attrgetter("name")
Run = tuple[Labels, Times, Values]
TOTAL = "gpu_memory_total_bytes"
# the first two make a whole, with the third where it is told
PARTS = ("gpu_memory_used_bytes", "gpu_memory_free_bytes", "gpu_memory_reserved_bytes")


@dataclass(frozen=True, slots=True)
class Line:
    """Our name, what to multiply with, labels to add."""

    name: str
    factor: float
    more: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """One program's names; see the head of the file."""

    title: str
    labels: Mapping[str, str]
    when: str
    marker: str
    blank: frozenset[float]
    series: Mapping[str, Line]
    parts: Mapping[str, Line]
    by: Mapping[str, tuple[str, Mapping[str, Line]]]

    def line(self, labels: Labels) -> Line | None:
        """What this series is called here, if it is known."""
        if self.when and self.when not in labels:
            return None
        if self.marker and labels.get(self.marker):
            return self.parts.get(labels.name)
        if labels.name in self.by:
            label, lines = self.by[labels.name]
            return lines.get(labels.get(label, ""))
        return self.series.get(labels.name)


@dataclass(frozen=True, slots=True)
class Ours:
    """A series under our name; ``blank`` are values that mean "not supported"."""

    labels: Labels
    factor: float
    blank: frozenset[float]


def ours(columns: Columns) -> Columns | None:
    """The same figures under our names; None when there are none, which is nearly always."""
    names = known()
    if names.keys().isdisjoint(map(NAME_OF, columns.labels)):
        return None
    rows = [row for row, labels in enumerate(columns.labels) if labels.name in names]
    found = [(row, one) for row in rows for one in [_translated(columns.labels[row])] if one is not None]
    if not found:
        return None
    starts = np.concatenate(([0], np.cumsum(columns.counts)))
    made: list[Run] = []
    for row, one in found:
        span = slice(int(starts[row]), int(starts[row + 1]))
        own, ended = columns.values[span], is_stale(columns.values[span])
        # a product would lose the bits that mark an end
        scaled = np.multiply(own, one.factor, out=own.copy(), where=~ended)
        kept = ~np.isin(own, list(one.blank)) if one.blank else np.ones(len(own), dtype=bool)
        made.append((one.labels, columns.times[span][kept], scaled[kept]))
    made += _totals(made)
    return Columns(
        [labels for labels, _, _ in made],
        np.array([len(times) for _, times, _ in made], dtype=np.int64),
        np.concatenate([times for _, times, _ in made]),
        np.concatenate([values for _, _, values in made]),
    )


def _totals(made: list[Run]) -> list[Run]:
    """The whole memory of a card whose source tells only the parts, as DCGM-exporter usually does."""
    by_card: dict[Labels, dict[str, tuple[Times, Values]]] = {}
    for labels, times, values in made:
        if labels.name in {TOTAL, *PARTS}:
            by_card.setdefault(labels.nameless, {})[labels.name] = (times, values)
    found: list[Run] = []
    for card, told in by_card.items():
        parts = [told[name] for name in PARTS if name in told]
        if TOTAL in told or not {*PARTS[:2]} <= set(told):
            continue
        first = parts[0][0]
        if all(np.array_equal(first, times) for times, _ in parts):
            ended = is_stale(parts[0][1])
            whole = parts[0][1].copy()
            for _, values in parts[1:]:
                np.add(whole, values, out=whole, where=~ended)
            found.append((card.having({NAME: TOTAL}), first, whole))
    return found


@lru_cache(50_000)
def _translated(labels: Labels) -> Ours | None:
    for source in known()[labels.name]:
        line = source.line(labels)
        if line is not None:
            pairs = {mine: labels[theirs] for theirs, mine in source.labels.items() if labels.get(theirs)}
            # most exporters run on the host they tell of
            pairs.setdefault("host", _host(labels.get("instance", "")))
            return Ours(Labels({**pairs, **line.more, NAME: line.name}), line.factor, source.blank)
    return None


def _host(instance: str) -> str:
    """``gpu-1`` of ``gpu-1:9400`` and ``[::1]`` of ``[::1]:9400``."""
    name, _, port = instance.rpartition(":")
    return name if name and port.isdecimal() and not (":" in name and not name.endswith("]")) else instance


@lru_cache(1)
def sources() -> tuple[Source, ...]:
    raw = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(_source(one) for one in raw["source"])


@lru_cache(1)
def known() -> dict[str, list[Source]]:
    found: dict[str, list[Source]] = {}
    for source in sources():
        for name in {*source.series, *source.parts, *source.by}:
            found.setdefault(name, []).append(source)
    return found


def _source(raw: Mapping[str, Any]) -> Source:
    by = {
        name: (label, _lines(lines))
        for name, labels in raw.get("by", {}).items()
        for label, lines in labels.items()
    }
    return Source(
        raw["title"], raw["labels"], raw.get("when", ""), raw.get("marker", ""),
        frozenset(float(one) for one in raw.get("blank", [])),
        _lines(raw.get("series", {})), _lines(raw.get("parts", {})), by,
    )  # fmt: skip


def _lines(raw: Mapping[str, list[Any]]) -> dict[str, Line]:
    return {name: Line(one[0], float(one[1]), one[2] if len(one) > 2 else {}) for name, one in raw.items()}
