"""What a signal watches, call by call, beside the slices of each call: of its reference and since it began."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import numpy as np

from monitor.core import clock
from monitor.core.stats import Floats
from monitor.drift import features, values
from monitor.drift.bodies import HOUR_MS, REFUSALS
from monitor.drift.engine import alike
from monitor.drift.engine.slices import Calls, Question
from monitor.drift.engine.vectors import Clusters, project
from monitor.drift.features import Feature
from monitor.drift.shelf import Shelf
from monitor.drift.signals import CATEGORY, NUMBER, SignalKind
from monitor.drift.stages import Reference
from monitor.drift.subjects import Span, Subject
from monitor.store.calls import among, embeddings

# so many hours of either side are read, and of all together about so many calls
HOURS, CALLS, BESIDE = 72, 24_000, 7_200
SLICES = ("tenant", "topic", "language", "route", "template", "environment")
# these are made by the model: of no use to say whose prompts changed
MADE = ("finish_reason", "grounding")
COLUMNS = {
    "prompt_length": "input_tokens", "output_length": "output_tokens", "latency": "duration_seconds",
    "ttft": "ttft_seconds", "logprob": "mean_logprob",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Side:
    """Hours since 1970 of one version."""

    version: str
    hours: Sequence[int]

    def each(self, most: int) -> int:
        """How many of so many calls come from each hour."""
        return most // max(1, len(self.chosen()))

    def chosen(self) -> list[int]:
        """A few of them, evenly spread."""
        return list(self.hours[:: max(1, -(-len(self.hours) // HOURS))])


@dataclass(frozen=True, slots=True)
class Seen:
    """Both sides; ``typical``: calls of now, those first that show best what is new by their vectors.

    ``per_call``: how the values are to be read: as logarithms, as events, or as they are.
    """

    before: Calls
    now: Calls
    asked: Question
    per_call: str = ""
    typical: Sequence[UUID] = field(default_factory=tuple)


# of a cluster's radius: what chance alone draws along a shift that was estimated from the same calls stays below
LEAST_SHIFT = 0.1
Column = tuple[Sequence[UUID], Floats]


def look(
    shelf: Shelf, kind: SignalKind, before: Side, now: Side, reference: Reference, top: str
) -> Seen | None:
    """``top``: the value (topic, tenant, judge) that moved, empty where there is one stream. None without vectors."""
    if kind.part == "vectors":
        return _of_vectors(shelf, kind, before, now, reference)
    ratio = kind.scale == "ratio"
    asked = Question(kind.floor, ratio, 1 if ratio else {"": 0, "up": 1, "down": -1}[kind.worse])
    sides = [_calls(shelf, kind, side, top) for side in (before, now)]
    if kind.way == "beyond" and sides[0].values.size:
        limit = float(np.nanquantile(sides[0].values, kind.q))
        sides = [Calls(_event(one.values > limit, one.values), one.slices) for one in sides]
    if kind.scale == "deviations" and np.isfinite(sides[0].values).any():
        spread = float(np.nanstd(sides[0].values)) or 1.0
        asked = Question(kind.floor * spread, side=asked.side)
    return Seen(sides[0], sides[1], asked, _reading(kind))


def _reading(kind: SignalKind) -> str:
    if kind.scale in {"points", "ratio"}:
        return "share"
    return "log" if kind.scale == "percent" else ""


def _calls(shelf: Shelf, kind: SignalKind, side: Side, top: str) -> Calls:
    """The watched quantity of the calls of a few hours, with their slices."""
    names = [one for one in (*SLICES, *(() if kind.input else MADE)) if one != kind.source]
    feature = _beside(kind)
    if feature is None:
        found = _joined([_of_columns(shelf, kind, side, hour, top, names) for hour in side.chosen()], names)
        # of the value that moved only the slices within it are asked
        return found.where(found.slices[kind.by] == top).without(kind.by) if kind.by and top else found
    return _sliced(
        shelf.project_id, [_of_sample(shelf, feature, side, hour, top) for hour in side.chosen()], names
    )


def _of_sample(shelf: Shelf, feature: Feature, side: Side, hour: int, top: str) -> Column:
    read = values.read(_subject(shelf, side.version), feature, _span(hour), maker=top)
    amounts = read.numbers
    if amounts is None:
        amounts = np.array([_is(word, top) for word in read.words or ()], dtype=np.float64)
    most = side.each(BESIDE)
    return read.calls[:most], amounts[:most]


def _beside(kind: SignalKind) -> Feature | None:
    """The feature of a signal that no column of the calls holds."""
    if kind.name.startswith((NUMBER, CATEGORY)):
        return features.of(kind.name)
    return {
        "retrieval": features.FEATURES["retrieval_score"], "judge": features.FEATURES["judge_score"]
    }.get(kind.source)  # fmt: skip


def _of_columns(
    shelf: Shelf, kind: SignalKind, side: Side, hour: int, top: str, names: Sequence[str]
) -> Calls:
    column = COLUMNS.get(kind.source)
    source = {"errors": "error", "refusals": "finish_reason"}.get(kind.source, kind.source)
    needed = [column] if column else [source]
    if kind.source == "tokens_per_second":
        needed = ["output_tokens", "duration_seconds", "ttft_seconds"]
    read = values.columns(
        _subject(shelf, side.version), _span(hour), list({*needed, *names}), limit=side.each(CALLS), slices=4
    )
    return Calls(_quantity(kind, read, source, top), {name: _texts(read[name]) for name in names})


def _quantity(kind: SignalKind, read: Mapping[str, Any], source: str, top: str) -> Floats:
    if kind.source == "tokens_per_second":
        rest = read["duration_seconds"] - np.nan_to_num(read["ttft_seconds"])
        with np.errstate(invalid="ignore", divide="ignore"):
            speed = read["output_tokens"] / rest
            return np.where((rest > 0) & (speed > 0), np.log(speed), np.nan)
    if kind.source in COLUMNS:
        numbers: Floats = read[COLUMNS[kind.source]]
        least = 0.5 if kind.source in {"prompt_length", "output_length"} else 1e-4
        return np.log(np.maximum(numbers, least)) if kind.scale == "percent" else numbers
    if kind.source == "errors":
        return np.array([float(one is not None) for one in read[source]])
    if kind.source == "refusals":
        return np.array([float(one in REFUSALS) for one in read[source]])
    return np.array([_is(one or "", top) for one in read[source]], dtype=np.float64)


def _is(word: str, top: str) -> float:
    """Whether a call is of the value that moved; NaN where it names none."""
    return float(word == top) if word else float("nan")


def _event(happened: np.ndarray, of: Floats) -> Floats:
    return np.where(np.isfinite(of), happened.astype(np.float64), np.nan)


def _of_vectors(shelf: Shelf, kind: SignalKind, before: Side, now: Side, reference: Reference) -> Seen | None:
    by = shelf.clusters(reference, kind.source)
    if by is None:
        return None
    old, new = (_vectors(shelf, kind, side, by.embedder) for side in (before, now))
    if not old[0] or not new[0]:
        return None
    found = _typical(kind, old[1], new[1], by.clusters)
    names = [*SLICES, *(() if kind.input else MADE)]
    sides = [
        _sliced(shelf.project_id, [(calls, amounts)], names)
        for calls, amounts in ((old[0], found[0]), (new[0], found[1]))
    ]
    order = np.argsort(-found[2], kind="stable")
    typical = [new[0][place] for place in order.tolist() if np.isfinite(found[2][place])]
    asked = Question(LEAST_SHIFT if kind.way == "wording" else kind.floor)
    return Seen(sides[0], sides[1], asked, _reading(kind), typical)


def _typical(kind: SignalKind, old: Floats, new: Floats, by: Clusters) -> tuple[Floats, Floats, Floats]:
    """What is watched of each vector of before and of now, and how typical each of now is of what is new."""
    if kind.way == "wording":
        was, is_ = alike.along_shift(old, new, by)
        return was, is_, is_
    if kind.way == "mix":
        group = alike.grown_group(old, new, by)
        inside, near = alike.in_group(new, by, group)
        return alike.in_group(old, by, group)[0], inside, near
    unlike, company = alike.far(new, by)
    return alike.far(old, by)[0], unlike, company


def _vectors(shelf: Shelf, kind: SignalKind, side: Side, embedder: str) -> tuple[list[UUID], Floats]:
    calls: list[UUID] = []
    found = []
    for hour in side.chosen():
        span = _span(hour)
        read = embeddings.sampled(
            shelf.project_id, shelf.model, side.version, kind=kind.source, embedder=embedder,
            span=(span.start, span.end), limit=side.each(BESIDE),
        )  # fmt: skip
        if read.calls:
            calls += read.calls
            found.append(project(read.vectors))
    return calls, np.concatenate(found) if found else np.empty((0, 1))


def _sliced(project_id: int, found: Sequence[Column], names: Sequence[str]) -> Calls:
    """Calls that are known by their ids, with their slices."""
    calls = [one for ids, _ in found for one in ids]
    known = among.slices(project_id, calls, names)
    none = ("",) * len(names)
    rows = [known.get(one, none) for one in calls]
    amounts = [amounts for _, amounts in found if amounts.size]
    return Calls(
        np.concatenate(amounts) if amounts else np.empty(0),
        {name: np.array([row[place] for row in rows], dtype=object) for place, name in enumerate(names)},
    )


def _joined(parts: Sequence[Calls], names: Sequence[str]) -> Calls:
    return Calls(
        np.concatenate([one.values for one in parts]) if parts else np.empty(0),
        {
            name: np.concatenate([one.slices[name] for one in parts]) if parts else np.empty(0)
            for name in names
        },
    )


def _texts(column: np.ndarray) -> np.ndarray:
    return np.array([one or "" for one in column], dtype=object)


def _subject(shelf: Shelf, version: str) -> Subject:
    return Subject(shelf.project_id, shelf.model, version)


def _span(hour: int) -> Span:
    return Span(clock.from_ms(hour * HOUR_MS), clock.from_ms((hour + 1) * HOUR_MS))
