"""What every protocol becomes: generations, points, native histograms and scores, and what was refused."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.core.samples import Columns

Point = tuple[Labels, int, float]
# the time of a point whose sender gave none: it gets the time of receipt
UNTIMED = -(2**62)


class Context(msgspec.Struct):
    """One retrieved document."""

    id: str = ""
    text: str = ""
    score: float | None = None


class Generation(msgspec.Struct):
    """One call of a model, as its sender described it. Times in Unix milliseconds, durations in seconds."""

    model: str
    id: str | None = None
    version: str = ""
    environment: str = ""
    operation: str = ""
    provider: str = ""
    route: str = ""
    started_ms: int | None = None
    duration_seconds: float | None = None
    ttft_seconds: float | None = None
    inference_seconds: float | None = None
    queue_seconds: float | None = None
    input_tokens: int | None = None
    cached_input_tokens: int | None = None
    output_tokens: int | None = None
    error: str | None = None
    finish_reason: str = ""
    user: str = ""
    session: str = ""
    trace_id: str = ""
    span_id: str = ""
    cost_usd: float | None = None
    attributes: dict[str, Any] = {}
    prompt: str | list[dict[str, Any]] = ""
    output: str | list[dict[str, Any]] = ""
    tenant: str = ""
    language: str = ""
    topic: str = ""
    template: str = ""
    contexts: list[Context] | None = None
    context_used: bool | None = None
    tokens: list[dict[str, Any]] | None = None
    embedding: list[float] | None = None
    reference: str = ""


class ScoreRecord(msgspec.Struct):
    """A mark by a person, a rule or a reference, on the call whose sender's id is ``generation_id``."""

    generation_id: str
    name: str
    value: float
    source: str = "human"
    reason: str = ""
    author: str = ""


@dataclass(slots=True)
class Rejection:
    """One record that was not taken: its place in the batch, the field at fault and what to do."""

    index: int
    field: str
    error: str


@dataclass(slots=True)
class Batch:
    """What one request brought. ``places`` (where a protocol keeps them) are positions in the request."""

    generations: list[Generation] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    point_places: list[int] = field(default_factory=list)
    # what a protocol read without looking at each sample; ``column_places`` go with its label sets
    columns: Columns | None = None
    column_places: list[int] = field(default_factory=list)
    histograms: list[tuple[Labels, HistogramRun]] = field(default_factory=list)
    histogram_places: list[int] = field(default_factory=list)
    scores: list[ScoreRecord] = field(default_factory=list)
    score_places: list[int] = field(default_factory=list)
    rejected: list[Rejection] = field(default_factory=list)

    @property
    def samples(self) -> int:
        """How many float samples there are."""
        return len(self.points) + (len(self.columns) if self.columns else 0)

    @property
    def records(self) -> int:
        """How many records there are of all kinds."""
        return len(self.generations) + self.samples + len(self.histograms) + len(self.scores)
