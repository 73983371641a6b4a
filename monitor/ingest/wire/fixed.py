"""Series of known label sets whose samples all have the usual shape, read as columns instead of one by one.

A sample is 18 bytes long when its time takes six bytes (1971 to 2109), or 9 when its value is 0 and left out.
So the bytes before the last k samples, if they are those that spelled a label set before, leave exactly k
samples; whether they are of that shape is looked at for all series at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.core.labels import Labels
from monitor.core.samples import Columns, Times
from monitor.ingest.wire.known import KnownLabels

SIZE = 18
# a first series of more samples is read whole, and tells how many there are
MOST_GUESSED = 32
# field 2 of 16 bytes, a double, a varint of six bytes: what is around the value, as numbers of four and eight bytes
_SAMPLE = np.dtype({
    "names": ["head", "value", "tail"], "formats": ["<u4", "<f8", "<u8"], "offsets": [0, 3, 10], "itemsize": SIZE,
})  # fmt: skip
_HEAD, _VALUE = np.uint32(0xFFFFFF), np.uint32(0x091012)
# all of the time's tag, and which of its bytes say that another one follows
_TAIL, _TIME = np.uint64(0x80_80_80_80_80_80_FF_00), np.uint64(0x00_80_80_80_80_80_10_00)
_ZERO = b"\x12\x07\x10"
_NO_VALUE = b"\x12\x10\x09" + bytes(8)


class Reader:
    """Takes the series of one request that it can; hands the others back."""

    def __init__(self, known: KnownLabels[bytes]) -> None:
        self.known = known
        self.each = 1
        self.labels: list[Labels] = []
        self.places: list[int] = []
        self.tails: list[bytes] = []
        self._records: npt.NDArray[Any] | None = None

    def expect(self, samples: int) -> None:
        """Most series of a request have as many samples as the one before."""
        self.each = max(1, samples)

    def left(self, request: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        """The series that must be read whole; the others are taken meanwhile."""
        cut = SIZE * self._guess(request)
        found = list(map(self.known.get, [series[:-cut] for series in request]))
        tails = [series[-cut:] for series in request]
        slow: set[int] = set()
        for index in [index for index, labels in enumerate(found) if labels is None]:
            series = request[index]
            other = self._tail(series)
            if other is None:
                slow.add(index)
                yield index, series
            else:
                found[index], tails[index] = other
        places: Iterable[int] = range(len(request))
        if slow:
            places = [index for index in places if index not in slow]
        self.places = list(places)
        self.tails = [tails[index] for index in places] if slow else tails
        self.labels = [labels for labels in found if labels is not None] if slow else found  # type: ignore[assignment] # all are known
        yield from self._odd(request)

    def _guess(self, request: Sequence[bytes]) -> int:
        """How many samples a series has: as many as the first of them, if that is known."""
        if request:
            first = request[0]
            for samples in range(1, min(len(first) // SIZE, MOST_GUESSED) + 1):
                if first[: -SIZE * samples] in self.known:
                    self.each = samples
        return self.each

    def _tail(self, series: bytes) -> tuple[Labels, bytes] | None:
        """Its labels and samples, if they are not as many as most have, or one that leaves its value out."""
        for cut in (SIZE * self.each, SIZE):
            labels = self.known.get(series[:-cut])
            if labels is not None:
                return labels, series[-cut:]
        labels = self.known.get(series[:-9]) if series[-9:-6] == _ZERO else None
        return None if labels is None else (labels, _NO_VALUE + series[-7:])

    def columns(self) -> Columns:
        """What was taken."""
        counts = np.fromiter(map(len, self.tails), dtype=np.int64, count=len(self.tails)) // SIZE
        records = _records(self.tails) if self._records is None else self._records
        return Columns(self.labels, counts, _times(records["tail"]), np.ascontiguousarray(records["value"]))

    def _odd(self, request: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        """Of those taken, the ones with bytes of another shape are given up."""
        records = _records(self.tails)
        usual = ((records["head"] & _HEAD) == _VALUE) & ((records["tail"] & _TAIL) == _TIME)
        if usual.all():
            self._records = records
            return
        owners = np.repeat(np.arange(len(self.tails)), [len(tail) // SIZE for tail in self.tails])
        odd = set(np.unique(owners[~usual]).tolist())
        places = [self.places[n] for n in sorted(odd)]
        self.labels = [one for n, one in enumerate(self.labels) if n not in odd]
        self.places = [one for n, one in enumerate(self.places) if n not in odd]
        self.tails = [one for n, one in enumerate(self.tails) if n not in odd]
        for place in places:
            yield place, request[place]


def _records(tails: Sequence[bytes]) -> npt.NDArray[Any]:
    return np.frombuffer(b"".join(tails), dtype=_SAMPLE)


def _times(tails: npt.NDArray[np.uint64]) -> Times:
    """The varints at their ends: six times seven bits, brought together two by two."""
    seven = (tails >> 16) & 0x7F7F_7F7F_7F7F
    fourteen = (seven & 0x007F_007F_007F) | (seven & 0x7F00_7F00_7F00) >> 1
    whole = (fourteen & 0x3FFF) | (fourteen & 0x3FFF_0000) >> 2 | (fourteen & 0x3FFF_0000_0000) >> 4
    return whole.view(np.int64)
