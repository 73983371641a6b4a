"""How arrays become bytes: the one format of sample batches and chunks.

A block is a msgpack map of named columns. Numbers go through pcodec (bit-exact for NaN payloads); short
columns stay raw, because pcodec's fixed cost would exceed what it saves. A CRC guards against silent
corruption, which pcodec itself does not notice.
"""

import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, standalone

# int64 or float64, told apart by the column's name
Column = npt.NDArray[Any]
RAW_BELOW = 24
VERSION = 1
_TYPES = {"i": np.dtype(np.int64), "f": np.dtype(np.float64)}
_CONFIG = ChunkConfig(compression_level=4)


class CorruptBlockError(ValueError):
    """Stored bytes that are not what was written. Not worth a retry; the storage below is at fault."""


def pack(columns: Mapping[str, Column]) -> bytes:
    """Named one-dimensional int64 or float64 columns as bytes."""
    body = msgspec.msgpack.encode({name: _pack_one(column) for name, column in columns.items()})
    return VERSION.to_bytes(1, "big") + zlib.crc32(body).to_bytes(4, "big") + body


def unpack(data: bytes) -> dict[str, Column]:
    """The columns of ``pack``; raises CorruptBlockError."""
    body = data[5:]
    if data[0] != VERSION or zlib.crc32(body) != int.from_bytes(data[1:5], "big"):
        message = f"a block of {len(data)} bytes is corrupt; check the database's disks and checksums"
        raise CorruptBlockError(message)
    decoded: dict[str, tuple[str, int, bytes]] = msgspec.msgpack.decode(body)
    return {name: _unpack_one(*parts) for name, parts in decoded.items()}


def _pack_one(column: Column) -> tuple[str, int, bytes]:
    kind = "f" if column.dtype == np.float64 else "i"
    plain = np.ascontiguousarray(column, dtype=_TYPES[kind])
    if plain.size < RAW_BELOW:
        return kind, -1, plain.tobytes()
    return kind, plain.size, standalone.simple_compress(plain, _CONFIG)


def _unpack_one(kind: str, size: int, data: bytes) -> Column:
    if size < 0:
        short: Column = np.frombuffer(data, dtype=_TYPES[kind])
        return short
    column: Column = np.empty(size, dtype=_TYPES[kind])
    standalone.simple_decompress_into(data, column)
    return column
