"""How arrays become bytes: the one format of sample batches and chunks.

A block is a msgpack map of named columns. What is kept for long goes through pcodec (bit-exact for NaN
payloads), decimal numbers as integers, even steps as their start; of the ways in which one number may foretell
the next the best is taken. What a request has just brought is only squeezed lightly, for it is merged soon. A
CRC guards against silent corruption, which pcodec does not notice.
"""

import zlib
from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import cramjam
import msgspec
import numpy as np
import numpy.typing as npt
from pcodec import ChunkConfig, DeltaSpec, standalone

# int64 or float64, told apart by the column's name
Column = npt.NDArray[Any]
Part = tuple[str, int, bytes]
RAW_BELOW = 24
# 1 knew only plain and pcodec columns ("i", "f"), 2 no narrow ones and none in stretches
VERSION = 3
_READ = (1, 2, VERSION)
_TYPES = {"i": np.dtype(np.int64), "f": np.dtype(np.float64)}
_CONFIG = ChunkConfig(compression_level=8)
# pcodec fails where its last batch holds fewer numbers than the last of the ways looks back at
_BATCH, _LOOKS_BACK = 512, 3
# numbers as they are, as steps, and (32 bits alone) as steps beyond what the last few foretell
_WAYS = [
    ChunkConfig(compression_level=8, delta_spec=spec)
    for spec in (DeltaSpec.no_op(), DeltaSpec.try_consecutive(1), DeltaSpec.try_conv1(_LOOKS_BACK))
]
_NARROW = 2**32
# shorter stretches know too little of their own to be told apart
STRETCH = 64
# a float column whose values have at most so many decimals is kept as integers; its kind is the digit
MOST_DECIMALS = 4
_EXACT = 2.0**53


class CorruptBlockError(ValueError):
    """Stored bytes that are not what was written. Not worth a retry; the storage below is at fault."""


def pack(
    columns: Mapping[str, Column], *, brief: bool = False, stretches: Mapping[str, Column] | None = None
) -> bytes:
    """Named one-dimensional int64 or float64 columns as bytes; ``brief``: quickly rather than small.

    ``stretches`` tells of a column where each run of numbers begins that have nothing to do with those before.
    """
    parts = {
        name: _pack_quickly(column) if brief else _pack_stretches(column, (stretches or {}).get(name))
        for name, column in columns.items()
    }
    return _whole(parts)


def pack_few(columns: Mapping[str, tuple[str, Sequence[float]]]) -> bytes:
    """As ``pack`` briefly, of a few numbers that are no arrays yet: making some of them took most of the time.

    Beside each column's name stands its kind, "i" or "f".
    """
    return _whole({name: _pack_list(kind, numbers) for name, (kind, numbers) in columns.items()})


def _whole(parts: Mapping[str, Part]) -> bytes:
    body = msgspec.msgpack.encode(parts)
    return VERSION.to_bytes(1, "big") + zlib.crc32(body).to_bytes(4, "big") + body


def unpack(data: bytes) -> dict[str, Column]:
    """The columns of ``pack``; raises CorruptBlockError."""
    body = data[5:]
    if data[0] not in _READ or zlib.crc32(body) != int.from_bytes(data[1:5], "big"):
        message = f"a block of {len(data)} bytes is corrupt; check the database's disks and checksums"
        raise CorruptBlockError(message)
    decoded: dict[str, Part] = msgspec.msgpack.decode(body)
    return {name: _unpack_one(*part) for name, part in decoded.items()}


def _pack_stretches(column: Column, starts: Column | None) -> Part:
    if starts is None or len(starts) < 2 or len(starts) * STRETCH > len(column):
        return _pack_small(column)
    parts = [_pack_small(part) for part in np.split(column, starts[1:])]
    return "parts", len(column), msgspec.msgpack.encode(parts)


def _pack_small(column: Column) -> Part:
    kind, plain = _plain(column)
    if kind == "i" and plain.size > 1 and _is_even(plain):
        return "step", plain.size, plain[[0, 1]].tobytes()
    if plain.size < RAW_BELOW:
        return kind, -1, plain.tobytes()
    if kind == "i":
        return _pack_integers("i", plain)
    scaled = _as_integers(plain)
    if scaled is not None:
        return _pack_integers(str(scaled[0]), scaled[1])
    return kind, plain.size, standalone.simple_compress(plain, _CONFIG)


