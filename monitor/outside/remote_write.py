"""Prometheus remote-write 1.0 requests: protobuf in a snappy block, written column by column.

Field numbers are those of the specification. A series is its labels' bytes, made once, and its samples' bytes.
"""

from collections.abc import Iterable

import cramjam
import numpy as np
import numpy.typing as npt

from monitor.core.histograms import CUSTOM_SCHEMA, HistogramRun
from monitor.core.labels import Labels

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HEADERS = {
    "content-type": "application/x-protobuf",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": "0.1.0",
}
GAUGE_HINT = 3
# times whose variable-length form takes six bytes: 1971 to 2109
SIX_FROM, SIX_TO = 1 << 35, 1 << 42
_SEVEN = np.uint64(0x7F)


def request(series: Iterable[bytes]) -> bytes:
    """A whole request of the series given."""
    return bytes(cramjam.snappy.compress_raw(b"".join(_field(1, one) for one in series)))


def labels_bytes(labels: Labels) -> bytes:
    """A series' label set, ascending as the specification wants it."""
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode())) for name, value in labels.items_sorted
    )


def floats_bytes(times: Ints, values: Floats) -> bytes:
    """Float samples of one series; NaNs keep their bits."""
    if len(times) and (times.min() < SIX_FROM or times.max() >= SIX_TO):
        return b"".join(map(_sample, times.tolist(), values))
    rows = np.empty((len(times), 18), dtype=np.uint8)
    rows[:, :3] = (0x12, 16, 0x09)
    rows[:, 3:11] = values.astype("<f8").view(np.uint8).reshape(-1, 8)
    rows[:, 11] = 0x10
    rest = times.astype(np.uint64)
    for place in range(6):
        rows[:, 12 + place] = (rest >> np.uint64(7 * place)) & _SEVEN
    rows[:, 12:17] |= 0x80
    return rows.tobytes()


def run_bytes(run: HistogramRun) -> bytes:
    """Native histogram samples of one series."""
    return b"".join(_field(4, _histogram(run, row)) for row in np.arange(len(run.times)).tolist())


def _sample(moment: int, value: np.float64) -> bytes:
    body = b"\x09" + np.array([value], dtype="<f8").tobytes()
    return _field(2, body + (b"\x10" + _varint(moment) if moment else b""))


def _histogram(run: HistogramRun, row: int) -> bytes:
    """Whole counts as integers with deltas, as scraped ones come; others as floats."""
    positive = run.positive[row] if len(run.positive_index) else np.empty(0)
    negative = run.negative[row] if len(run.negative_index) else np.empty(0)
    counts = np.concatenate([positive, negative, [run.count[row], run.zero[row]]])
    whole = bool((counts == np.floor(counts)).all() and (counts >= 0).all() and (counts < 2**53).all())
    parts = [
        _count(1, float(run.count[row]), whole=whole),
        _double(3, float(run.total[row])),
        _tag(4, 0) + _varint(_zigzag(run.schema)),
    ]
    if run.schema == CUSTOM_SCHEMA:
        parts.append(_packed(16, list(run.custom_bounds)))
    else:
        parts += [_double(5, run.zero_threshold), _count(6, float(run.zero[row]), whole=whole)]
    parts += _side(8, run.negative_index, negative, whole=whole)
    parts += _side(11, run.positive_index, positive, whole=whole)
    if run.gauge:
        parts.append(_tag(14, 0) + _varint(GAUGE_HINT))
    parts.append(_tag(15, 0) + _varint(int(run.times[row])))
    return b"".join(parts)


def _side(first: int, index: Ints, counts: Floats, *, whole: bool) -> list[bytes]:
    """Spans, then deltas or counts, of the buckets above or below zero."""
    filled = counts != 0
    if not filled.any():
        return []
    places, found = index[filled], counts[filled]
    starts = np.flatnonzero(np.append(True, np.diff(places) > 1))
    lengths = np.diff(np.append(starts, len(places)))
    ends = places[starts] + lengths
    offsets = places[starts] - np.append(0, ends[:-1])
    spans = [
        _field(first, _tag(1, 0) + _varint(_zigzag(offset)) + _tag(2, 0) + _varint(length))
        for offset, length in zip(offsets.tolist(), lengths.tolist(), strict=True)
    ]
    if not whole:
        return [*spans, _packed(first + 2, found.tolist())]
    deltas = np.diff(found, prepend=0.0).astype(np.int64).tolist()
    return [*spans, _field(first + 1, b"".join(_varint(_zigzag(delta)) for delta in deltas))]


def _count(number: int, value: float, *, whole: bool) -> bytes:
    """A count under its number, or as a float under the next."""
    return _tag(number, 0) + _varint(int(value)) if whole else _double(number + 1, value)


def _packed(number: int, values: list[float]) -> bytes:
    return _field(number, np.array(values, dtype="<f8").tobytes())


def _double(number: int, value: float) -> bytes:
    return _tag(number, 1) + np.array([value], dtype="<f8").tobytes()


def _field(number: int, body: bytes) -> bytes:
    return _tag(number, 2) + _varint(len(body)) + body


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def _varint(value: int) -> bytes:
    value &= 2**64 - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
