"""The write path, read aloud: stamp, redact, append, derive, answer. What it has answered is committed."""

import datetime as dt
import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import msgspec
import numpy as np
from django.conf import settings

from monitor import meters
from monitor.core import clock
from monitor.core.samples import Columns, Times, joined, of_points
from monitor.ingest import derive, grounding, language
from monitor.ingest.envelope import UNTIMED, Batch, Generation, Rejection
from monitor.ingest.redact import redact, redact_value, storable
from monitor.store import append, ids, pushes, scores

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
    duplicates = _store_generations(project_id, batch.generations, now) if batch.generations else 0
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
    prepared = [_prepare(project_id, generation, now) for generation in generations]

    def derive_new(positions: list[int]) -> append.Deltas:
        return derive.derive(
            (generations[position], prepared[position].grounding, prepared[position].logprob)
            for position in positions
        )

    done = append.generations(project_id, [one.row for one in prepared], derive_new, now=now)
    return done.duplicates


def _store_scores(project_id: int, batch: Batch, now: dt.datetime) -> int:
    if not batch.scores:
        return 0
    known = scores.locate(project_id, [record.generation_id for record in batch.scores])
    rows, kept = [], []
    for place, record in zip(batch.score_places, batch.scores, strict=True):
        if record.generation_id not in known:
            problem = f"no generation {record.generation_id[:80]!r} is stored; send it before its scores"
            batch.rejected.append(Rejection(place, "generation_id", problem))
            continue
        kept.append(record)
        rows.append(
            scores.ScoreRow(
                known[record.generation_id], storable(record.name), record.source, record.value,
                redact(record.reason)[0], storable(record.author),
            )
        )  # fmt: skip
    batch.scores = kept
    return len(rows) - scores.put(project_id, rows, now=now)


@dataclass(slots=True)
class Prepared:
    """A redacted row and what its series need."""

    row: append.GenerationRow
    grounding: str
    logprob: float | None


def _prepare(project_id: int, generation: Generation, now: dt.datetime) -> Prepared:
    found: Counter[str] = Counter()
    prompt, prompt_messages = _text(generation.prompt, found)
    output, output_messages = _text(generation.output, found)
    contexts = None if generation.contexts is None else msgspec.to_builtins(generation.contexts)
    contexts = redact_value(contexts, found)
    ground = grounding.grounding(
        output,
        None if contexts is None else [part["text"] for part in contexts],
        claim=generation.context_used,
    )
    logprob = derive.mean_logprob(generation.tokens)
    detail = {
        "prompt_messages": prompt_messages,
        "output_messages": output_messages,
        "contexts": contexts,
        "context_used": generation.context_used,
        "tokens": redact_value(generation.tokens, found),
        "attributes": redact_value(generation.attributes, found),
        "user": redact_value(generation.user, found),
        "reference": redact_value(generation.reference, found),
        "redactions": dict(found),
    }
    _clean_names(generation)
    if not generation.language:
        generation.language = language.detect(prompt)
    row = append.GenerationRow(
        key=ids.client_key(project_id, generation.id) if generation.id is not None else None,
        started_ms=generation.started_ms or 0,
        narrow=_narrow(generation, ground, logprob, now),
        prompt=prompt,
        output=output,
        detail=msgspec.json.encode({name: value for name, value in detail.items() if value}).decode(),
        embedding=_vector(generation),
        around=ids.client_key(project_id, generation.around) if generation.around else None,
    )
    return Prepared(row, ground, logprob)


def _clean_names(generation: Generation) -> None:
    """Identity and slices become labels and columns: storable text, nothing personal in ids and users."""
    generation.id = storable(generation.id) if generation.id is not None else None
    for name in (
        *derive.IDENTITY,
        "finish_reason",
        "session",
        "trace_id",
        "span_id",
        "tenant",
        "language",
        "topic",
        "template",
    ):
        setattr(generation, name, storable(getattr(generation, name)))
    if generation.error is not None:
        generation.error = redact(generation.error)[0]


def _narrow(
    generation: Generation, ground: str, logprob: float | None, now: dt.datetime
) -> tuple[object, ...]:
    """The columns of ``append.NARROW``, in its order."""
    user = (
        hashlib.blake2b(generation.user.encode(errors="replace"), digest_size=8).digest()
        if generation.user
        else None
    )
    return (
        generation.id or "", clock.from_ms(generation.started_ms or 0), now, generation.model,
        generation.version, generation.environment, generation.operation, generation.provider,
        generation.route, generation.duration_seconds, generation.ttft_seconds,
        generation.inference_seconds, generation.queue_seconds, generation.input_tokens,
        generation.cached_input_tokens, generation.output_tokens, generation.error,
        generation.finish_reason, user, generation.session, generation.trace_id, generation.span_id,
        generation.cost_usd, generation.tenant, generation.language, generation.topic, generation.template,
        ground, logprob,
    )  # fmt: skip


def _vector(generation: Generation) -> tuple[str, str] | None:
    """A vector the sender gave, as pgvector reads it, and the name of who made it."""
    if generation.embedding is None:
        return None
    numbers = ",".join(f"{number:.6g}" for number in generation.embedding)
    return f"given-{len(generation.embedding)}", f"[{numbers}]"


def _text(value: str | list[dict[str, Any]], found: Counter[str]) -> tuple[str, Any]:
    """Redacted text for reading and search, and the redacted messages where there were some."""
    if isinstance(value, str):
        clean, counted = redact(value)
        found.update(counted)
        return clean, None
    messages = redact_value(value, found)
    return "\n".join(f"{part.get('role', '')}: {_flat(part.get('content'))}" for part in messages), messages


def _flat(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(_flat(part.get("text") if isinstance(part, dict) else part) for part in content)
    return "" if content is None else str(content)
