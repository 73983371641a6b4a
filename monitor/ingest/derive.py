"""Calls into their series. Pure: asked about the rows that are new, never about a duplicate.

``increments`` works on whole columns, ``rows`` takes a few calls one after the other. ``Deriver`` does so by the
plainest means and is what ``verify`` recounts with, so that a mistake in one of them shows.
"""

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from monitor.core.labels import Labels
from monitor.ingest.envelope import Generation
from monitor.store.calls.writing import Calls, Derives
from monitor.store.samples.append import Deltas
from monitor.store.samples.increments import Increments, Row

IDENTITY = ("model", "version", "environment", "operation", "provider", "route")

# series name → the field whose value is observed
OBSERVED = {
    "llm_request_duration_seconds": "duration_seconds",
    "llm_ttft_seconds": "ttft_seconds",
    "llm_inference_seconds": "inference_seconds",
    "llm_queue_seconds": "queue_seconds",
    "llm_input_tokens": "input_tokens",
    "llm_output_tokens": "output_tokens",
    "llm_token_logprob": "mean_logprob",
}
COUNTED = {"llm_cached_input_tokens_total": "cached_input_tokens", "llm_cost_usd_total": "cost_usd"}
_LABELS_HELD = 20_000
# no float's logarithm is smaller; servers write -9999 for a token that is not among their likeliest
LEAST_LOGPROB = -1_000

Identity = tuple[str, ...]
Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@lru_cache(_LABELS_HELD)
def labels_of(name: str, identity: Identity, more: str = "", value: str = "") -> Labels:
    """A series' label set, made once: the same ones come with every request."""
    pairs = {**dict(zip(IDENTITY, identity, strict=True)), "__name__": name}
    return Labels({**pairs, more: value} if more else pairs)


class _Columns:
    """The series of the chosen calls, a name at a time."""

    def __init__(self, calls: Calls, chosen: Sequence[int]) -> None:
        self.calls, self.chosen = calls, np.array(chosen, dtype=np.int64)
        self.groups: dict[Identity, int] = {}
        rows = list(zip(*(calls.texts[name] for name in IDENTITY), strict=True))
        self.identities = [rows[position] for position in chosen]
        self.group = np.array(
            [self.groups.setdefault(one, len(self.groups)) for one in self.identities], dtype=np.int64
        )
        self.names = list(self.groups)
        self.times = np.array(calls.started_ms, dtype=np.int64)[self.chosen]
        self.labels: list[Labels] = []
        self.counted: list[bool] = []
        self.parts: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array]] = []

    def number(self, name: str) -> Array:
        """A column with NaN for unknown."""
        return np.array(self.calls.numbers[name], dtype=np.float64)[self.chosen]

    def add(self, name: str, values: Array, where: Mask, *, counted: bool) -> None:
        """One observation, or one amount, for each call in ``where``."""
        if not where.any():
            return
        # a group without such a call has its label set all the same: nothing points there
        owners = self.group[where] + len(self.labels)
        self.labels += [labels_of(name, one) for one in self.names]
        self.counted += [counted] * len(self.names)
        self.parts.append((owners, self.times[where], values[where]))

    def count_by(self, name: str, label: str, values: Sequence[str | None]) -> None:
        """One more for each call that has a value, by that value."""
        owners, places, known = [], [], dict[Labels, int]()
        for place, value in enumerate(values):
            if value is not None:
                labels = labels_of(name, self.identities[place], label, value)
                if labels not in known:
                    known[labels] = len(self.labels)
                    self.labels.append(labels)
                    self.counted.append(True)
                owners.append(known[labels])
                places.append(place)
        if owners:
            self.parts.append((np.array(owners, dtype=np.int64), self.times[places], np.ones(len(owners))))

    def whole(self) -> Increments:
        owners, times, values = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        return Increments(self.labels, self.counted, owners, times, values)


def increments(calls: Calls, chosen: Sequence[int]) -> Increments | None:
    """What these calls add, each at its own time; None for no calls."""
    if not chosen:
        return None
    columns = _Columns(calls, chosen)
    every = np.ones(len(chosen), dtype=bool)
    columns.add("llm_requests_total", every.astype(np.float64), every, counted=True)
    columns.count_by("llm_errors_total", "error", [_error(calls.errors[position]) for position in chosen])
    for name, part in OBSERVED.items():
        values = columns.number(part)
        columns.add(name, values, ~np.isnan(values), counted=False)
    for name, part in COUNTED.items():
        values = columns.number(part)
        columns.add(name, values, values > 0, counted=True)
    _add_speed(columns)
    grounds = calls.texts["grounding"]
    columns.count_by(
        "llm_rag_requests_total", "grounding", [grounds[position] or None for position in chosen]
    )
    return columns.whole()


def _error(error: str | None) -> str | None:
    return None if error is None else error or "unknown"


