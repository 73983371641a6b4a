"""A parcel as a Prometheus remote-write 1.0 request: protobuf in a snappy block, without a protobuf library.

The store's own writer (``outside/remote_write.py``) works on columns and needs numpy, which an agent's host lacks.
"""

import struct
from functools import lru_cache

import cramjam

from monitor.gpu.agent.spool import Parcel
from monitor.gpu.reading import Series

HEADERS = {
    "content-type": "application/x-protobuf",
    "content-encoding": "snappy",
    "x-prometheus-remote-write-version": "0.1.0",
}
# a sample: tag and length of the message, tag of the value, value, tag of the time
_SAMPLE = struct.Struct("<BBBdB")


def body(parcel: Parcel) -> bytes:
    """All series of the parcel."""
    times: dict[int, bytes] = {}
    found = []
    for series, samples in parcel.series.items():
        parts = [labels(series)]
        for at_ms, value in samples:
            moment = times.get(at_ms)
            if moment is None:
                moment = times[at_ms] = varint(at_ms)
            parts.append(_SAMPLE.pack(0x12, 10 + len(moment), 0x09, value, 0x10) + moment)
        found.append(_field(1, b"".join(parts)))
    return bytes(cramjam.snappy.compress_raw(b"".join(found)))


@lru_cache(10_000)
def labels(series: Series) -> bytes:
    """A label set, ascending as the specification wants it."""
    return b"".join(
        _field(1, _field(1, name.encode()) + _field(2, value.encode(errors="replace")))
        for name, value in series
    )


def varint(value: int) -> bytes:
    """A number in groups of seven bits, the lowest first."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _field(number: int, content: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + varint(len(content)) + content
