"""Calls of a window that show what is new in it: of the bin or category whose share grew most, or by their vectors."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from monitor.core.sketches import (
    LARGEST,
    CategorySketch,
    LogSketch,
    Numbers,
    RealSketch,
    Sketch,
    VectorMean,
    VectorSample,
)
from monitor.drift import values
from monitor.drift.bodies import REST
from monitor.drift.detectors.base import Detector, Drawing, binned
from monitor.drift.engine.vectors import project, unit
from monitor.drift.features import Feature
from monitor.drift.subjects import Span, Subject
from monitor.store.calls import embeddings

EXAMPLES = 10
# so many vectors of a window are looked at, from all over it
LOOKED_AT = 2_000


def examples(
    subject: Subject, feature: Feature, span: Span, detector: Detector, sides: tuple[Sketch, Sketch], maker: str
) -> list[UUID]:  # fmt: skip
    """``sides``: the reference and the window as the ``detector`` saw them; ``maker``: who made the values."""
    before, after = sides
    if isinstance(before, VectorMean) and isinstance(after, VectorMean) and after.n:
        return embeddings.along(
            subject.project_id, subject.model, subject.version, (after.mean - before.mean).tolist(),
            kind=feature.source, embedder=maker, span=(span.start, span.end), limit=EXAMPLES,
        )  # fmt: skip
    if isinstance(before, VectorSample) and isinstance(after, VectorSample):
        return _drawn(subject, feature, span, detector, (before, after), maker)
    if isinstance(before, Numbers) and isinstance(after, Numbers):
        return _of_new_numbers(subject, feature, span, (before, after), maker)
    if isinstance(before, CategorySketch) and isinstance(after, CategorySketch):
        return _of_new_words(subject, feature, span, (before, after))
    return []


def _drawn(
    subject: Subject, feature: Feature, span: Span, detector: Detector,
    sides: tuple[VectorSample, VectorSample], maker: str,
) -> list[UUID]:  # fmt: skip
    """Those that the detector itself finds least like the reference."""
    draw: Drawing = detector  # type: ignore[assignment] # every detector of samples is one; the kit asks
    found = embeddings.sampled(
        subject.project_id, subject.model, subject.version, kind=feature.source, embedder=maker,
        span=(span.start, span.end), limit=LOOKED_AT,
    )  # fmt: skip
    if not found.calls:
        return []
    newness = draw.newness(*sides, project(unit(found.vectors)))
    return [found.calls[place] for place in np.argsort(-newness, kind="stable")[:EXAMPLES].tolist()]


def _of_new_numbers(
    subject: Subject, feature: Feature, span: Span, sides: tuple[Numbers, Numbers], maker: str
) -> list[UUID]:
    """Calls from the pair of neighbouring bins whose share has grown most."""
    before, after = sides
    p, q = (one / max(1.0, one.sum()) for one in binned(before, after))
    grown = np.convolve(q - p, np.ones(2))[1:] if p.size > 1 else q - p
    grid = np.union1d(before.bins(before), after.bins(before))
    place = int(np.argmax(grown))
    wanted = grid[place : place + 2]
    found = values.read(subject, feature, span, maker=maker, with_calls=True)
    numbers = found.numbers if found.numbers is not None else np.empty(0)
    known = np.flatnonzero(np.abs(numbers) <= LARGEST)
    places = RealSketch.places(numbers[known])
    if feature.least is not None:
        places = LogSketch.places(numbers[known], feature.least)
    chosen = known[np.isin(before.at(places).bins(before), wanted)]
    return _newest(chosen.tolist(), found.calls)


def _of_new_words(
    subject: Subject, feature: Feature, span: Span, sides: tuple[CategorySketch, CategorySketch]
) -> list[UUID]:
    """Calls of the category whose share has grown most."""
    _, after = sides
    p, q = ({name: n / max(1, one.n) for name, n in one.counts.items() if name != REST} for one in sides)
    risen = max(sorted(after.counts), key=lambda name: q.get(name, 0.0) - p.get(name, 0.0), default="")
    found = values.read(subject, feature, span, with_calls=True)
    return _newest([place for place, word in enumerate(found.words or ()) if word == risen], found.calls)


def _newest(places: Sequence[int], calls: Sequence[UUID]) -> list[UUID]:
    return [calls[place] for place in places[::-1][:EXAMPLES]]
