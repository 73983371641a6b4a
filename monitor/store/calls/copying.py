"""Columns of Python values as the text that COPY reads: whole columns at a time, so that a row costs little."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import numpy as np
import psycopg
from django.db import connection

NULL = "\\N"
_SPECIAL = (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t"))

Texts = Sequence[str]
# in UTF-8, escaped
Encoded = Sequence[bytes]
_encode = msgspec.json.Encoder().encode


def texts(values: Texts) -> Texts:
    """Text, escaped. Most columns hold nothing that needs it, and one look at all of them tells."""
    whole = "".join(values)
    needed = [pair for pair in _SPECIAL if pair[0] in whole]
    for sign, escaped in needed:
        values = [value.replace(sign, escaped) for value in values]
    return values


def long_texts(values: Texts) -> Encoded:
    """Text, escaped and in UTF-8: where much of it is not ASCII that takes half as long as ``texts``."""
    # no text that is stored holds this sign
    return _escaped("\0".join(values).encode()) if values else []


def documents(values: Encoded) -> Encoded:
    """As ``long_texts``, of what is in UTF-8 already."""
    return _escaped(b"\0".join(values)) if values else []


def _escaped(joined: bytes) -> Encoded:
    for sign, escaped in _SPECIAL:
        if sign.encode() in joined:
            joined = joined.replace(sign.encode(), escaped.encode())
    return joined.split(b"\0")


def known_texts(values: Sequence[str | None]) -> Texts:
    """Text that may be NULL."""
    if not any(value is not None for value in values):
        return [NULL] * len(values)
    escaped = texts([value or "" for value in values])
    return [NULL if value is None else text for value, text in zip(values, escaped, strict=True)]


def numbers(values: Sequence[float | None]) -> Texts:
    """Finite integers or floats, NULL where unknown; floats keep every bit."""
    if not values:
        return []
    return _encode(values).decode()[1:-1].replace("null", NULL).split(",")


def moments(milliseconds: Iterable[int]) -> Texts:
    """Unix milliseconds as timestamps with zone."""
    at = np.array(milliseconds, dtype=np.int64).view("datetime64[ms]")
    shown: list[str] = np.datetime_as_string(at, timezone="UTC").tolist()
    return shown


def binaries(values: Sequence[bytes | None]) -> Texts:
    return [NULL if value is None else f"\\\\x{value.hex()}" for value in values]


def rows(columns: Iterable[Texts]) -> bytes:
    """The lines of all rows."""
    lines = "\n".join(map("\t".join, zip(*columns, strict=True)))
    return f"{lines}\n".encode() if lines else b""


def long_rows(columns: Iterable[Encoded]) -> bytes:
    """The lines of all rows."""
    lines = b"\n".join(map(b"\t".join, zip(*columns, strict=True)))
    return lines + b"\n" if lines else b""


def send(table: str, names: Sequence[str], lines: bytes) -> None:
    """Copy the lines into the table, in the caller's transaction."""
    if not lines:
        return
    statement = f"COPY {table} ({', '.join(names)}) FROM STDIN"
    connection.ensure_connection()
    # past Django's cursor, which would look at every call
    with (
        connection.wrap_database_errors,
        psycopg.Cursor[Any](connection.connection) as cursor,
        cursor.copy(statement) as copy,
    ):
        copy.write(lines)
