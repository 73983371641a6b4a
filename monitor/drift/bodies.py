"""The sums of one hour of one model version: all that signals are computed from. Pure and additive."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from monitor.core.histograms import bucket_index
from monitor.core.sketches import LogSketch
from monitor.core.stats import Floats, Ints
from monitor.drift.signals import CATEGORY, NUMBER

TICKS = 12
TICK_MS = 300_000
HOUR_MS = 3_600_000
SCHEMA = 5
# so many values of a dimension stand for themselves, the rest is one
MOST_VALUES = 64
# of a part of an hour more are kept until all of it is known
MOST_OF_A_PART = 1024
REST = "…"
# so many attributes of an hour are added up; one with more values than this is a name for each call, no category
MOST_ATTRIBUTES, MOST_KINDS = 16, 200
DIMENSIONS = ("language", "topic", "tenant", "route")
SHARES = ("language", "topic", "tenant", "finish_reason", "grounding")
VOLUMES = ("calls", "output_tokens")
REFUSALS = frozenset({"content_filter", "refusal", "safety"})
COLUMNS = (
    "started_at", "input_tokens", "output_tokens", "duration_seconds", "ttft_seconds", "error",
    "finish_reason", "mean_logprob", "grounding", "language", "topic", "tenant", "route",
)  # fmt: skip
# beyond that squares are no numbers any more
LARGEST_NUMBER = 1e100
Columns = Mapping[str, np.ndarray]
Sums = list[float]
Sparse = tuple[list[int], list[int]]


class Body(msgspec.Struct, array_like=True):
    """``numbers``: n, sum and sum of squares (of logarithms but for logprob, retrieval and attributes). ``sliced``: the same of the
    prompt length by value of a dimension. ``rates`` and ``spread``: by the 12 ticks of the hour; among the rates
    ``output_tokens`` is their sum.
    """

    calls: int = 0
    numbers: dict[str, Sums] = {}
    sliced: dict[str, dict[str, Sums]] = {}
    shares: dict[str, dict[str, int]] = {}
    rates: dict[str, list[int]] = {}
    spread: dict[str, list[Sparse]] = {}
    lengths: dict[str, Sparse] = {}


class Marks(msgspec.Struct, array_like=True):
    """Judge scores of the calls of an hour: n, sum and sum of squares by name."""

    names: dict[str, Sums] = {}


class Volumes(msgspec.Struct, array_like=True):
    """Those rates of an hour that are asked for by the week; read a thousand hours at once, without the rest."""

    calls: int = 0
    rates: dict[str, list[int]] = {}

    @classmethod
    def of(cls, body: Body) -> "Volumes":
        return cls(body.calls, {name: body.rates[name] for name in VOLUMES if name in body.rates})


@dataclass(frozen=True, slots=True)
class Details:
    """What is kept beside a call, of a sample of an hour's calls: the best score of its documents (NaN: none),
    and its attributes.
    """

    scores: Floats
    attributes: Sequence[Mapping[str, object]]


def hours_of(columns: Columns, first: int, end: int) -> dict[int, Body]:
    """Bodies of the hours [first, end) since 1970, out of the columns of their calls."""
    hour = columns["started_at"] // HOUR_MS
    order = np.argsort(hour, kind="stable")
    edges = np.searchsorted(hour[order], np.arange(first, end + 1))
    return {
        first + place: body_of({name: values[order[low:high]] for name, values in columns.items()})
        for place, (low, high) in enumerate(itertools.pairwise(edges.tolist()))
    }


def body_of(calls: Columns) -> Body:
    """The sums of the calls of one hour, or of a part of it; ``merged`` makes an hour of them."""
    n = calls["started_at"].size
    if not n:
        return Body()
    prompts, outputs = calls["input_tokens"], calls["output_tokens"]
    logs = {
        "prompt_length": _log(prompts, 0.5),
        "output_length": _log(outputs, 0.5),
        "latency": _log(calls["duration_seconds"]),
        "ttft": _log(calls["ttft_seconds"]),
        "tokens_per_second": _log(_speed(calls)),
        "logprob": calls["mean_logprob"],
    }
    tick = (calls["started_at"] % HOUR_MS // TICK_MS).astype(np.int64)
    failed = np.array([value is not None for value in calls["error"]])
    refused = np.array([value in REFUSALS for value in calls["finish_reason"]])
    return Body(
        calls=n,
        numbers={name: found for name, values in logs.items() if (found := _sums(values))[0]},
        sliced={dim: _sliced(logs["prompt_length"], calls[dim]) for dim in DIMENSIONS},
        shares={dim: _counted(calls[dim]) for dim in SHARES},
        rates={
            "calls": _per_tick(tick, np.ones(n, dtype=bool)),
            "errors": _per_tick(tick, failed),
            "refusals": _per_tick(tick, refused),
            "output_tokens": _summed(tick, outputs),
        },
        spread={
            name: _spread(tick, calls[column])
            for name, column in (("latency", "duration_seconds"), ("ttft", "ttft_seconds"))
        },
        lengths={"prompt_length": _sketch(prompts), "output_length": _sketch(outputs)},
    )


def add_details(body: Body, details: Details) -> None:
    """Put what a sample of the hour's calls says into its sums."""
    scores = _sums(details.scores)
    if scores[0]:
        body.numbers["retrieval"] = scores
    seen: dict[str, list[object]] = {}
    for one in details.attributes:
        for name, value in one.items():
            seen.setdefault(name, []).append(value)
    for name in sorted(seen, key=lambda one: (-len(seen[one]), one))[:MOST_ATTRIBUTES]:
        numbers = [number for one in seen[name] if (number := number_of(one)) is not None]
        words = [word for one in seen[name] if (word := word_of(one)) is not None]
        if numbers:
            body.numbers[NUMBER + name] = _sums(np.array(numbers))
        if words and len(set(words)) <= MOST_KINDS:
            body.shares[CATEGORY + name] = _counted(np.array(words, dtype=object))
    _cut(body)


