"""Makes the vectors that signals and watches wait for: of what just came, of references, of what is caught up."""

import datetime as dt
import itertools
import logging
from collections.abc import Iterator, Sequence
from uuid import UUID

from monitor.drift import features, windows
from monitor.drift.embedders import Embedder
from monitor.drift.follow import LEAST_CALLS
from monitor.drift.models import DriftSignal, DriftWatch
from monitor.drift.run import LOOKBACK
from monitor.drift.signals import SIGNALS
from monitor.drift.subjects import Span
from monitor.drift.windows import VersionRow
from monitor.outside.llm import MisconfiguredError, RefusedError, UnavailableError
from monitor.store.calls import embeddings
from monitor.store.calls.embeddings import VectorRow
from monitor.store.models import Project

log = logging.getLogger("vigil.drift")

TEXTS_PER_RUN = 3000
TEXTS_PER_SPAN = 300
TEXTS_AT_ONCE = 100
SPANS_PER_WATCH = 30
# so much of a text is offered to an endpoint that finds it too long
SHORTER = (1_500, 400)
HARMLESS = "a"
# of a heavy hour only a part gets vectors
TEXTS_PER_HOUR = 150
HOURS_BACK = 14 * 24
TEXTS = ("prompt", "output")
# hours that have had their share in this process
MOST_REMEMBERED = 100_000
_full: set[tuple[int, str, str, str, dt.datetime]] = set()


def embed_missing(embedder: Embedder, *, now: dt.datetime) -> int:
    """Make vectors for a bounded number of prompts; how many were stored."""
    left = TEXTS_PER_RUN
    for project in Project.objects.filter(deleted_at=None):
        rows = windows.traffic(project.pk, Span(now - LOOKBACK, now))
        if not rows:
            continue
        try:
            left -= _for_signals(project.pk, rows, embedder, left, now=now)
            for watch in DriftWatch.objects.filter(
                project=project, enabled=True, feature__in=features.OF_VECTORS
            ):
                if left > 0:
                    left -= _for_watch(watch, rows, embedder, left, now=now)
        except (UnavailableError, MisconfiguredError) as error:
            log.warning("vectors for %s: %s", project, error)
            about = "vectors of texts: " + str(error)
            of_vectors = [one.name for one in SIGNALS.values() if one.part == "vectors"]
            DriftSignal.objects.filter(project=project, kind__in=of_vectors).update(last_error=about)
            DriftWatch.objects.filter(project=project, feature__in=features.OF_VECTORS).update(
                last_error=about
            )
            break
    return TEXTS_PER_RUN - left


def _for_signals(
    project_id: int, rows: Sequence[VersionRow], embedder: Embedder, room: int, *, now: dt.datetime
) -> int:
    """A share of the prompts and answers of each hour, the newest hours first, until each has enough."""
    done = 0
    for hour in range(HOURS_BACK):
        for row, text in itertools.product(rows, TEXTS):
            # whole hours: what a past one gets must not hang on the minute in which it is looked at
            start = windows.aligned(now - hour * dt.timedelta(hours=1), dt.timedelta(hours=1))
            end = min(now, start + dt.timedelta(hours=1))
            key = (project_id, row.model, row.version, text, start)
            if done >= room or row.n < LEAST_CALLS or not row.first < end or key in _full:
                continue
            texts = embeddings.missing(
                project_id, (start, end), text, model=row.model,
                version=row.version, limit=TEXTS_PER_HOUR,
            )  # fmt: skip
            done += _make(project_id, text, texts[: room - done], embedder)
            if hour and (len(_full) < MOST_REMEMBERED):
                _full.add(key)
    return done


def _make(project_id: int, kind: str, texts: Sequence[tuple[UUID, str]], embedder: Embedder) -> int:
    for at in range(0, len(texts), TEXTS_AT_ONCE):
        part = texts[at : at + TEXTS_AT_ONCE]
        vectors = _vectors(embedder, [text for _, text in part])
        made = [
            VectorRow(identity, kind, embedder.name, vector)
            for (identity, _), vector in zip(part, vectors, strict=True)
            if any(vector)
        ]
        embeddings.put(project_id, made)
    return len(texts)


def _vectors(embedder: Embedder, texts: Sequence[str]) -> list[list[float]]:
    """All at once; where the endpoint refuses that, one text must not keep the others from their vectors."""
    try:
        return embedder.embed(texts)
    except RefusedError:
        # who refuses even this refuses our way of asking, and not a text
        embedder.embed([HARMLESS])
        return _piecewise(embedder, texts)


def _piecewise(embedder: Embedder, texts: Sequence[str]) -> list[list[float]]:
    """Of a text that is refused (too long for the model, as a rule) the beginning; nothing where that is, too."""
    if len(texts) > 1:
        middle = len(texts) // 2
        halves = (texts[:middle], texts[middle:])
        return [vector for half in halves for vector in _half(embedder, half)]
    for length in SHORTER:
        try:
            return embedder.embed([texts[0][:length]])
        except RefusedError:
            continue
    return [[]]


def _half(embedder: Embedder, texts: Sequence[str]) -> list[list[float]]:
    try:
        return embedder.embed(texts)
    except RefusedError:
        return _piecewise(embedder, texts)


def _for_watch(
    watch: DriftWatch, rows: Sequence[VersionRow], embedder: Embedder, room: int, *, now: dt.datetime
) -> int:
    done = 0
    for span in wanted(watch, rows, now=now):
        if done >= room:
            break
        texts = embeddings.missing(
            watch.project_id, (span.start, span.end), features.of(watch.feature).source, model=watch.model,
            version=watch.version, limit=min(TEXTS_PER_SPAN, room - done),
        )  # fmt: skip
        done += _make(watch.project_id, features.of(watch.feature).source, texts, embedder)
    return done


def wanted(watch: DriftWatch, rows: Sequence[VersionRow], *, now: dt.datetime) -> Iterator[Span]:
    """The newest window first, then what the next steps need, then the reference hours, in order."""
    own = next((row for row in rows if (row.model, row.version) == (watch.model, watch.version)), None)
    if own is None:
        return
    window = dt.timedelta(seconds=watch.window_seconds)
    yield Span(now - window, now)
    if not watch.reference:
        start = watch.reference_from or own.first
        end = watch.reference_to or start + dt.timedelta(hours=watch.reference_hours)
        yield from windows.blocks_of(Span(start, min(end, now)))[:SPANS_PER_WATCH]
    start = max(watch.evaluated_to or own.first, now - LOOKBACK) - window
    for _ in range(SPANS_PER_WATCH):
        if start >= now - window:
            return
        yield Span(start, start + window)
        start += window
