"""The write path, read aloud: stamp, redact, append, derive, answer. What it has answered is committed."""

import datetime as dt
from collections.abc import Sequence

import numpy as np
from django.conf import settings

from monitor import meters
from monitor.core import clock
from monitor.core.samples import Columns, Times, joined, of_points
from monitor.ingest import alike, choices, derive, described, joining, rows
from monitor.ingest.envelope import UNTIMED, Batch, Reason, Rejection, Source
from monitor.ingest.ledger import Ledger, standing
from monitor.ingest.redaction.redactor import Redactor
from monitor.store.calls import scores, writing
from monitor.store.samples import accumulated, increments, pushes
from monitor.store.samples.increments import Increments

Places = Times

_UNREAD = {413: Reason.OVER_LIMIT, 415: Reason.UNSUPPORTED}
AHEAD = dt.timedelta(minutes=10)
# what nobody sent is in nobody's account
NOBODY = Source()
SAMPLES_BACK = dt.timedelta(days=3_650)


def take(project_id: int, batch: Batch, *, now: dt.datetime, body: bytes = b"") -> int:
    """Store what can be stored; how many records were known already.

    Afterwards the batch holds what was taken, and ``batch.rejected`` all that was refused, by position.
    ``body`` is what came over the wire: by it a repeated request is known, whose losses count only once.
    Raises only when the store itself fails; the same batch can then be sent again.
    """
    ledger = Ledger(project_id, batch, now=now, body=body)
    _stamp_generations(batch, now)
    sampled = _stamp_samples(batch, now) if batch.samples else None
    _check_histograms(batch, now)
    duplicates = _store_generations(project_id, batch, ledger, now)
    if sampled is not None or batch.histograms:
        duplicates += _store_samples(project_id, batch, ledger, *(sampled or _stamp_samples(batch, now)))
        _store_alike(project_id, batch, now)
    described.remember(project_id, batch.described, now=now)
    note_drops(project_id, ledger, "samples", now=now)
    duplicates += _store_scores(project_id, batch, ledger, now)
    duplicates += _store_deltas(project_id, batch, ledger, now)
    duplicates += joining.take(project_id, batch, ledger, now=now)
    batch.rejected.sort(key=lambda rejection: rejection.index)
    return duplicates


def unreadable(project_id: int, source: Source, status: int, *, now: dt.datetime, body: bytes = b"") -> None:
    """A request of which nothing could be read is one lost item: too large (413), or not understood."""
    batch = Batch(source=source)
    batch.ignore(0, _UNREAD.get(status, Reason.UNREADABLE))
    note_drops(project_id, Ledger(project_id, batch, now=now, body=body), "whole", now=now)


def note_drops(project_id: int, ledger: Ledger, step: str, *, now: dt.datetime) -> None:
    """Write down what was dropped with nothing stored beside it."""
    drops = ledger.drops()
    if drops:
        empty = writing.nothing()
        told = ledger.of_calls(empty, drops)
        writing.store(project_id, empty, derive.DERIVES, told, now=now, digest=ledger.digest(step))


def _stamp_generations(batch: Batch, now: dt.datetime) -> None:
    """Give every call a time, and refuse times that are past keeping or not yet come."""
    present = clock.to_ms(now)
    oldest = clock.to_ms(now - dt.timedelta(days=settings.VIGIL_RETENTION_DAYS))
    newest = clock.to_ms(now + AHEAD)
    batch.places = batch.places or list(range(len(batch.generations)))
    late = []
    for row, generation in enumerate(batch.generations):
        moment = generation.started_ms
        if moment is None:
            generation.started_ms = present
        elif not oldest <= moment <= newest:
            late.append(row)
    for row in reversed(late):
        _refuse_call(batch, row, oldest, newest)


def _refuse_call(batch: Batch, row: int, oldest: int, newest: int) -> None:
    """A call of an impossible time, and with it whatever belongs to it."""
    generation, place = batch.generations.pop(row), batch.places.pop(row)
    moment = generation.started_ms or 0
    reason = Reason.TOO_OLD if moment < oldest else Reason.IN_FUTURE
    batch.rejected.append(Rejection(place, "started_at", _time_problem(moment, oldest, newest) or "", reason))
    for part, owner in list(batch.parts.items()):
        if owner == place:
            batch.ignore(part, reason)
            del batch.parts[part]


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
    rows = places[samples.owners()]
    for row in np.flatnonzero(~fits & standing(batch, rows)).tolist():
        problem = _time_problem(int(samples.times[row]), oldest, newest)
        reason = Reason.TOO_OLD if samples.times[row] < oldest else Reason.IN_FUTURE
        batch.rejected.append(Rejection(int(rows[row]), "at", f"out of bounds: {problem}", reason))
    meters.refused.labels("out of bounds").inc(int((~fits).sum()))
    return samples.where(fits), places


def _store_samples(project_id: int, batch: Batch, ledger: Ledger, samples: Columns, places: Places) -> int:
    """How many items were known already; what was refused is taken out of the batch."""
    account = ledger.of_samples(_places_of_rows(batch, samples, places))
    tells = account.tells if batch.source != NOBODY else None
    refused = pushes.store(project_id, samples, natives=batch.histograms, now=ledger.now, tells=tells)
    if refused.size:
        meters.refused.labels("duplicate").inc(len(refused))
        _refuse_histograms(batch, refused[refused >= len(samples)] - len(samples))
        refused = refused[refused < len(samples)]
        for row in refused[account.standing[refused]].tolist():
            why = (
                f"duplicate sample for timestamp {samples.times[row]}: another value is stored there, "
                f"{float(samples.values[row])!r} came too late"
            )
            batch.rejected.append(Rejection(int(account.places[row]), "value", why, Reason.CONFLICT))
        kept = np.ones(len(samples), dtype=bool)
        kept[refused] = False
        samples = samples.where(kept)
    batch.columns, batch.points = samples, []
    return account.known


