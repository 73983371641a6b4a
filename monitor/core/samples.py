"""Arrays of time and value, the question that selects them, and staleness. Times are Unix milliseconds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np
import numpy.typing as npt

from monitor.core.histograms import HistogramRun
from monitor.core.labels import Labels, Matcher, Roster

Times = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

STALE_BITS = 0x7FF0000000000002
STALE = np.array([STALE_BITS], dtype=np.uint64).view(np.float64)[0]
LOOKBACK_MS = 300_000


def is_stale(values: Values) -> npt.NDArray[np.bool_]:
    """Which values are Prometheus' staleness marker (one NaN of many; other NaNs are ordinary values)."""
    marked: npt.NDArray[np.bool_] = values.view(np.uint64) == STALE_BITS
    return marked


@dataclass(slots=True)
class Series:
    """One label set and its samples in ascending time order, no time twice.

    ``times``/``values`` hold the float samples (shape (n,)), staleness markers included: a stale histogram
    series is marked there too. ``histograms`` hold the native histogram samples in runs of one layout,
    ascending. The two kinds may interleave in time but never share a time.
    """

    labels: Labels
    times: Times
    values: Values
    histograms: tuple[HistogramRun, ...] = field(default=())


@dataclass(slots=True)
class Part:
    """Float samples of series that were all sampled at the same times: ``values`` is (rows, times).

    ``rows`` are the places of these series in the table, ascending.
    """

    rows: Times
    times: Times
    values: Values


class Table(Sequence[Series]):
    """Series without histograms as few matrices; a series of its own is made when somebody asks for it."""

    def __init__(self, labels: Roster, parts: Iterable[Part]) -> None:
        self.labels, self.parts = labels, list(parts)

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, place: int) -> Series: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Series]: ...
    def __getitem__(self, place: int | slice) -> Series | Sequence[Series]:
        if isinstance(place, slice):
            return [self[one] for one in np.arange(len(self))[place].tolist()]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        for part in self.parts:
            at = int(part.rows.searchsorted(place))
            if at < len(part.rows) and part.rows[at] == place:
                return Series(self.labels[place], part.times, part.values[at])
        return Series(self.labels[place], np.empty(0, dtype=np.int64), np.empty(0))

    @property
    def samples(self) -> int:
        return sum(part.values.size for part in self.parts)


@dataclass(slots=True)
class Columns:
    """Float samples on their way in: the first ``counts[0]`` of them belong to ``labels[0]``, and so on."""

    labels: list[Labels]
    counts: Times
    times: Times
    values: Values

    def __len__(self) -> int:
        return len(self.times)

    def owners(self) -> Times:
        """For each sample the position of its label set."""
        return np.repeat(np.arange(len(self.labels)), self.counts)

    def where(self, kept: npt.NDArray[np.bool_]) -> "Columns":
        """Only the samples for which ``kept`` is true; label sets stay, some perhaps without samples."""
        counts = np.bincount(self.owners()[kept], minlength=len(self.labels))
        return Columns(self.labels, counts, self.times[kept], self.values[kept])


def of_points(points: Sequence[tuple[Labels, int, float]]) -> Columns:
    """Single samples as columns."""
    return Columns(
        [labels for labels, _, _ in points],
        np.ones(len(points), dtype=np.int64),
        np.array([at for _, at, _ in points], dtype=np.int64),
        np.array([value for _, _, value in points], dtype=np.float64),
    )


def joined(first: Columns, second: Columns) -> Columns:
    """The samples of both, in this order."""
    return Columns(
        first.labels + second.labels,
        np.concatenate((first.counts, second.counts)),
        np.concatenate((first.times, second.times)),
        np.concatenate((first.values, second.values)),
    )


@dataclass(frozen=True, slots=True)
class Selection:
    """What a query wants to read: matchers and the closed span [start_ms, end_ms] of sample times.

    ``range_ms`` is the width of a range selector (0 for an instant one) and ``step_ms`` the distance of
    evaluation steps (0 for one step): hints by which derived series choose how densely to report.
    ``span_ms`` is how long the whole question is of which this is a part (0: this is the whole).
    """

    matchers: tuple[Matcher, ...]
    start_ms: int
    end_ms: int
    range_ms: int = 0
    step_ms: int = 0
    span_ms: int = 0