def number_of(value: object) -> float | None:
    """An attribute as a number that can be added up; None for what is none."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= LARGEST_NUMBER:
        return None
    return float(value)


def word_of(value: object) -> str | None:
    """An attribute as a category; None for what is none."""
    return (str(value) or None) if isinstance(value, str | bool) else None


def merged(parts: Sequence[Body]) -> Body:
    """The sums of an hour out of those of its parts."""
    if len(parts) == 1:
        return _cut(parts[0])
    found = Body(sum(one.calls for one in parts), {}, {}, {}, {}, {}, {})
    for one in parts:
        _add_sums(found.numbers, one.numbers)
        for dim, table in one.sliced.items():
            _add_sums(found.sliced.setdefault(dim, {}), table)
        for dim, counts in one.shares.items():
            kept = found.shares.setdefault(dim, {})
            for value, n in counts.items():
                kept[value] = kept.get(value, 0) + n
        for name, ticks in one.rates.items():
            before = found.rates.setdefault(name, [0] * TICKS)
            found.rates[name] = [a + b for a, b in zip(before, ticks, strict=True)]
    for name in {name for one in parts for name in one.spread}:
        each = [one.spread[name] for one in parts if name in one.spread]
        found.spread[name] = [_together([ticks[tick] for ticks in each]) for tick in range(TICKS)]
    for name in {name for one in parts for name in one.lengths}:
        found.lengths[name] = _together([one.lengths[name] for one in parts if name in one.lengths])
    return _cut(found)


def _add_sums(kept: dict[str, Sums], more: Mapping[str, Sums]) -> None:
    for name, sums in more.items():
        before = kept.get(name, [0.0, 0.0, 0.0])
        kept[name] = [a + b for a, b in zip(before, sums, strict=True)]


def _together(parts: Sequence[Sparse]) -> Sparse:
    total: Counter[int] = Counter()
    for index, counts in parts:
        total.update(dict(zip(index, counts, strict=True)))
    return sorted(total), [total[place] for place in sorted(total)]


def _cut(body: Body) -> Body:
    """Only the largest values of each dimension stand for themselves."""
    for dim, table in body.sliced.items():
        body.sliced[dim] = dict(sorted(table.items(), key=lambda one: (-one[1][0], one[0]))[:MOST_VALUES])
    for dim, counts in body.shares.items():
        ordered = sorted(counts.items(), key=lambda one: (one[0] == REST, -one[1], one[0]))
        kept = dict(ordered[:MOST_VALUES])
        rest = sum(n for _, n in ordered[MOST_VALUES:])
        if rest:
            kept[REST] = kept.get(REST, 0) + rest
        body.shares[dim] = kept
    return body


def sketch_of(sparse: Sparse) -> LogSketch:
    return LogSketch(np.array(sparse[0], dtype=np.int64), np.array(sparse[1], dtype=np.float64))


def _log(values: Floats, least: float = 1e-4) -> Floats:
    found: Floats = np.log(np.maximum(values, least))
    return found


def _speed(calls: Columns) -> Floats:
    """Tokens per second after the first token, where both are known."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = calls["duration_seconds"] - np.nan_to_num(calls["ttft_seconds"])
        speed = calls["output_tokens"] / rest
    return np.where((rest > 0) & (speed > 0), speed, np.nan)


