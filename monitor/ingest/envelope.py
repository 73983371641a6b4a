"""What every protocol becomes: generations, points, native histograms and scores, and what was refused."""

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

import msgspec

from monitor.core.deltas import Delta
from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels
from monitor.core.samples import Columns

Point = tuple[Labels, int, float]
# the time of a point whose sender gave none: it gets the time of receipt
UNTIMED = -(2**62)
# the place of what is no item of the request by itself, such as an event within a span
NOWHERE = -1


class Context(msgspec.Struct, gc=False):
    """One retrieved document."""

    id: str = ""
    text: str = ""
    score: float | None = None


class Generation(msgspec.Struct, gc=False):
    """One call of a model, as its sender described it. Times in Unix milliseconds, durations in seconds.

    ``around`` is the sender's id of what this call happened in and what may itself be reported as a call.
    """

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
    around: str = ""


class ScoreRecord(msgspec.Struct):
    """A mark by a person, a rule or a reference, on the call whose sender's id is ``generation_id``."""

    generation_id: str
    name: str
    value: float
    source: str = "human"
    reason: str = ""
    author: str = ""


class Reason(StrEnum):
    """Why an item that was sent is not stored: what the ledger counts under, and its page shows."""

    NOT_LLM = "not_llm"
    EMBEDDING = "embedding"
    TOOL = "tool"
    AGENT = "agent"
    WRAPPER = "wrapper"
    NO_CALL = "no_call"
    OVER_LIMIT = "over_limit"
    INVALID = "invalid"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    SAMPLED_OUT = "sampled_out"
    CONFLICT = "conflict"
    UNSUPPORTED = "unsupported"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Source:
    """Who sent an item and how it was spelled: a service's name, and a convention or protocol.

    An empty sender becomes the request's user agent.
    """

    sender: str = ""
    dialect: str = ""


@dataclass(slots=True)
class Rejection:
    """One record that was not taken: its place in the batch, the field at fault and what to do.

    ``items`` is how many of what the sender counts (spans, samples) it stands for.
    """

    index: int
    field: str
    error: str
    reason: Reason = Reason.INVALID
    items: int = 1


class PieceKind(IntEnum):
    """What a piece adds to calls: their texts, the documents they were given, or a mark."""

    CONTENT = 0
    CONTEXTS = 1
    MARK = 2


@dataclass(slots=True)
class Piece:
    """Something about calls of a trace that may come before them or after, in a request of its own.

    A content or a mark belongs to the call of ``span``; contexts to the calls that start at ``at_ms`` or later.
    """

    kind: PieceKind
    trace: str
    span: str
    at_ms: int
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class About:
    """One family of metrics as its page or its sender describes it."""

    type: str = "unknown"
    help: str = ""
    unit: str = ""


@dataclass(slots=True)
class Batch:
    """What one request brought. ``places`` (where a protocol keeps them) are positions in the request.

    An item is what the sender counts: a record, a span, a log record. Every item has a place of its own and
    one fate: stored, known already, or not stored for a reason. Where several samples come of one item
    (``sampled`` is false) the item is counted, else each sample.
    """

    generations: list[Generation] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    point_places: list[int] = field(default_factory=list)
    # what a protocol read without looking at each sample; ``column_places`` go with its label sets
    columns: Columns | None = None
    column_places: list[int] = field(default_factory=list)
    # where series are from whose own labels don't tell
    hosts: dict[Labels, str] = field(default_factory=dict)
    histograms: list[tuple[Labels, HistogramRun]] = field(default_factory=list)
    histogram_places: list[int] = field(default_factory=list)
    scores: list[ScoreRecord] = field(default_factory=list)
    score_places: list[int] = field(default_factory=list)
    # amounts of delta temporality, which the store adds up
    deltas: list[Delta] = field(default_factory=list)
    delta_places: list[int] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)
    piece_places: list[int] = field(default_factory=list)
    # what the sender says of its metrics, by the name of their family
    described: dict[str, About] = field(default_factory=dict)
    rejected: list[Rejection] = field(default_factory=list)
    # who sent it; ``sources`` holds the places that are another's (one request, several services)
    source: Source = Source()
    sources: dict[int, Source] = field(default_factory=dict)
    # left out without a word to the sender: see ``ignore``
    ignored: Counter[tuple[Source, Reason]] = field(default_factory=Counter)
    # places that went into a call (a retrieval span, a log record): they share the fate of that place
    parts: dict[int, int] = field(default_factory=dict)
    sampled: bool = True

    def source_of(self, place: int) -> Source:
        """Who sent the item at that place."""
        return self.sources.get(place, self.source)

    def ignore(self, place: int, reason: Reason, *, items: int = 1) -> None:
        """Leave the item out and count it, without a rejection in the answer."""
        self.ignored[self.source_of(place), reason] += items

    @property
    def samples(self) -> int:
        """How many float samples there are."""
        return len(self.points) + (len(self.columns) if self.columns else 0)

    @property
    def records(self) -> int:
        """How many records there are of all kinds."""
        known = len(self.generations) + len(self.histograms) + len(self.scores) + len(self.pieces)
        return known + len(self.deltas) + self.samples
