"""Makes the vectors that watches wait for: of reference hours, of windows to be caught up, of what just came."""

import datetime as dt
import logging
from collections.abc import Iterator, Sequence

from monitor.drift import windows
from monitor.drift.embedders import Embedder
from monitor.drift.features import FEATURES
from monitor.drift.models import DriftWatch
from monitor.drift.run import LOOKBACK
from monitor.drift.windows import Span
from monitor.outside.llm import MisconfiguredError, UnavailableError
from monitor.store import embeddings
from monitor.store.embeddings import VectorRow
from monitor.store.generations import VersionRow
from monitor.store.models import Project

log = logging.getLogger("vigil.drift")

TEXTS_PER_RUN = 3000
TEXTS_PER_SPAN = 300
TEXTS_AT_ONCE = 100
SPANS_PER_WATCH = 30


def embed_missing(embedder: Embedder, *, now: dt.datetime) -> int:
    """Make vectors for a bounded number of prompts; how many were stored."""
    left = TEXTS_PER_RUN
    for project in Project.objects.filter(deleted_at=None):
        watches = [
            watch
            for watch in DriftWatch.objects.filter(project=project, enabled=True)
            if FEATURES[watch.feature].kind == "vectors"
        ]
        if not watches:
            continue
        rows = windows.traffic(project.pk, Span(now - LOOKBACK, now))
        for watch in watches:
            try:
                left -= _for_watch(watch, rows, embedder, left, now=now)
            except (UnavailableError, MisconfiguredError) as error:
                log.warning("vectors for %s: %s", watch, error)
                DriftWatch.objects.filter(pk=watch.pk).update(last_error=str(error))
                return TEXTS_PER_RUN - left
            if left <= 0:
                return TEXTS_PER_RUN
    return TEXTS_PER_RUN - left


def _for_watch(
    watch: DriftWatch, rows: Sequence[VersionRow], embedder: Embedder, room: int, *, now: dt.datetime
) -> int:
    done = 0
    for span in wanted(watch, rows, now=now):
        if done >= room:
            break
        texts = embeddings.missing(
            watch.project_id, (span.start, span.end), FEATURES[watch.feature].source, model=watch.model,
            version=watch.version, limit=min(TEXTS_PER_SPAN, room - done),
        )  # fmt: skip
        for at in range(0, len(texts), TEXTS_AT_ONCE):
            part = texts[at : at + TEXTS_AT_ONCE]
            vectors = embedder.embed([text for _, text in part])
            made = [
                VectorRow(identity, FEATURES[watch.feature].source, embedder.name, vector)
                for (identity, _), vector in zip(part, vectors, strict=True)
                if any(vector)
            ]
            embeddings.put(watch.project_id, made)
            done += len(part)
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