def _pack_integers(kind: str, numbers: Column) -> Part:
    """The shortest of what the ways make of them; narrow ones as how far they are above the least."""
    least = int(numbers.min())
    if int(numbers.max()) - least >= _NARROW:
        found = (standalone.simple_compress(numbers, way) for way in _WAYS[:2])
        return kind, numbers.size, min(found, key=len)
    narrow = (numbers - least).astype(np.uint32)
    ways = _WAYS[:2] if 0 < numbers.size % _BATCH < _LOOKS_BACK else _WAYS
    found = (standalone.simple_compress(narrow, way) for way in ways)
    return f"w{kind}", numbers.size, least.to_bytes(8, "big", signed=True) + min(found, key=len)


def _pack_quickly(column: Column) -> Part:
    kind, plain = _plain(column)
    if kind == "i" and plain.size > RAW_BELOW:
        starts = np.flatnonzero(np.concatenate(([True], plain[1:] != plain[:-1])))
        if 2 * starts.size <= plain.size:
            return "runs", plain.size, np.concatenate((plain[starts], starts)).tobytes()
    if plain.size < RAW_BELOW:
        return kind, -1, plain.tobytes()
    return f"{kind}z", plain.size, bytes(cramjam.snappy.compress_raw(plain.tobytes()))


def _pack_list(kind: str, numbers: Sequence[float]) -> Part:
    plain = array("q" if kind == "i" else "d", numbers).tobytes()
    if len(numbers) < RAW_BELOW:
        return kind, -1, plain
    return f"{kind}z", len(numbers), bytes(cramjam.snappy.compress_raw(plain))


def _plain(column: Column) -> tuple[str, Column]:
    kind = "f" if column.dtype == np.float64 else "i"
    return kind, np.ascontiguousarray(column, dtype=_TYPES[kind])


def _is_even(numbers: Column) -> bool:
    """Whether the numbers rise by the same step throughout; wrapping around keeps that exact."""
    steps = np.diff(numbers)
    return bool((steps == steps[0]).all())


def _as_integers(values: Column) -> tuple[int, Column] | None:
    """The decimals and the integers that give every bit of ``values`` back; None when there are none."""
    if not np.isfinite(values).all():
        return None
    bits = values.view(np.int64)
    for decimals in range(MOST_DECIMALS + 1):
        scaled = np.rint(values * 10.0**decimals)
        if np.abs(scaled).max() >= _EXACT:
            return None
        if np.array_equal((scaled / 10.0**decimals + 0.0).view(np.int64), bits):
            return decimals, scaled.astype(np.int64)
    return None


def _unpack_one(kind: str, size: int, data: bytes) -> Column:
    if kind == "step":
        ends = np.frombuffer(data, dtype=np.int64)
        steps: Column = ends[:1] + np.diff(ends) * np.arange(size, dtype=np.int64)
        return steps
    if kind == "runs":
        values, starts = np.frombuffer(data, dtype=np.int64).reshape(2, -1)
        repeated: Column = np.repeat(values, np.diff(starts, append=size))
        return repeated
    if kind == "parts":
        parts: Sequence[Part] = msgspec.msgpack.decode(data)
        return np.concatenate([_unpack_one(*part) for part in parts])
    if kind.endswith("z"):
        return np.frombuffer(bytes(cramjam.snappy.decompress_raw(data)), dtype=_TYPES[kind[0]])
    if size < 0:
        short: Column = np.frombuffer(data, dtype=_TYPES[kind])
        return short
    if kind == "f":
        column: Column = np.empty(size)
        standalone.simple_decompress_into(data, column)
        return column
    whole = _integers(kind, size, data)
    decimals = kind[-1]
    if decimals == "i":
        return whole
    scaled: Column = whole / 10.0 ** int(decimals)
    return scaled


def _integers(kind: str, size: int, data: bytes) -> Column:
    if kind[0] != "w":
        plain: Column = np.empty(size, dtype=np.int64)
        standalone.simple_decompress_into(data, plain)
        return plain
    narrow: Column = np.empty(size, dtype=np.uint32)
    standalone.simple_decompress_into(data[8:], narrow)
    whole: Column = narrow + np.int64(int.from_bytes(data[:8], "big", signed=True))
    return whole
