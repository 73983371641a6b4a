"""Amounts added up to totals: points of delta temporality, each counted once in whatever order they come. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from monitor.core.histograms import DEFAULT_ZERO_THRESHOLD, HistogramRun
from monitor.core.labels import Labels

# so many moments are remembered, by which points that come late or again are told apart
REMEMBERED = 128


@dataclass(frozen=True, slots=True)
class Buckets:
    """A native histogram of one interval: counts by bucket index."""

    schema: int
    count: float
    total: float
    zero: float
    zero_threshold: float
    positive: dict[int, float]
    negative: dict[int, float]


@dataclass(frozen=True, slots=True)
class Delta:
    """One point: what was added to each of the series of one stream until ``at_ns``.

    ``stream`` names the stream; ``series`` and ``amounts`` are its float series, ``buckets`` its histogram.
    """

    stream: Labels
    at_ns: int
    series: Sequence[Labels] = ()
    amounts: Sequence[float] = ()
    buckets: Buckets | None = None


class Total(msgspec.Struct):
    """What a stream has added up to. ``floats`` by the labels that its series have beyond the stream's."""

    moments: list[int] = []
    floats: dict[str, float] = {}
    schema: int = 8
    count: float = 0.0
    total: float = 0.0
    zero: float = 0.0
    zero_threshold: float = 0.0
    positive: dict[int, float] = {}
    negative: dict[int, float] = {}


@dataclass(slots=True)
class Stream:
    """One stream as points are added to it."""

    total: Total
    known: set[int] = field(default_factory=set)
    moments: deque[int] = field(default_factory=deque)

    @classmethod
    def of(cls, data: bytes | None) -> "Stream":
        total = msgspec.json.decode(data, type=Total) if data else Total()
        return cls(total, set(total.moments), deque(total.moments, REMEMBERED))

    def encode(self) -> bytes:
        self.total.moments = list(self.moments)
        return msgspec.json.encode(self.total)

    def take(self, delta: Delta) -> bool | None:
        """Add the point: True when its sum is the newest, False when it came late; None when it was known.

        What is older than all that is remembered counts as known.
        """
        if delta.at_ns in self.known or (len(self.moments) == REMEMBERED and delta.at_ns < self.moments[0]):
            return None
        newest = not self.moments or delta.at_ns > self.moments[-1]
        if len(self.moments) == REMEMBERED:
            self.known.discard(self.moments.popleft())
        self.moments.append(delta.at_ns)
        if not newest:
            self.moments = deque(sorted(self.moments), REMEMBERED)
        self.known.add(delta.at_ns)
        total = self.total
        for labels, amount in zip(delta.series, delta.amounts, strict=True):
            name = text_of(labels)
            total.floats[name] = total.floats.get(name, 0.0) + amount
        if delta.buckets is not None:
            self._add(delta.buckets)
        return newest

    def sums(self, delta: Delta) -> list[float]:
        """What each of the point's series stands at."""
        return [self.total.floats[text_of(labels)] for labels in delta.series]

    def run(self, at_ms: int) -> HistogramRun:
        """The histogram as it stands."""
        total = self.total
        positive, negative = sorted(total.positive), sorted(total.negative)
        return HistogramRun(
            times=np.array([at_ms], dtype=np.int64),
            count=np.array([total.count]), total=np.array([total.total]), zero=np.array([total.zero]),
            schema=total.schema, zero_threshold=total.zero_threshold or DEFAULT_ZERO_THRESHOLD,
            positive_index=np.array(positive, dtype=np.int64),
            positive=np.array([[total.positive[index] for index in positive]], dtype=np.float64),
            negative_index=np.array(negative, dtype=np.int64),
            negative=np.array([[total.negative[index] for index in negative]], dtype=np.float64),
        )  # fmt: skip

    def _add(self, given: Buckets) -> None:
        total = self.total
        schema = min(total.schema, given.schema)
        total.positive = _merged(total.positive, total.schema, given.positive, given.schema, schema)
        total.negative = _merged(total.negative, total.schema, given.negative, given.schema, schema)
        total.schema = schema
        total.count += given.count
        total.total += given.total
        total.zero += given.zero
        total.zero_threshold = max(total.zero_threshold, given.zero_threshold)


def _merged(
    one: dict[int, float], own: int, other: dict[int, float], its: int, schema: int
) -> dict[int, float]:
    found: dict[int, float] = {}
    for buckets, apart in ((one, own - schema), (other, its - schema)):
        for index, count in buckets.items():
            # bucket i ends at 2**(i/2**schema): coarser buckets end where a finer one does
            place = -((-index) >> apart)
            found[place] = found.get(place, 0.0) + count
    return found


def text_of(labels: Labels) -> str:
    """A label set as text, to keep a sum by."""
    return "\0".join(part for pair in labels.items_sorted for part in pair)
