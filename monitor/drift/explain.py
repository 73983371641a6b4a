"""Why a signal moved, made once when it warns or pages: words that came and went, slices, examples.

It explains and never decides: a signal is unusual without any of this. Kept beside the sums of the hours.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import numpy as np

from monitor.core import clock
from monitor.drift import slicing
from monitor.drift.bodies import REFUSALS, REST
from monitor.drift.engine import slices, words
from monitor.drift.engine.matching import HOUR
from monitor.drift.models import DriftSignal, DriftSketch, WatchState
from monitor.drift.shelf import Shelf
from monitor.drift.signals import CATEGORY, SignalKind, kind_of
from monitor.drift.slicing import Side
from monitor.drift.stages import Reference
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
Mix = dict[str, dict[str, int]]


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
    then = [hour for hour in range(first, last) if hour % 24 in of_day]
    before = _sample(shelf, version, then)
    text = "output" if kind.name in OUTPUTS else "prompt"
    came, went = words.moved([getattr(one, text) for one in before], [getattr(one, text) for one in now])
    mixes = _mix(shelf, version, then), _mix(shelf, signal.version, hours)
    top = _top(signal, kind, mixes)
    seen = slicing.look(
        shelf, kind, Side(version, then), Side(signal.version, hours), Reference(version, first, last), top
    )
    where, looked = slices.moved(seen.before, seen.now, seen.asked, SLICES) if seen else ([], 0)
    examples = _failed(signal, start, end) if kind.source == "errors" else []
    if seen and seen.typical:
        examples = _distinct(shelf.project_id, seen.typical, text)
    return {
        "n_now": len(now), "n_before": len(before), "text": text,
        "came": [[one.word, one.before, one.now] for one in came],
        "went": [[one.word, one.before, one.now] for one in went],
        "where": [_where(one) for one in where], "looked": looked, "reading": seen.per_call if seen else "",
        "of": top if kind.way == "share" else "",
        "slices": [
            [dimension.removeprefix(CATEGORY), *rest]
            for dimension, *rest in slices.shares_moved(*mixes, LEAST_POINTS, SLICES)
        ],
        "examples": examples or _examples(
            kind, _there(kind, now, where), came, text, top, float(signal.body.get("effect") or 0.0)
        ),
    }  # fmt: skip


def _where(one: slices.Moved) -> list[Any]:
    rest = [None if np.isnan(value) else value for value in (one.rest_before, one.rest_now)]
    return [one.dimension, one.value, one.before, one.now, *rest, one.share, one.evidence, one.new]


def _top(signal: DriftSignal, kind: SignalKind, mixes: tuple[Mix, Mix]) -> str:
    """The value that moved; of those that the reference did not know by name the one that came up most."""
    top: str = next((name for name, _, _ in signal.body.get("names", ())), "")
    if kind.way != "share" or top not in {"", REST}:
        return top
    old, new = (mix.get(kind.source, {}) for mix in mixes)
    n_old, n_new = (max(1, sum(one.values())) for one in (old, new))
    return max(
        sorted(set(new) - {REST}), key=lambda name: new[name] / n_new - old.get(name, 0) / n_old, default=""
    )


def _distinct(project_id: int, calls: Sequence[UUID], text: str) -> list[str]:
    """The first of these calls, of which each text is read."""
    read = generations.many(project_id, calls[: 10 * EXAMPLES])
    said = {one.id: getattr(one, text) for one in read}
    return _chosen([one for one in calls if one in said], said)


def _chosen(ranked: Sequence[UUID], said: Mapping[UUID, str]) -> list[str]:
    """The first of them; the same text twice shows nothing new, but is better than nothing."""
    first = {said[one]: one for one in reversed(ranked)}
    return [str(one) for one in sorted(ranked, key=lambda one: first[said[one]] != one)[:EXAMPLES]]


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


def _mix(shelf: Shelf, version: str, hours: Sequence[int]) -> Mix:
    """How often each value of each dimension came in these hours."""
    wanted = set(hours)
    window = shelf.window(version, hours[0], hours[-1] + 1, part="calls") if hours else None
    found: Mix = {}
    for hour, body in zip(window.hours.tolist(), window.bodies, strict=True) if window else ():
        if hour in wanted:
            for dimension, counts in body.shares.items():
                kept = found.setdefault(dimension, {})
                for value, n in counts.items():
                    if value != REST:
                        kept[value] = kept.get(value, 0) + n
    return found


def _there(
    kind: SignalKind, now: Sequence[GenerationDetail], where: Sequence[slices.Moved]
) -> Sequence[GenerationDetail]:
    """Of a sample the calls of the slice that moved; of refusals those that were refused."""
    if kind.source == "refusals":
        now = [one for one in now if one.summary.finish_reason in REFUSALS] or now
    if where:
        now = [one for one in now if _value(one, where[0].dimension) == where[0].value] or now
    return now


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
    ranked = sorted(said, key=lambda one: -sum(weights.get(word, 0.0) for word in words.terms(said[one])))
    return _chosen(ranked, said)


def _value(call: GenerationDetail, dimension: str) -> str:
    if dimension.startswith(CATEGORY):
        return str(call.detail.get("attributes", {}).get(dimension.removeprefix(CATEGORY), ""))
    return str(getattr(call.summary, dimension, ""))
