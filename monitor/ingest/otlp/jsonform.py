"""Requests in OTLP's JSON: names in lowerCamelCase, ids in hexadecimal, 64-bit integers as text, enums both ways.

Each part is rewritten as the same protobuf message that the other encoding has, so that there is one reader.
Fields that we have no use for are skipped, as the specification asks.
"""

import base64
import binascii
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError, Message

from monitor.ingest.wire import otlp_pb2 as wire

M = TypeVar("M", bound=Message)
# these are written as hexadecimal text, other bytes as base64
_HEX = frozenset({"trace_id", "span_id", "parent_span_id"})
_BASE64 = frozenset({"bytes_value"})
_ENUMS = {
    "code": {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2},
    "aggregation_temporality": {
        "AGGREGATION_TEMPORALITY_UNSPECIFIED": 0,
        "AGGREGATION_TEMPORALITY_DELTA": 1,
        "AGGREGATION_TEMPORALITY_CUMULATIVE": 2,
    },
}
_NUMBERS = {"Infinity": float("inf"), "-Infinity": float("-inf"), "NaN": float("nan")}
_WHOLE = frozenset({
    FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
})  # fmt: skip


class BadJsonError(ValueError):
    """JSON that is no such request; says where."""


def message(body: bytes, kind: type[M]) -> M:
    """The request as its protobuf message; raises BadJsonError."""
    try:
        content = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        why = f"not JSON: {error}"
        raise BadJsonError(why) from error
    made = kind()
    try:
        _fill(made, content, "$")
    except (DecodeError, RecursionError) as error:
        why = f"$: {error}"
        raise BadJsonError(why) from error
    return made


def _fill(made: Message, given: Any, place: str) -> None:
    if not isinstance(given, Mapping):
        why = f"{place}: an object is expected here"
        raise BadJsonError(why)
    fields = made.DESCRIPTOR.fields_by_camelcase_name
    for name, value in given.items():
        field: Any = fields.get(name)
        if field is None or value is None:
            continue
        where = f"{place}.{name}"
        try:
            _set(made, field, value, where)
        except (TypeError, ValueError) as error:
            if isinstance(error, BadJsonError):
                raise
            why = f"{where}: {error}"
            raise BadJsonError(why) from error


def _set(made: Message, field: Any, value: Any, where: str) -> None:
    if not field.is_repeated:
        if field.message_type is not None:
            inner = getattr(made, field.name)
            inner.SetInParent()
            _fill(inner, value, where)
        else:
            setattr(made, field.name, _scalar(field, value))
        return
    if not isinstance(value, list):
        why = f"{where}: a list is expected here"
        raise BadJsonError(why)
    target = getattr(made, field.name)
    for n, one in enumerate(value):
        if field.message_type is not None:
            _fill(target.add(), one, f"{where}[{n}]")
        elif field.name == "attributes":
            pair = wire.KeyValue()
            _fill(pair, one, f"{where}[{n}]")
            target.append(pair.SerializeToString())
        else:
            target.append(_scalar(field, one))


def _scalar(field: Any, value: Any) -> Any:
    kind = field.cpp_type
    if kind in _WHOLE:
        if isinstance(value, str) and value in _ENUMS.get(field.name, {}):
            return _ENUMS[field.name][value]
        return int(value)
    if kind == FieldDescriptor.CPPTYPE_DOUBLE:
        return _NUMBERS[value] if value in _NUMBERS else float(value)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        if not isinstance(value, bool):
            message = "true or false is expected here"
            raise ValueError(message)
        return value
    if not isinstance(value, str):
        message = "text is expected here"
        raise TypeError(message)
    return (
        _bytes(field.name, value)
        if kind == FieldDescriptor.CPPTYPE_STRING and field.type == FieldDescriptor.TYPE_BYTES
        else value
    )


def _bytes(name: str, value: str) -> bytes:
    if name in _HEX:
        try:
            return bytes.fromhex(value)
        except ValueError:
            message = f"{value[:40]!r} is not hexadecimal"
            raise ValueError(message) from None
    if name in _BASE64:
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            message = f"not base64: {error}"
            raise ValueError(message) from error
    return value.encode("utf-8", "replace")
