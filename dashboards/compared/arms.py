"""The calls of each side as columns: what the comparison weighs and the scatter draws."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from dashboards.compared.sides import Side
from dashboards.panels.base import Column, Frame
from dashboards.visit import Visit
from monitor.canary.compare import Arm
from monitor.core import clock
from monitor.ingest import calls
from monitor.quality import read

# spread evenly over the time range; twice as many would not narrow the intervals by a third and would cost twice the time.
# Of 8,000 they are well within the margins by which a version counts as not worse
MOST_CALLS = 8_000
# so short that what is read of each (its newest calls) stands for all of it
SLICES = 100
NAMES = (
    "raw_id", "started_at", "duration_seconds", "ttft_seconds", "input_tokens", "output_tokens", "error",
    "user_group",
)  # fmt: skip
LEAST_IN_BIN = 8
BINS = 10
# the slope of fewer bins, or over less than twice the length, is noise
LEAST_BINS = 4


@dataclass(frozen=True, slots=True)
class Loaded:
    """A side with its columns (times laid over those of the page) and the arm of the comparison."""

    side: Side
    columns: dict[str, Column]
    arm: Arm

    @property
    def n(self) -> int:
        return len(self.columns["started_at"])


def load(visit: Visit, side: Side) -> Loaded:
    """The calls of one side over its window."""
    found = calls.columns(
        visit.project_id, side.span.start, side.span.end, NAMES, model=side.model, version=side.version,
        environment=side.environment, limit=MOST_CALLS, slices=SLICES,
    )  # fmt: skip
    failed = np.array([error is not None for error in found["error"]], dtype=np.float64)
    # the time of a failed call is that of the failure, not of an answer
    answered = np.where(failed == 0, found["duration_seconds"], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = found["output_tokens"] / (answered - np.nan_to_num(found["ttft_seconds"]))
    quality = _marks(visit, side, found)
    found["started_at"] = found["started_at"] + side.shift_ms
    arm = Arm(
        side.label,
        found["started_at"] / 1000.0,
        duration=found["duration_seconds"],
        ttft=found["ttft_seconds"],
        tokens_per_second=np.where(np.isfinite(speed) & (speed > 0), speed, np.nan),
        failed=failed,
        quality=quality,
        users=found["user_group"].astype(np.int64),
    )
    return Loaded(side, found, arm)


def _marks(visit: Visit, side: Side, shown: dict[str, Column]) -> Column:
    """The judges' mean mark of each call, NaN where none has marked it."""
    if not len(shown["raw_id"]):
        return np.empty(0)
    start = clock.from_ms(int(shown["started_at"][0]))
    given = read.marks(visit.project_id, start, side.span.end, model=side.model, version=side.version)
    if not given:
        return np.full(len(shown["raw_id"]), np.nan)
    known = {call.bytes: mark for call, mark in given.items()}
    return np.array([known.get(call, np.nan) for call in shown["raw_id"].tolist()], dtype=np.float64)


def together(loaded: Sequence[Loaded]) -> tuple[dt.datetime, dt.datetime] | None:
    """From when to when all had calls; None where they never ran together."""
    times = [one.columns["started_at"] for one in loaded]
    if not all(len(one) for one in times):
        return None
    since, until = max(int(one[0]) for one in times), min(int(one[-1]) for one in times)
    return (clock.from_ms(since), clock.from_ms(until)) if since <= until else None


def by_length(visit: Visit, loaded: Sequence[Loaded], most: int) -> list[Frame]:
    """Latency over input tokens: a thinned cloud and a median line for each side."""
    frames = []
    for one in loaded:
        x, y = one.columns["input_tokens"], one.columns["duration_seconds"]
        known = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
        frames.append(_cloud(visit, one, np.flatnonzero(known), most))
        frames.append(medians(one.side, x[known], y[known]))
    return [frame for frame in frames if len(frame)]


def _cloud(visit: Visit, one: Loaded, places: Column, most: int) -> Frame:
    chosen = (
        places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)] if len(places) else places
    )
    before, _, behind = visit.to("generations/*").partition("*")
    links = np.array([f"{before}{UUID(bytes=bytes(raw))}{behind}" for raw in one.columns["raw_id"][chosen]])
    columns = {
        "x": one.columns["input_tokens"][chosen], "y": one.columns["duration_seconds"][chosen], "link": links,
    }  # fmt: skip
    return Frame(one.side.label, columns, {}, one.side.colour)


def medians(side: Side, x: Column, y: Column) -> Frame:
    """The median of bins with equally many points each; fewer bins where there are few points."""
    count = min(BINS, len(x) // LEAST_IN_BIN)
    order = np.argsort(x, kind="stable")
    groups = np.array_split(order, count) if count else []
    columns = {
        "x": np.array([np.median(x[group]) for group in groups]),
        "y": np.array([np.median(y[group]) for group in groups]),
    }
    return Frame(side.label, columns, {"shape": "line"}, side.colour)


def doubling(line: Frame) -> float | None:
    """By what factor a value grows where what stands across doubles; None where there is too little to say."""
    x, y = line.columns["x"], line.columns["y"]
    if len(x) < LEAST_BINS or x[-1] < 2 * x[0] or not (x > 0).all() or not (y > 0).all():
        return None
    return float(2.0 ** np.polyfit(np.log2(x), np.log2(y), 1)[0])
