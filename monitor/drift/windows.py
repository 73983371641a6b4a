"""Reference and current windows as sketches: what of the stored calls a detector gets to see."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from monitor.core import clock
from monitor.core.histograms import bucket_index
from monitor.core.sketches import (
    SCHEMA,
    CategorySketch,
    LogSketch,
    Numbers,
    RealSketch,
    Sketch,
    VectorMean,
    VectorSample,
)
from monitor.drift import values
from monitor.drift.bodies import HOUR_MS, SHARES, Body, sketch_of
from monitor.drift.engine.vectors import project, unit
from monitor.drift.features import Feature
from monitor.drift.shelf import Shelf
from monitor.drift.subjects import Span, Subject
from monitor.store.calls import embeddings, lately

BLOCK = dt.timedelta(hours=1)
# of a heavy hour only a part gets vectors; so many are enough for a mean
ENOUGH_VECTORS = 60
# a version with fewer calls is left alone
ENOUGH_CALLS = 200
VersionRow = lately.Version
# vectors themselves, where a detector asks for them: of a window, of a whole reference, of each of its hours at least
SAMPLED, REFERENCE_SAMPLED, LEAST_SAMPLED = 400, 6_000, 20
# categories that an hour holds as counts of events: which, and what the calls are named by
RATES = {"refused": ("refusals", "refused", "answered"), "failed": ("errors", "failed", "fine")}


@dataclass(frozen=True, slots=True)
class Reference:
    """A pinned reference: block by block, with the version it came from.

    ``embedder``: who made its vectors, or the judge that gave its marks; empty for what the calls say themselves.
    """

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
    def from_json(cls, data: Mapping[str, Any], feature: Feature) -> "Reference":
        blocks = tuple(_sketch(block, feature) for block in data["blocks"])
        return cls(data["version"], Span.from_json(data["span"]), data["embedder"], blocks)


def current(
    subject: Subject, feature: Feature, span: Span, embedder: str = "", *, sampled: int = 0
) -> Sketch:
    """The calls of a span; of vectors and marks only those of ``embedder`` (empty: of the commonest one).

    ``sampled``: so many vectors themselves at most; 0: their mean.
    """
    if feature.kind == "vectors":
        if sampled:
            return _sample(subject, feature, span, embedder, sampled)
        return _mean(subject, feature, span, embedder)
    return _counted(subject, feature, span, embedder)


def reference(subject: Subject, feature: Feature, *whole: Span, samples: bool = False) -> Reference:
    """One span or several, oldest first, hour by hour; hours without calls make no block.

    ``samples``: with vectors rather than means.
    """
    span = Span(whole[0].start, whole[-1].end)
    spans = [block for one in whole for block in blocks_of(one)]
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
    elif feature.origin == "marks":
        embedder = values.read(subject, feature, span).maker
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


def _counted(subject: Subject, feature: Feature, span: Span, judge: str) -> Numbers | CategorySketch:
    """Of a long window the whole hours come from their sums, where these hold enough, and only its ends are read
    call by call.
    """
    first, end = -(-clock.to_ms(span.start) // HOUR_MS), clock.to_ms(span.end) // HOUR_MS
    if end <= first or span.hours <= 1.0 or not _is_summed(feature):
        return values.read(subject, feature, span, maker=judge).sketch(feature)
    ends = Span(span.start, clock.from_ms(first * HOUR_MS)), Span(clock.from_ms(end * HOUR_MS), span.end)
    read = [values.read(subject, feature, one).sketch(feature) for one in ends if one.start < one.end]
    hours = Shelf(subject.project_id, subject.model, span.end).window(
        subject.version, first, end, part="calls"
    )
    return _joined([*read, *(_of_hour(body, feature) for body in hours.bodies)], feature)


def _joined(parts: Sequence[Numbers | CategorySketch], feature: Feature) -> Numbers | CategorySketch:
    if feature.kind == "categories":
        return CategorySketch.merge([one for one in parts if isinstance(one, CategorySketch)])
    return LogSketch.merge([one for one in parts if isinstance(one, Numbers)])


def _is_summed(feature: Feature) -> bool:
    """Whether the sums of an hour hold how this feature was spread."""
    if feature.kind == "categories":
        return feature.origin == "beside" or feature.source in {*SHARES, *RATES}
    return feature.least is not None


def _of_hour(body: Body, feature: Feature) -> Numbers | CategorySketch:
    if feature.source in RATES:
        n, some = (sum(body.rates.get(name, [])) for name in ("calls", RATES[feature.source][0]))
        yes, no = RATES[feature.source][1:]
        return CategorySketch({name: many for name, many in ((yes, some), (no, n - some)) if many})
    if feature.kind == "categories":
        return CategorySketch(
            body.shares.get(feature.source if feature.origin == "calls" else feature.name, {})
        )
    if feature.name in body.lengths:
        return sketch_of(body.lengths[feature.name])
    found = [sketch_of(tick) for tick in body.spread.get(feature.name, [])]
    # its buckets are half as wide as those of a sketch
    least = int(bucket_index(np.array([feature.least]), SCHEMA)[0])
    halved = [LogSketch(np.maximum(-(-one.index // 2), least), one.counts) for one in found if one.n]
    return LogSketch.merge(halved)


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
    return VectorSample(len(read), project(unit(read)))


def _sketch(stored: Mapping[str, Any], feature: Feature) -> Sketch:
    if feature.kind == "categories":
        return CategorySketch.from_json(stored)
    if feature.kind == "numbers":
        return RealSketch.from_json(stored) if feature.least is None else LogSketch.from_json(stored)
    return VectorSample.from_json(stored) if "sample" in stored else VectorMean.from_json(stored)


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
