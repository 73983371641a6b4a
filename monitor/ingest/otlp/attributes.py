"""Attributes out of their bytes: those of the usual shape without making messages of them.

A KeyValue is ``0A n key 12 n value``, a value is a tag and what it holds.
"""

import struct
from collections.abc import Iterable
from typing import Any

from monitor.ingest.wire import otlp_pb2 as wire

MAX_DEPTH = 16
_DOUBLE = struct.Struct("<d")
KEY, VALUE = 0x0A, 0x12
_TEXT, _INT, _FLOAT = 0x0A, 0x18, 0x21
# before the last one; negative numbers take more
_MOST_BYTES = 7

Pair = tuple[str, Any]


def read(raw: Iterable[bytes]) -> dict[str, Any]:
    """Attributes by name; raises DecodeError. Of two of one name the later one counts."""
    return dict(map(pair, raw))


class OddError(ValueError):
    """An attribute in another shape than the usual one."""


def pair(raw: bytes) -> Pair:
    """One attribute: name and value."""
    try:
        end = raw[1] + 2
        if raw[0] == KEY and end <= 129 and raw[end] == VALUE:
            return raw[2:end].decode(), value(raw, end)
    except (IndexError, UnicodeDecodeError, OddError):
        # shorter or other than usual: read whole
        pass
    return whole(raw)


def whole(raw: bytes) -> Pair:
    """As ``pair``, of any attribute there can be; raises DecodeError."""
    message = wire.KeyValue.FromString(raw)
    return text(message.key), plain(message.value)


def value(raw: bytes, end: int) -> Any:
    """The value of an attribute whose name ends there; raises OddError, IndexError or UnicodeDecodeError."""
    # its own length takes one or two bytes
    at = end + 2 if raw[end + 1] < 0x80 else end + 3
    tag = raw[at]
    if tag == _TEXT:
        length = raw[at + 1]
        at += 2
        if length > 0x7F:
            length += (raw[at] << 7) - 0x80
            at += 1
        if len(raw) - at == length:
            return raw[at:].decode()
    elif tag == _INT and raw[end + 1] == len(raw) - at:
        number = _whole(raw[at + 1 :])
        if number is not None:
            return number
    elif tag == _FLOAT and len(raw) - at == 9:
        return _DOUBLE.unpack_from(raw, at + 1)[0]
    raise OddError


def _whole(raw: bytes) -> int | None:
    """A number of at least 0 in as many bytes as it takes; None for any other."""
    last = len(raw) - 1
    if last > _MOST_BYTES or raw[last] > 0x7F:
        return None
    number = raw[last]
    for at in range(last - 1, -1, -1):
        if raw[at] < 0x80:
            return None
        number = number << 7 | raw[at] & 0x7F
    return number


def plain(value: wire.AnyValue, depth: int = 0) -> Any:
    """The value as Python has it: text, number, list, dict; bytes become hexadecimal text, nothing None."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return text(value.string_value)
    if kind == "bytes_value":
        return value.bytes_value.hex()
    if depth >= MAX_DEPTH:
        return None
    if kind == "array_value":
        return [plain(part, depth + 1) for part in value.array_value.values]
    if kind == "kvlist_value":
        return {text(pair.key): plain(pair.value, depth + 1) for pair in value.kvlist_value.values}
    return None if kind is None else getattr(value, kind)


def text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
