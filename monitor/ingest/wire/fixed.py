"""Series of known label sets whose samples all have the usual shape, read as columns instead of one by one.

A sample is 18 bytes long when its time takes six bytes (1971 to 2109), or 9 when its value is 0 and left out.
So the bytes before the last k samples, if they are those that spelled a label set before, leave exactly k
samples; whether they are of that shape is looked at for all series at once.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from monitor.core.labels import Labels
from monitor.core.samples import Columns
from monitor.ingest.wire.known import KnownLabels

SIZE = 18
# field 2 of 16 bytes, a double, a varint
_VALUE = np.array([0x12, 0x10, 0x09], dtype=np.uint8)
_TIME_TAG, _TIME = 11, slice(12, 18)
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
        records = _records(self.tails)
        times = np.zeros(len(records), dtype=np.int64)
        for n, column in enumerate(records[:, _TIME].T):
            times |= (column & 0x7F).astype(np.int64) << (7 * n)
        values = np.ascontiguousarray(records[:, 3:_TIME_TAG]).view("<f8").reshape(-1)
        return Columns(self.labels, counts, times, values)

    def _odd(self, request: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
        """Of those taken, the ones with bytes of another shape are given up."""
        records = _records(self.tails)
        usual = (
            (records[:, :3] == _VALUE).all(axis=1)
            & (records[:, _TIME_TAG] == 0x10)
            & (records[:, 12:17] > 0x7F).all(axis=1)
            & (records[:, 17] < 0x80)
        )
        if usual.all():
            return
        owners = np.repeat(np.arange(len(self.tails)), [len(tail) // SIZE for tail in self.tails])
        odd = set(np.unique(owners[~usual]).tolist())
        places = [self.places[n] for n in sorted(odd)]
        self.labels = [one for n, one in enumerate(self.labels) if n not in odd]
        self.places = [one for n, one in enumerate(self.places) if n not in odd]
        self.tails = [one for n, one in enumerate(self.tails) if n not in odd]
        for place in places:
            yield place, request[place]


def _records(tails: Sequence[bytes]) -> "np.ndarray[tuple[int, int], np.dtype[np.uint8]]":
    return np.frombuffer(b"".join(tails), dtype=np.uint8).reshape(-1, SIZE)
