"""The write path, read aloud: stamp, redact, append, derive, answer. What it has answered is committed."""

import datetime as dt
from itertools import zip_longest

import numpy as np
from django.conf import settings

from monitor import meters
from monitor.core import clock
from monitor.core.samples import Columns, Times, joined, of_points
from monitor.ingest import derive, rows
from monitor.ingest.envelope import UNTIMED, Batch, Generation, Rejection
from monitor.ingest.redact import redact, storable
from monitor.store import append, calls, increments, pushes, scores
from monitor.store.increments import Increments

Places = Times

AHEAD = dt.timedelta(minutes=10)
SAMPLES_BACK = dt.timedelta(days=3_650)


def take(project_id: int, batch: Batch, *, now: dt.datetime) -> int:
    """Store what can be stored; how many records were known already.

    Afterwards the batch holds what was taken, and ``batch.rejected`` all that was refused, by position.
    Raises only when the store itself fails; the same batch can then be sent again.
    """
    _stamp_generations(batch, now)
    samples, places = _stamp_samples(batch, now)
    _check_histograms(batch, now)
    duplicates = _store_generations(project_id, batch.generations, now)
    _store_samples(project_id, batch, samples, places, now)
    append.histograms(project_id, batch.histograms, now=now)
    duplicates += _store_scores(project_id, batch, now)
    batch.rejected.sort(key=lambda rejection: rejection.index)
    return duplicates


def _stamp_generations(batch: Batch, now: dt.datetime) -> None:
    """Give every call a time, and refuse times that are past keeping or not yet come."""
    present = clock.to_ms(now)
    oldest = clock.to_ms(now - dt.timedelta(days=settings.VIGIL_RETENTION_DAYS))
    kept = []
    for place, generation in zip_longest(batch.places, batch.generations, fillvalue=0):
        assert isinstance(generation, Generation)
        if generation.started_ms is None:
            generation.started_ms = present
        problem = _time_problem(generation.started_ms, oldest, clock.to_ms(now + AHEAD))
        if problem:
            batch.rejected.append(Rejection(place, "started_at", problem))
        else:
            kept.append(generation)
    batch.generations = kept


def _stamp_samples(batch: Batch, now: dt.datetime) -> tuple[Columns, Places]:
    """All float samples as columns, those of impossible times refused; and the place of each label set."""
    samples = of_points(batch.points)
    places = np.array(batch.point_places or range(len(batch.points)), dtype=np.int64)
    if batch.columns is not None:
        samples = joined(batch.columns, samples) if batch.points else batch.columns
        places = np.concatenate((np.array(batch.column_places, dtype=np.int64), places))
    samples.times[samples.times == UNTIMED] = clock.to_ms(now)
    oldest, newest = clock.to_ms(now - SAMPLES_BACK), clock.to_ms(now + AHEAD)
    fits = (samples.times >= oldest) & (samples.times <= newest)
    if fits.all():
        return samples, places
    for row in np.flatnonzero(~fits).tolist():
        problem = _time_problem(int(samples.times[row]), oldest, newest)
        batch.rejected.append(
            Rejection(int(places[samples.owners()[row]]), "at", f"out of bounds: {problem}")
        )
    meters.refused.labels("out of bounds").inc(int((~fits).sum()))
    return samples.where(fits), places


def _store_samples(project_id: int, batch: Batch, samples: Columns, places: Places, now: dt.datetime) -> None:
    refused = pushes.store(project_id, samples, now=now)
    if refused.size:
        owners = samples.owners()
        for row in refused.tolist():
            why = (
                f"duplicate sample for timestamp {samples.times[row]}: another value is stored there, "
                f"{samples.values[row]!r} came too late"
            )
            batch.rejected.append(Rejection(int(places[owners[row]]), "value", why))
        meters.refused.labels("duplicate").inc(len(refused))
        kept = np.ones(len(samples), dtype=bool)
        kept[refused] = False
        samples = samples.where(kept)
    batch.columns, batch.points = samples, []


def _check_histograms(batch: Batch, now: dt.datetime) -> None:
    """Refuse native histograms of times that can't be stored."""
    oldest, newest = clock.to_ms(now - SAMPLES_BACK), clock.to_ms(now + AHEAD)
    kept = []
    for place, (labels, run) in zip(
        batch.histogram_places or range(len(batch.histograms)), batch.histograms, strict=True
    ):
        problem = _time_problem(int(run.times[0]), oldest, newest) or _time_problem(
            int(run.times[-1]), oldest, newest
        )
        if problem:
            batch.rejected.append(Rejection(place, "at", problem))
        else:
            kept.append((labels, run))
    batch.histograms = kept


def _time_problem(moment: int, oldest: int, newest: int) -> str | None:
    if oldest <= moment <= newest:
        return None
    if moment < oldest:
        return f"before {clock.from_ms(oldest):%Y-%m-%d %H:%M}Z, which is older than what is kept; check the unit (seconds)"
    return f"after {clock.from_ms(newest):%Y-%m-%d %H:%M}Z, which is in the future; check the sender's clock and the unit"


def _store_generations(project_id: int, generations: list[Generation], now: dt.datetime) -> int:
    if not generations:
        return 0
    found = rows.columns(project_id, generations)

    def adds(claimed: calls.Claimed) -> Increments:
        return derive.increments(found, claimed.fresh) or increments.none()

    return len(generations) - len(calls.store(project_id, found, adds, now=now))


def _store_scores(project_id: int, batch: Batch, now: dt.datetime) -> int:
    if not batch.scores:
        return 0
    known = scores.locate(project_id, [record.generation_id for record in batch.scores])
    marks, kept = [], []
    for place, record in zip(batch.score_places, batch.scores, strict=True):
        if record.generation_id not in known:
            problem = f"no generation {record.generation_id[:80]!r} is stored; send it before its scores"
            batch.rejected.append(Rejection(place, "generation_id", problem))
            continue
        kept.append(record)
        marks.append(
            scores.ScoreRow(
                known[record.generation_id], storable(record.name), record.source, record.value,
                redact(record.reason)[0], storable(record.author),
            )
        )  # fmt: skip
    batch.scores = kept
    return len(marks) - scores.put(project_id, marks, now=now)
