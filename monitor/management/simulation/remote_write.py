"""Encodes Prometheus remote-write 1.0 requests, from the specification alone: protobuf in a snappy block.

On purpose not the product's own message classes: what a stranger's agent sends must be understood.
"""

import struct
from collections.abc import Iterable

import cramjam

HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
VARINT, DOUBLE, BYTES = 0, 1, 2
Point = tuple[int, float]
Run = tuple[dict[str, str], Iterable[Point]]


def encode(runs: Iterable[Run]) -> bytes:
    """A WriteRequest of ``runs``: labels (``__name__`` among them) and points (Unix ms, value) in order."""
    message = b"".join(_field(1, _series(labels, points)) for labels, points in runs)
    return bytes(cramjam.snappy.compress_raw(message))


def _series(labels: dict[str, str], points: Iterable[Point]) -> bytes:
    names = b"".join(
        _field(1, _field(1, name.encode()) + _field(2, labels[name].encode())) for name in sorted(labels)
    )
    return names + b"".join(_field(2, _sample(at_ms, value)) for at_ms, value in points)


def _sample(at_ms: int, value: float) -> bytes:
    return _tag(1, DOUBLE) + struct.pack("<d", value) + _tag(2, VARINT) + _varint(at_ms)


def _field(number: int, content: bytes) -> bytes:
    return _tag(number, BYTES) + _varint(len(content)) + content


def _tag(number: int, kind: int) -> bytes:
    return _varint(number << 3 | kind)


def _varint(number: int) -> bytes:
    parts = bytearray()
    while number > 0x7F:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    parts.append(number)
    return bytes(parts)
