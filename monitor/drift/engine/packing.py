"""Clusters and hours of vectors as bytes, for keeping."""

import zlib

import msgspec
import numpy as np

from monitor.core.stats import Floats
from monitor.drift.engine.vectors import Clusters, VectorHours


class _Clusters(msgspec.Struct, array_like=True):
    shape: tuple[int, int]
    centres: bytes
    far: bytes
    group: list[int]


class _Hour(msgspec.Struct, array_like=True):
    at: int
    n: list[int]
    total: bytes
    far: int


def name_of(clusters: Clusters) -> str:
    """Sums by other clusters must never be mixed up with these."""
    return f"{zlib.crc32(clusters.centres.tobytes()):08x}"


def encode_clusters(clusters: Clusters) -> bytes:
    k, d = clusters.centres.shape
    return msgspec.msgpack.encode(
        _Clusters((k, d), clusters.centres.tobytes(), clusters.far.tobytes(), clusters.group.tolist())
    )


def decode_clusters(stored: bytes) -> Clusters:
    found = msgspec.msgpack.decode(stored, type=_Clusters)
    return Clusters(
        _floats(found.centres, found.shape), _floats(found.far, (-1,)), np.array(found.group, dtype=np.int64)
    )


def encode_hour(hour: VectorHours) -> bytes:
    """One hour; sums in single precision, which is more than the vectors had."""
    total = hour.total[0].astype(np.float32).tobytes() if hour.calls[0] else b""
    return msgspec.msgpack.encode(
        _Hour(int(hour.at[0]), hour.n[0].astype(int).tolist(), total, int(hour.far[0]))
    )


def decode_hour(stored: bytes, clusters: Clusters) -> VectorHours:
    found = msgspec.msgpack.decode(stored, type=_Hour)
    k, d = clusters.centres.shape
    total = np.frombuffer(found.total, np.float32) if found.total else np.zeros(k * d, np.float32)
    return VectorHours(
        np.array([found.at], dtype=np.int64),
        np.array([found.n], dtype=np.float64),
        total.astype(np.float64).reshape(1, k, d),
        np.array([float(found.far)]),
    )


def _floats(stored: bytes, shape: tuple[int, ...]) -> Floats:
    found: Floats = np.frombuffer(stored, dtype=np.float64).reshape(shape)
    return found
