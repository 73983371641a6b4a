"""The calls of two versions as columns: what the comparison weighs and the scatter draws."""

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from dashboards import ask
from dashboards.panels.base import Column, Frame
from dashboards.visit import Visit
from monitor.canary.compare import Arm
from monitor.core import clock
from monitor.ingest import calls
from monitor.quality import read

# spread evenly over the time range; twice as many would not narrow the intervals by a third and would cost twice the time
MOST_CALLS = 20_000
# so short that what is read of each (its newest calls) stands for all of it
SLICES = 100
NAMES = (
    "raw_id", "started_at", "duration_seconds", "ttft_seconds", "input_tokens", "output_tokens", "error",
    "user_group",
)  # fmt: skip
LEAST_IN_BIN = 8


@dataclass(frozen=True, slots=True)
class Side:
    """One version: its columns, the arm of the comparison, and its newest calls with their texts."""

    version: str
    columns: dict[str, Column]
    arm: Arm
    newest: list[calls.GenerationSummary]

    @property
    def n(self) -> int:
        return len(self.columns["started_at"])


@dataclass(frozen=True, slots=True)
class Arms:
    """Both sides of one model."""

    model: str
    a: Side
    b: Side

    @property
    def window(self) -> tuple[dt.datetime, dt.datetime] | None:
        """From when to when both had calls; None where they never ran together."""
        times = [side.columns["started_at"] for side in (self.a, self.b)]
        if not all(len(one) for one in times):
            return None
        since, until = max(int(one[0]) for one in times), min(int(one[-1]) for one in times)
        return (clock.from_ms(since), clock.from_ms(until)) if since <= until else None

    @property
    def pattern(self) -> str:
        """Both versions as a regular expression inside a PromQL string."""
        return "|".join(_literal(side.version) for side in (self.a, self.b))

    def by_length(self, visit: Visit, bins: int, most: int) -> list[Frame]:
        """Latency over input tokens: a thinned cloud and a median line for each version."""
        frames = []
        for side in (self.a, self.b):
            colour = visit.colour(self.model, side.version)
            x, y = side.columns["input_tokens"], side.columns["duration_seconds"]
            known = np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)
            frames.append(_cloud(visit, side, np.flatnonzero(known), most, colour))
            frames.append(_medians(side.version, x[known], y[known], bins, colour))
        return [frame for frame in frames if len(frame)]


def arms_of(visit: Visit, model: str, a: str, b: str) -> Arms:
    """Both versions over the span of the visit."""
    return Arms(model, _side(visit, model, a), _side(visit, model, b))


def _side(visit: Visit, model: str, version: str) -> Side:
    start, end = visit.span.start, visit.span.end
    found = calls.columns(
        visit.project_id, start, end, NAMES, model=model, version=version, limit=MOST_CALLS, slices=SLICES
    )
    failed = np.array([error is not None for error in found["error"]], dtype=np.float64)
    # the time of a failed call is that of the failure, not of an answer
    answered = np.where(failed == 0, found["duration_seconds"], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        speed = found["output_tokens"] / (answered - np.nan_to_num(found["ttft_seconds"]))
    arm = Arm(
        version or "—",
        found["started_at"] / 1000.0,
        duration=found["duration_seconds"],
        ttft=found["ttft_seconds"],
        tokens_per_second=np.where(np.isfinite(speed) & (speed > 0), speed, np.nan),
        failed=failed,
        quality=_marks(visit, model, version, found),
        users=found["user_group"].astype(np.int64),
    )
    wanted = calls.Filter(visit.project_id, start, end, model=model, version=version)
    newest, _more = calls.page(wanted, limit=30)
    return Side(version, found, arm, [call for call in newest if call.error is None])


def _marks(visit: Visit, model: str, version: str, shown: dict[str, Column]) -> Column:
    """The judges' mean mark of each call, NaN where none has marked it."""
    if not len(shown["raw_id"]):
        return np.empty(0)
    start = clock.from_ms(int(shown["started_at"][0]))
    given = read.marks(visit.project_id, start, visit.span.end, model=model, version=version)
    if not given:
        return np.full(len(shown["raw_id"]), np.nan)
    known = {call.bytes: mark for call, mark in given.items()}
    return np.array([known.get(call, np.nan) for call in shown["raw_id"].tolist()], dtype=np.float64)


def _cloud(visit: Visit, side: Side, places: Column, most: int, colour: str) -> Frame:
    chosen = (
        places[np.linspace(0, len(places) - 1, min(most, len(places))).astype(int)] if len(places) else places
    )
    links = np.array(
        [visit.to(f"generations/{UUID(bytes=bytes(side.columns['raw_id'][place]))}") for place in chosen]
    )
    columns = {
        "x": side.columns["input_tokens"][chosen], "y": side.columns["duration_seconds"][chosen], "link": links,
    }  # fmt: skip
    return Frame(side.version or "—", columns, {}, colour)


def _medians(version: str, x: Column, y: Column, bins: int, colour: str) -> Frame:
    """The median of bins with equally many calls each; fewer bins where there are few calls."""
    count = min(bins, len(x) // LEAST_IN_BIN)
    order = np.argsort(x, kind="stable")
    groups = np.array_split(order, count) if count else []
    columns = {
        "x": np.array([np.median(x[group]) for group in groups]),
        "y": np.array([np.median(y[group]) for group in groups]),
    }
    return Frame(version or "—", columns, {"shape": "line"}, colour)


def _literal(text: str) -> str:
    special = set(r"\.+*?()|[]{}^$")
    escaped = "".join(f"\\{letter}" if letter in special else letter for letter in text)
    return ask.quoted(escaped)[1:-1]