def _sums(values: Floats) -> Sums:
    kept = values[np.abs(values) <= LARGEST_NUMBER]
    return [float(kept.size), float(kept.sum()), float((kept**2).sum())]


def _counted(values: np.ndarray) -> dict[str, int]:
    """How often each value comes; calls that name none are left out."""
    names, counts = np.unique(values[values != ""].astype(str), return_counts=True)
    order = np.argsort(-counts, kind="stable")
    found = {str(names[place]): int(counts[place]) for place in order[:MOST_OF_A_PART]}
    if order.size > MOST_OF_A_PART:
        found[REST] = int(counts[order[MOST_OF_A_PART:]].sum())
    return found


def _sliced(values: Floats, by: np.ndarray) -> dict[str, Sums]:
    kept = np.isfinite(values) & (by != "")
    if not kept.any():
        return {}
    names, place = np.unique(by[kept].astype(str), return_inverse=True)
    sums = np.array(
        [np.bincount(place, power) for power in (np.ones(place.size), values[kept], values[kept] ** 2)]
    )
    largest = np.argsort(-sums[0], kind="stable")[:MOST_OF_A_PART]
    return {str(names[one]): sums[:, one].tolist() for one in largest}


def _per_tick(tick: Ints, kept: np.ndarray) -> list[int]:
    found: list[int] = np.bincount(tick[kept], minlength=TICKS).tolist()
    return found


def _summed(tick: Ints, values: Floats) -> list[int]:
    total = np.bincount(tick, np.nan_to_num(values), minlength=TICKS)
    found: list[int] = np.rint(total).astype(np.int64).tolist()
    return found


def _spread(tick: Ints, values: Floats) -> list[Sparse]:
    known = values > 0
    index = np.zeros(values.size, dtype=np.int64)
    index[known] = bucket_index(values[known], SCHEMA)
    return [_sparse(index[known & (tick == one)]) for one in range(TICKS)]


def _sparse(index: Ints) -> Sparse:
    places, counts = np.unique(index, return_counts=True)
    return places.tolist(), counts.tolist()


def _sketch(values: Floats) -> Sparse:
    found = LogSketch.of(values)
    return found.index.tolist(), found.counts.astype(np.int64).tolist()


def encode(found: Any) -> bytes:
    return msgspec.msgpack.encode(found)


def decode_body(stored: bytes) -> Body:
    return msgspec.msgpack.decode(stored, type=Body)


def decode_volumes(stored: bytes) -> Volumes:
    return msgspec.msgpack.decode(stored, type=Volumes)


def decode_marks(stored: bytes) -> Marks:
    return msgspec.msgpack.decode(stored, type=Marks)
