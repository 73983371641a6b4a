"""Makes the vectors that signals and watches wait for: of what just came, of references, of what is caught up."""

import datetime as dt
import itertools
import logging
from collections.abc import Iterator, Sequence
from uuid import UUID

from monitor.drift import windows
from monitor.drift.embedders import Embedder
from monitor.drift.features import FEATURES
from monitor.drift.follow import LEAST_CALLS
from monitor.drift.models import DriftSignal, DriftWatch
from monitor.drift.run import LOOKBACK
from monitor.drift.signals import SIGNALS
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
            for watch in DriftWatch.objects.filter(project=project, enabled=True):
                if FEATURES[watch.feature].kind == "vectors" and left > 0:
                    left -= _for_watch(watch, rows, embedder, left, now=now)
        except (UnavailableError, MisconfiguredError) as error:
            log.warning("vectors for %s: %s", project, error)
            about = "vectors of texts: " + str(error)
            of_vectors = [one.name for one in SIGNALS.values() if one.part == "vectors"]
            DriftSignal.objects.filter(project=project, kind__in=of_vectors).update(last_error=about)
            DriftWatch.objects.filter(project=project, feature__endswith="embedding").update(last_error=about)
            break
    return TEXTS_PER_RUN - left


def _for_signals(
    project_id: int, rows: Sequence[VersionRow], embedder: Embedder, room: int, *, now: dt.datetime
) -> int:
    """A share of the prompts and answers of each hour, the newest hours first, until each has enough."""
    done = 0
    for hour in range(HOURS_BACK):
        for row, text in itertools.product(rows, TEXTS):
            end = now - hour * dt.timedelta(hours=1)
            start = windows.aligned(end, dt.timedelta(hours=1))
            key = (project_id, row.model, row.version, text, start)
            if done >= room or row.n < LEAST_CALLS or not row.first < end or key in _full:
                continue
            texts = embeddings.missing(
                project_id, (start, min(end, start + dt.timedelta(hours=1))), text, model=row.model,
                version=row.version, limit=TEXTS_PER_HOUR,
            )  # fmt: skip
            done += _make(project_id, text, texts[: room - done], embedder)
            if hour and (len(_full) < MOST_REMEMBERED):
                _full.add(key)
    return done


def _make(project_id: int, kind: str, texts: Sequence[tuple[UUID, str]], embedder: Embedder) -> int:
    for at in range(0, len(texts), TEXTS_AT_ONCE):
        part = texts[at : at + TEXTS_AT_ONCE]
        vectors = embedder.embed([text for _, text in part])
        made = [
            VectorRow(identity, kind, embedder.name, vector)
            for (identity, _), vector in zip(part, vectors, strict=True)
            if any(vector)
        ]
        embeddings.put(project_id, made)
    return len(texts)


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
        done += _make(watch.project_id, FEATURES[watch.feature].source, texts, embedder)
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
