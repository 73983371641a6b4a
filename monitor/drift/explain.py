"""Why a signal moved, made once when it warns or pages: words that came and went, slices, examples.

It explains and never decides: a signal is unusual without any of this. Kept beside the sums of the hours.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from monitor.core import clock
from monitor.drift.bodies import REST, SHARES, Body
from monitor.drift.engine import words
from monitor.drift.engine.matching import HOUR
from monitor.drift.models import DriftSignal, DriftSketch, WatchState
from monitor.drift.shelf import Shelf
from monitor.drift.signals import CATEGORY, SignalKind, kind_of
from monitor.store.calls import generations
from monitor.store.calls.generations import GenerationDetail

SAMPLED = 300
# so many hours of either side are looked into
HOURS = 12
EXAMPLES = 6
SLICES = 6
# a share must have moved so far to be told
LEAST_POINTS = 0.03
# words of answers for signals that the model makes
OUTPUTS = frozenset(
    {
        "output_length",
        "finish_reason",
        "grounding",
        "refusal_rate",
        "judge_score",
        "token_logprob",
        "output_embedding",
        "output_mix",
        "output_novelty",
    }
)
# after so long a found drift is looked at anew
RENEWED_SECONDS = 6 * HOUR
Found = dict[str, Any]


def told(signal: DriftSignal) -> Found:
    """What was found last; empty before."""
    row = _row(signal).values_list("body", flat=True).first()
    found: Found = msgspec.msgpack.decode(bytes(row)) if row else {}
    return found


def run(signal: DriftSignal, shelf: Shelf) -> bool:
    """Explain a signal that warns or pages, once for each beginning; whether it was done."""
    body = signal.body
    if signal.state not in {WatchState.WARNING, WatchState.DRIFT} or not body.get("reference"):
        return False
    known, end = told(signal), int(body["end"])
    since = int(body.get("since") or end - 6 * HOUR)
    if known.get("since") == since and end - known.get("end", 0) < RENEWED_SECONDS:
        return False
    # the hour in which it began counts, and it is never more than the last day
    start = max(since // HOUR - 1, end // HOUR - 24) * HOUR
    found = _explained(signal, shelf, start, end)
    DriftSketch.objects.update_or_create(
        project_id=shelf.project_id, model=signal.model, version=signal.version, part=_part(signal), hour=0,
        defaults={"body": msgspec.msgpack.encode({**found, "since": since, "end": end})},
    )  # fmt: skip
    return True


def _row(signal: DriftSignal) -> Any:
    return DriftSketch.objects.filter(
        project_id=signal.project_id, model=signal.model, version=signal.version, part=_part(signal), hour=0
    )


def _part(signal: DriftSignal) -> str:
    return f"why {signal.kind}"


def _explained(signal: DriftSignal, shelf: Shelf, start: int, end: int) -> Found:
    kind = kind_of(signal.kind)
    version, first, last = signal.body["reference"]
    hours = list(range(start // HOUR, -(-end // HOUR)))
    now = _sample(shelf, signal.version, hours)
    # the same hours of the day, so that the night is not compared with the day
    of_day = {hour % 24 for hour in hours}
    before = _sample(shelf, version, [hour for hour in range(first, last) if hour % 24 in of_day])
    text = "output" if kind.name in OUTPUTS else "prompt"
    came, went = words.moved([getattr(one, text) for one in before], [getattr(one, text) for one in now])
    top = next((name for name, _, _ in signal.body.get("names", ())), "")
    effect = float(signal.body.get("effect") or 0.0)
    failed = _failed(signal, start, end) if kind.source == "errors" else []
    return {
        "n_now": len(now), "n_before": len(before), "text": text,
        "came": [[one.word, one.before, one.now] for one in came],
        "went": [[one.word, one.before, one.now] for one in went],
        "slices": _slices(
            _whole(shelf, version, first, last), _whole(shelf, signal.version, start // HOUR, -(-end // HOUR))
        ),
        "examples": failed or _examples(kind, now, came, text, top, effect),
    }  # fmt: skip


def _failed(signal: DriftSignal, start: int, end: int) -> list[str]:
    """The newest calls that failed: a sample is of answers, so it holds none."""
    wanted = generations.Filter(
        signal.project_id, clock.from_ms(start * 1000), clock.from_ms(end * 1000 - 1), model=signal.model,
        version=signal.version, errors_only=True,
    )  # fmt: skip
    return [str(one.id) for one in generations.page(wanted, limit=EXAMPLES)]


def _sample(shelf: Shelf, version: str, hours: Sequence[int]) -> list[GenerationDetail]:
    """Calls of a few of the hours, evenly spread: of a busy fortnight nobody has to sort every call."""
    chosen = hours[:: max(1, -(-len(hours) // HOURS))]
    return [
        call
        for hour in chosen
        for call in generations.sample(
            shelf.project_id, clock.from_ms(hour * HOUR * 1000), clock.from_ms((hour + 1) * HOUR * 1000 - 1),
            model=shelf.model, version=version, limit=-(-SAMPLED // len(chosen)), seed="why",
        )
    ]  # fmt: skip


def _whole(shelf: Shelf, version: str, first: int, end: int) -> Sequence[Body]:
    return shelf.window(version, first, end, part="calls").bodies


def _slices(before: Sequence[Body], now: Sequence[Body]) -> list[list[Any]]:
    """Values whose share of the calls moved most surely: dimension, value, share before and now."""
    found = []
    named = {name for body in now for name in body.shares} - set(SHARES)
    for dimension in (*SHARES, *sorted(named)):
        old, new = _total(before, dimension), _total(now, dimension)
        n_old, n_new = sum(old.values()), sum(new.values())
        if not n_old or not n_new:
            continue
        for value in {*old, *new} - {REST}:
            p, q = old.get(value, 0) / n_old, new.get(value, 0) / n_new
            pooled = (old.get(value, 0) + new.get(value, 0)) / (n_old + n_new)
            error = float(np.sqrt(max(pooled * (1 - pooled), 1e-9) * (1 / n_old + 1 / n_new)))
            if abs(q - p) >= LEAST_POINTS:
                found.append((abs(q - p) / error, [dimension.removeprefix(CATEGORY), value, p, q]))
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])[:SLICES]]


def _total(bodies: Sequence[Body], dimension: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for body in bodies:
        for value, n in body.shares.get(dimension, {}).items():
            found[value] = found.get(value, 0) + n
    return found


def _examples(
    kind: SignalKind, now: Sequence[GenerationDetail], came: Sequence[words.Moved], text: str, top: str,
    effect: float,
) -> list[str]:  # fmt: skip
    """Calls that show what is new: of the value that moved, or of its size, then with most of the new words
    of that ``text`` in which they came.
    """
    if kind.way == "share" and top:
        now = [one for one in now if _value(one, kind.source) == top] or now
    column = {"prompt_length": "input_tokens", "output_length": "output_tokens", "latency": "duration_seconds",
              "ttft": "ttft_seconds"}.get(kind.source, "")  # fmt: skip
    if kind.by and top:
        now = [one for one in now if _value(one, kind.by) == top] or now
    if column:
        sized = [one for one in now if getattr(one.summary, column) is not None]
        sized.sort(key=lambda one: getattr(one.summary, column), reverse=effect > 0)
        # the very extreme ones are not typical
        now = sized[len(sized) // 20 : max(len(sized) // 4, EXAMPLES)] or sized or now
    weights = {one.word: one.z for one in came}
    said: dict[UUID, str] = {one.id: getattr(one, text) for one in now}
    ranked = sorted(now, key=lambda one: -sum(weights.get(word, 0.0) for word in words.terms(said[one.id])))
    # the same prompt twice shows nothing new, but is better than nothing; so does the same answer
    first = {said[one.id]: one.id for one in reversed(ranked)}
    ranked.sort(key=lambda one: first[said[one.id]] != one.id)
    return [str(one.id) for one in ranked[:EXAMPLES]]


def _value(call: GenerationDetail, dimension: str) -> str:
    if dimension.startswith(CATEGORY):
        return str(call.detail.get("attributes", {}).get(dimension.removeprefix(CATEGORY), ""))
    return str(getattr(call.summary, dimension, ""))
