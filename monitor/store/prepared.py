"""A statement asked over and over, past the driver's cursors: they take several times what libpq itself does.

For outside transactions alone: nothing here begins one, and what is written is committed by itself.
"""

from collections.abc import Callable, Container, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from django.conf import settings
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

Row = tuple[Any, ...]
# int2, int4, int8; float8; what is not here stays text
_OF_TYPE: dict[int, Callable[[bytes], Any]] = {21: int, 23: int, 20: int, 701: float}

_NEVER_BY_ITSELF = 2**31

# the statements that a connection knows, and under which names
_names: WeakKeyDictionary[psycopg.Connection[Any], dict[str, bytes]] = WeakKeyDictionary()


@contextmanager
def heeded(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Within this the driver prepares what is marked for it; a server behind a pooler may not be able to.

    Not always: the driver would keep the texts of its last hundred statements, and all values stand in them.
    """
    connection.prepare_threshold = _NEVER_BY_ITSELF if settings.EMBEDDED_DATABASE else None
    try:
        yield
    finally:
        connection.prepare_threshold = None


def rows(connection: psycopg.Connection[Any], sql: str, values: Sequence[int | str | None]) -> list[Row]:
    """The rows of ``sql`` with its $1, $2, …; raises psycopg's errors."""
    given: list[Any] = [None if value is None else str(value).encode() for value in values]
    try:
        result = _asked(connection, sql, given)
    except psycopg.errors.InvalidSqlStatementName:
        # after a rollback the driver gives up all prepared statements of its connection, ours among them
        _names.pop(connection, None)
        result = _asked(connection, sql, given)
    columns = range(result.nfields)
    readers = [_OF_TYPE.get(result.ftype(column), bytes.decode) for column in columns]
    return [
        tuple(
            None if (cell := result.get_value(row, column)) is None else readers[column](cell)
            for column in columns
        )
        for row in range(result.ntuples)
    ]


def cells(
    connection: psycopg.Connection[Any],
    sql: str,
    values: Sequence[bytes | None],
    binary: Container[int],
    *,
    once: bool = False,
) -> list[list[bytes | None]]:
    """The rows of ``sql``, each cell as PostgreSQL's own bytes; else as ``done``."""
    result = _run(connection, sql, values, binary, ExecStatus.TUPLES_OK, once=once, raw=True)
    columns = range(result.nfields)
    return [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]


def done(
    connection: psycopg.Connection[Any],
    sql: str,
    values: Sequence[bytes | None],
    binary: Container[int],
    *,
    once: bool = False,
) -> None:
    """Run ``sql``, which returns nothing; ``binary``: which of its values are no text. Raises psycopg's errors.

    ``once``: it is not prepared, so it may be run inside a transaction too.
    """
    _run(connection, sql, values, binary, ExecStatus.COMMAND_OK, once=once)


def _run(
    connection: psycopg.Connection[Any],
    sql: str,
    values: Sequence[bytes | None],
    binary: Container[int],
    wanted: ExecStatus,
    *,
    once: bool,
    raw: bool = False,
) -> PGresult:
    given, formats = list(values), [int(place in binary) for place in range(len(values))]
    if once:
        result = connection.pgconn.exec_params(sql.encode(), given, None, formats, int(raw))
        return _checked(connection.pgconn, result, wanted)
    try:
        return _asked(connection, sql, given, formats, wanted, raw=raw)
    except psycopg.errors.InvalidSqlStatementName:
        _names.pop(connection, None)
        return _asked(connection, sql, given, formats, wanted, raw=raw)


def _asked(
    connection: psycopg.Connection[Any],
    sql: str,
    given: list[Any],
    formats: list[int] | None = None,
    wanted: ExecStatus = ExecStatus.TUPLES_OK,
    *,
    raw: bool = False,
) -> PGresult:
    pgconn = connection.pgconn
    known = _names.setdefault(connection, {})
    name = known.get(sql)
    if name is None:
        name = b"vigil_%d" % len(known)
        _checked(pgconn, pgconn.prepare(name, sql.encode()), ExecStatus.COMMAND_OK)
        known[sql] = name
    return _checked(pgconn, pgconn.exec_prepared(name, given, formats, int(raw)), wanted)


def _checked(pgconn: PGconn, result: PGresult, wanted: ExecStatus) -> PGresult:
    if result.status == wanted:
        return result
    if pgconn.status == ConnStatus.BAD:
        raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
    raise psycopg.errors.error_from_result(result)
