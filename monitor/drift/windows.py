"""Reference and current windows as sketches: what of the stored calls a detector gets to see."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np

from monitor.core import clock
from monitor.core.histograms import bucket_index
from monitor.core.sketches import SCHEMA, LogSketch, Sketch, VectorMean, VectorSample
from monitor.drift.bodies import HOUR_MS, Body, sketch_of
from monitor.drift.engine.vectors import project
from monitor.drift.features import Feature
from monitor.drift.shelf import Shelf
from monitor.store.calls import embeddings, generations, lately

BLOCK = dt.timedelta(hours=1)
# more calls of an hour than this change no quantile that anyone could see; they are taken from all over it
LARGEST_WINDOW = 20_000
SLICES = 20
# of a heavy hour only a part gets vectors; so many are enough for a mean
ENOUGH_VECTORS = 60
# a version with fewer calls is left alone
ENOUGH_CALLS = 200
VersionRow = lately.Version
# vectors themselves, where a detector asks for them: of a window, of a whole reference, of each of its hours at least
SAMPLED, REFERENCE_SAMPLED, LEAST_SAMPLED = 400, 6_000, 20


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose calls: one version of one model in one project."""

    project_id: int
    model: str
    version: str


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open stretch of event time."""

    start: dt.datetime
    end: dt.datetime

    @property
    def hours(self) -> float:
        return (self.end - self.start).total_seconds() / 3600.0

    def to_json(self) -> dict[str, str]:
        return {"start": self.start.isoformat(), "end": self.end.isoformat()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Span":
        return cls(dt.datetime.fromisoformat(data["start"]), dt.datetime.fromisoformat(data["end"]))


@dataclass(frozen=True, slots=True)
class Reference:
    """A pinned reference: block by block, with the version and (for vectors) the embedder it came from."""

    version: str
    span: Span
    embedder: str
    blocks: tuple[Sketch, ...]

    @property
    def n(self) -> int:
        return sum(block.n for block in self.blocks)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": self.version,
            "span": self.span.to_json(),
            "embedder": self.embedder,
            "blocks": [block.to_json() for block in self.blocks],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Reference":
        blocks = tuple(_sketch(block) for block in data["blocks"])
        return cls(data["version"], Span.from_json(data["span"]), data["embedder"], blocks)


def current(
    subject: Subject, feature: Feature, span: Span, embedder: str = "", *, sampled: int = 0
) -> Sketch:
    """The calls of a span; of vectors only those of ``embedder`` (empty: of the commonest one).

    ``sampled``: so many vectors themselves at most; 0: their mean.
    """
    if feature.kind == "numbers":
        return _numbers(subject, feature, span)
    return (
        _sample(subject, feature, span, embedder, sampled)
        if sampled
        else _mean(subject, feature, span, embedder)
    )


def reference(subject: Subject, feature: Feature, span: Span, *, samples: bool = False) -> Reference:
    """The span, hour by hour; hours without calls make no block. ``samples``: with vectors rather than means."""
    spans = blocks_of(span)
    embedder = ""
    if feature.kind == "vectors":
        groups = embeddings.means(
            subject.project_id,
            subject.model,
            subject.version,
            kind=feature.source,
            span=(span.start, span.end),
        )
        embedder = groups[0].embedder if groups else ""
    sampled = max(LEAST_SAMPLED, min(SAMPLED, REFERENCE_SAMPLED // max(1, len(spans)))) if samples else 0
    found = [current(subject, feature, one, embedder, sampled=sampled) for one in spans]
    return Reference(subject.version, span, embedder, tuple(block for block in found if block.n))


def blocks_of(span: Span) -> list[Span]:
    """The span cut into hours; the last may be shorter."""
    cuts = []
    start = span.start
    while start < span.end:
        cuts.append(Span(start, min(start + BLOCK, span.end)))
        start += BLOCK
    return cuts


def examples(
    subject: Subject,
    feature: Feature,
    span: Span,
    before: Sketch,
    after: Sketch,
    *,
    embedder: str,
    limit: int = 10,
) -> list[UUID]:
    """Calls of the current window that show what is new: of lengths, or in a direction, that came up."""
    if isinstance(before, LogSketch) and isinstance(after, LogSketch):
        return _of_new_lengths(subject, feature, span, (before, after), limit)
    if isinstance(before, VectorMean) and isinstance(after, VectorMean) and after.n:
        return embeddings.along(
            subject.project_id, subject.model, subject.version, (after.mean - before.mean).tolist(),
            kind=feature.source, embedder=embedder, span=(span.start, span.end), limit=limit,
        )  # fmt: skip
    return []


def _numbers(subject: Subject, feature: Feature, span: Span) -> LogSketch:
    """Of a long window the whole hours come from their sums, and only its ends are read call by call."""
    first, end = -(-clock.to_ms(span.start) // HOUR_MS), clock.to_ms(span.end) // HOUR_MS
    if end <= first or span.hours <= 1.0:
        return _read(subject, feature, span)
    ends = Span(span.start, clock.from_ms(first * HOUR_MS)), Span(clock.from_ms(end * HOUR_MS), span.end)
    read = [_read(subject, feature, one) for one in ends if one.start < one.end]
    hours = Shelf(subject.project_id, subject.model, span.end).window(
        subject.version, first, end, part="calls"
    )
    return LogSketch.merge([*read, *(_of_hour(body, feature) for body in hours.bodies)])


def _read(subject: Subject, feature: Feature, span: Span) -> LogSketch:
    return LogSketch.of(_columns(subject, span, [feature.source])[feature.source], feature.least)


def _of_hour(body: Body, feature: Feature) -> LogSketch:
    if feature.name in body.lengths:
        return sketch_of(body.lengths[feature.name])
    found = [sketch_of(tick) for tick in body.spread.get(feature.name, [])]
    # its buckets are half as wide as those of a sketch
    least = int(bucket_index(np.array([feature.least]), SCHEMA)[0])
    halved = [LogSketch(np.maximum(-(-one.index // 2), least), one.counts) for one in found if one.n]
    return LogSketch.merge(halved)


def _columns(subject: Subject, span: Span, names: Sequence[str]) -> dict[str, Any]:
    return generations.columns(
        subject.project_id,
        span.start,
        # the store's spans are closed, ours are not
        span.end - dt.timedelta(milliseconds=1),
        names,
        model=subject.model,
        version=subject.version,
        limit=LARGEST_WINDOW,
        slices=SLICES,
    )


def _mean(subject: Subject, feature: Feature, span: Span, embedder: str) -> VectorMean:
    groups = embeddings.means(
        subject.project_id, subject.model, subject.version, kind=feature.source, span=(span.start, span.end)
    )
    for group in groups:
        if not embedder or group.embedder == embedder:
            return VectorMean(group.n, np.array(group.mean))
    return VectorMean(0, np.empty(0))


def _sample(subject: Subject, feature: Feature, span: Span, embedder: str, most: int) -> VectorSample:
    """Vectors from all over the span, at length one and in few dimensions."""
    whose = subject.project_id, subject.model, subject.version
    where = span.start, span.end
    name = embedder or embeddings.commonest_embedder(*whose, kind=feature.source, span=where)
    read = embeddings.sampled(*whose, kind=feature.source, embedder=name, span=where, limit=most).vectors
    if not read.size:
        return VectorSample(0, np.empty((0, 1)))
    lengths = np.maximum(np.linalg.norm(read, axis=1, keepdims=True), 1e-12)
    return VectorSample(len(read), project(read / lengths))


def _sketch(stored: Mapping[str, Any]) -> Sketch:
    if "sample" in stored:
        return VectorSample.from_json(stored)
    return VectorMean.from_json(stored) if "mean" in stored else LogSketch.from_json(stored)


def _of_new_lengths(
    subject: Subject, feature: Feature, span: Span, sketches: tuple[LogSketch, LogSketch], limit: int
) -> list[UUID]:
    """Calls from the stretch of lengths (half a doubling wide) whose share has grown most."""
    coarse = 8
    grid = np.union1d(*(sketch.index // coarse for sketch in sketches))
    shares = [
        np.bincount(np.searchsorted(grid, sketch.index // coarse), sketch.counts, grid.size)
        / max(1, sketch.n)
        for sketch in sketches
    ]
    place = int(grid[int(np.argmax(shares[1] - shares[0]))])
    low, high = (2.0 ** ((place + step) * coarse / 16.0) for step in (0, 1))
    found = _columns(subject, span, ["id", feature.source])
    chosen = (found[feature.source] > low / 1.05) & (found[feature.source] <= high)
    ids: list[UUID] = found["id"][chosen][::-1][:limit].tolist()
    return ids


def vectors_pending(subject: Subject, feature: Feature, span: Span) -> bool:
    """Whether the span has too few vectors and calls that are still waiting for one."""
    if _mean(subject, feature, span, "").n >= ENOUGH_VECTORS:
        return False
    return bool(
        embeddings.missing(
            subject.project_id, (span.start, span.end), feature.source, model=subject.model,
            version=subject.version, limit=1,
        )
    )  # fmt: skip


def traffic(project_id: int, span: Span) -> list[lately.Version]:
    """Which versions had calls in the span, and when first and last; counted no further than to enough."""
    return lately.versions(project_id, span.start, span.end, most=ENOUGH_CALLS)


def newest(rows: Sequence[VersionRow]) -> dt.datetime | None:
    return max((row.last for row in rows), default=None)


def aligned(moment: dt.datetime, step: dt.timedelta) -> dt.datetime:
    """The last multiple of ``step`` (since 1970) at or before the moment."""
    width = int(step.total_seconds() * 1000)
    return clock.from_ms(clock.to_ms(moment) // width * width)