def _add_speed(columns: _Columns) -> None:
    tokens, duration = columns.number("output_tokens"), columns.number("duration_seconds")
    ttft = columns.number("ttft_seconds")
    spoke = (tokens > 0) & (duration > 0)
    decoding = duration - np.nan_to_num(ttft)
    streamed = spoke & ~np.isnan(ttft) & (tokens > 1) & (decoding >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        columns.add("llm_tpot_seconds", decoding / (tokens - 1), streamed, counted=False)
        columns.add("llm_output_tokens_per_second", tokens / decoding, spoke & (decoding > 0), counted=False)


class _Own(NamedTuple):
    """The series of calls of one identity."""

    requests: Labels
    observed: list[tuple[Labels, str]]
    counted: list[tuple[Labels, str]]
    tpot: Labels
    speed: Labels


@lru_cache(2_000)
def _own(identity: Identity) -> _Own:
    observed = [(labels_of(name, identity), part) for name, part in OBSERVED.items()]
    counted = [(labels_of(name, identity), part) for name, part in COUNTED.items()]
    names = ("llm_requests_total", "llm_tpot_seconds", "llm_output_tokens_per_second")
    requests, tpot, speed = (labels_of(name, identity) for name in names)
    return _Own(requests, observed, counted, tpot, speed)


def rows(calls: Calls) -> Iterator[Row]:
    """What each of these calls adds."""
    numbers, errors, grounds = calls.numbers, calls.errors, calls.texts["grounding"]
    for place, identity in enumerate(zip(*(calls.texts[name] for name in IDENTITY), strict=True)):
        at, own = calls.started_ms[place], _own(identity)
        yield own.requests, True, at, 1.0
        if (error := _error(errors[place])) is not None:
            yield labels_of("llm_errors_total", identity, "error", error), True, at, 1.0
        if grounds[place]:
            yield labels_of("llm_rag_requests_total", identity, "grounding", grounds[place]), True, at, 1.0
        for labels, part in own.observed:
            if (value := numbers[part][place]) is not None:
                yield labels, False, at, float(value)
        for labels, part in own.counted:
            if value := numbers[part][place]:
                yield labels, True, at, float(value)
        yield from _speed(own, at, *(numbers[part][place] for part in _OF_SPEED))


_OF_SPEED = ("output_tokens", "duration_seconds", "ttft_seconds")


def _speed(
    own: _Own, at: int, tokens: float | None, duration: float | None, ttft: float | None
) -> Iterator[Row]:
    if not tokens or not duration:
        return
    decoding = duration - (ttft or 0.0)
    if ttft is not None and tokens > 1 and decoding >= 0:
        yield own.tpot, False, at, decoding / (tokens - 1)
    if decoding > 0:
        yield own.speed, False, at, tokens / decoding


DERIVES = Derives(increments, rows)


class Deriver:
    """One call after the other, by the plainest means."""

    def __init__(self) -> None:
        self.deltas = Deltas()

    def labels(self, name: str, generation: Generation, *more: str) -> Labels:
        """The series' labels; ``more`` is one label name and its value."""
        return labels_of(name, tuple(getattr(generation, part) for part in IDENTITY), *more)

    def take(self, generation: Generation, grounding: str, mean_logprob: float | None) -> None:
        """Add one call to every series it belongs to, at its own time."""
        at, deltas = generation.started_ms, self.deltas
        assert at is not None
        deltas.count(self.labels("llm_requests_total", generation), at)
        if generation.error is not None:
            deltas.count(
                self.labels("llm_errors_total", generation, "error", generation.error or "unknown"), at
            )
        for name, part in OBSERVED.items():
            value = mean_logprob if part == "mean_logprob" else getattr(generation, part)
            if value is not None:
                deltas.observe(self.labels(name, generation), at, float(value))
        for name, part in COUNTED.items():
            value = getattr(generation, part)
            if value:
                deltas.count(self.labels(name, generation), at, float(value))
        self._take_speed(generation, at)
        if grounding:
            deltas.count(self.labels("llm_rag_requests_total", generation, "grounding", grounding), at)

    def _take_speed(self, generation: Generation, at: int) -> None:
        tokens, duration, ttft = (
            generation.output_tokens,
            generation.duration_seconds,
            generation.ttft_seconds,
        )
        if not tokens or not duration:
            return
        decoding = duration - (ttft or 0.0)
        if ttft is not None and tokens > 1 and decoding >= 0:
            self.deltas.observe(self.labels("llm_tpot_seconds", generation), at, decoding / (tokens - 1))
        if decoding > 0:
            self.deltas.observe(
                self.labels("llm_output_tokens_per_second", generation), at, tokens / decoding
            )


def mean_logprob(tokens: Sequence[dict[str, object]] | None) -> float | None:
    """The mean log-probability of those tokens of the output for which the server gave one; None where it gave none."""
    values = [
        float(value)
        for token in tokens or ()
        # a whole number of any length is JSON, too
        if isinstance(value := token.get("logprob"), int | float) and LEAST_LOGPROB <= value <= 0
    ]
    mean = sum(values) / len(values) if values else math.inf
    return mean if math.isfinite(mean) else None
