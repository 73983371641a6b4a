"""Series of known label sets whose samples all have the usual shape, read as columns instead of one by one.

A sample is 18 bytes long when its time takes six bytes (1971 to 2109), or 9 when its value is 0 and left out.
So the bytes before the last k samples, if they are those that spelled a label set before, leave exactly k
samples; whether they are of that shape is looked at for all series at once.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from monitor.core.labels import Labels
from monitor.core.samples import Columns, Times
from monitor.ingest.wire.known import KnownLabels

SIZE = 18
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
        find, taken, places, tails = self.known.get, self.labels.append, self.places.append, self.tails.append
        for index, series in enumerate(request):
            cut = len(series) - SIZE * self.each
            labels = find(series[:cut]) if cut > 0 else None
            if labels is not None:
                tail = series[cut:]
            elif self.each > 1 and (labels := find(series[:-SIZE])) is not None:
                tail = series[-SIZE:]
            elif series[-9:-6] == _ZERO and (labels := find(series[:-9])) is not None:
                tail = _NO_VALUE + series[-7:]
            else:
                yield index, series
                continue
            taken(labels)
            places(index)
            tails(tail)
        yield from self._odd(request)

    def columns(self) -> Columns:
        """What was taken."""
        counts = np.array([len(tail) for tail in self.tails], dtype=np.int64) // SIZE
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