def _store_alike(project_id: int, batch: Batch, now: dt.datetime) -> None:
    """Figures that another source names otherwise, under our name as well; nobody's account tells of these."""
    ours = None if batch.columns is None else alike.ours(batch.columns, batch.hosts)
    if ours is not None:
        pushes.store(project_id, ours, now=now)


def _places_of_rows(batch: Batch, samples: Columns, places: Places) -> Places:
    """The place of every sample: of floats first, then of native histograms."""
    rows = np.repeat(places, samples.counts)
    if not batch.histograms:
        return rows
    own = np.array(batch.histogram_places or range(len(batch.histograms)), dtype=np.int64)
    return np.concatenate((rows, np.repeat(own, [len(run.times) for _, run in batch.histograms])))


def _store_deltas(project_id: int, batch: Batch, ledger: Ledger, now: dt.datetime) -> int:
    """How many points of delta temporality were known already."""
    places = batch.delta_places or range(len(batch.deltas))

    def adds(new: Sequence[int], known: Sequence[int]) -> Increments:
        told = ledger.of_items("sample", (places[one] for one in new), (places[one] for one in known))
        return increments.of_counts([told], now=now)

    return len(accumulated.add(project_id, batch.deltas, now=now, adds=adds))


def _refuse_histograms(batch: Batch, refused: Times) -> None:
    """Another histogram, or a float, stands at the times of these samples, counted through all runs."""
    owners = np.repeat(np.arange(len(batch.histograms)), [len(run.times) for _, run in batch.histograms])
    times = np.concatenate([run.times for _, run in batch.histograms]) if batch.histograms else owners
    places = batch.histogram_places or list(range(len(batch.histograms)))
    for row in refused.tolist():
        why = f"duplicate sample for timestamp {times[row]}: another one is stored there, this histogram came too late"
        batch.rejected.append(Rejection(places[owners[row]], "histograms", why, Reason.CONFLICT))
    gone = set(owners[refused].tolist()) - set(np.delete(owners, refused).tolist())
    batch.histogram_places = [place for n, place in enumerate(places) if n not in gone]
    batch.histograms = [one for n, one in enumerate(batch.histograms) if n not in gone]


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
            reason = Reason.TOO_OLD if int(run.times[0]) < oldest else Reason.IN_FUTURE
            batch.rejected.append(Rejection(place, "at", problem, reason, len(run.times)))
        else:
            kept.append((labels, run))
    batch.histograms = kept


def _time_problem(moment: int, oldest: int, newest: int) -> str | None:
    if oldest <= moment <= newest:
        return None
    if moment < oldest:
        return f"before {clock.from_ms(oldest):%Y-%m-%d %H:%M}Z, which is older than what is kept; check the unit (seconds)"
    return f"after {clock.from_ms(newest):%Y-%m-%d %H:%M}Z, which is in the future; check the sender's clock and the unit"


def _store_generations(project_id: int, batch: Batch, ledger: Ledger, now: dt.datetime) -> int:
    """The calls, their series, and the ledger of all that is known to be dropped by now."""
    drops = ledger.drops()
    if not batch.generations and not drops:
        return 0
    found = rows.columns(project_id, batch.generations, choices.policy_of(project_id, now=now))
    told = ledger.of_calls(found, drops)
    digest = ledger.digest("calls") if drops else None
    fresh = writing.store(project_id, found, derive.DERIVES, told, now=now, digest=digest)
    return len(found) - len(fresh)


def _store_scores(project_id: int, batch: Batch, ledger: Ledger, now: dt.datetime) -> int:
    if not batch.scores:
        return 0
    known = scores.locate(project_id, [record.generation_id for record in batch.scores])
    policy = choices.policy_of(project_id, now=now)
    marks, kept, places = [], [], dict[int, int]()
    for place, record in zip(batch.score_places or range(len(batch.scores)), batch.scores, strict=True):
        if record.generation_id not in known:
            problem = f"no generation {record.generation_id[:80]!r} is stored; send it before its scores"
            batch.rejected.append(Rejection(place, "generation_id", problem, Reason.NO_CALL))
            continue
        kept.append(record)
        clean = Redactor(policy).text
        marks.append(
            scores.ScoreRow(
                known[record.generation_id], clean(record.name), record.source, record.value,
                clean(record.reason), clean(record.author),
            )
        )  # fmt: skip
        places[id(marks[-1])] = place
    batch.scores = kept
    note_drops(project_id, ledger, "scores", now=now)

    def adds(asked: Sequence[scores.ScoreRow], news: Sequence[scores.ScoreRow]) -> Increments:
        fresh = {id(row) for row in news}
        old = (places[id(row)] for row in asked if id(row) not in fresh)
        told = ledger.of_items("score", (places[one] for one in fresh), old)
        return increments.of_counts([told], now=now)

    return len(marks) - scores.put(project_id, marks, now=now, adds=adds)
