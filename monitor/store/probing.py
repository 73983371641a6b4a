"""Whether the store answers, and soon: a server that stands still would hold whoever asks it plainly for ever."""

import contextlib
import select
from typing import Any

import psycopg
from django.db import connection
from psycopg import pq
from psycopg.errors import ConnectionTimeout, error_from_result

from monitor.core import clock

QUESTION = b"SELECT 1 FROM monitor_project LIMIT 1"


class SilentError(Exception):
    """The server takes questions and says nothing: it stands still, or has far too much to do."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"PostgreSQL has not answered for {seconds} s")


def ask(seconds: int) -> None:
    """Returns when the tables are there; raises Django's errors, or SilentError after so many seconds."""
    known = connection.connection
    if known is not None:
        try:
            _ask(known, seconds)
        except SilentError:
            connection.close()
            raise
        except psycopg.Error:
            # perhaps of a server that has begun anew since
            connection.close()
        else:
            return
    with connection.wrap_database_errors:
        try:
            fresh = psycopg.connect(**{**connection.get_connection_params(), "connect_timeout": seconds})
        except ConnectionTimeout as error:
            raise SilentError(seconds) from error
        with contextlib.closing(fresh):
            _ask(fresh, seconds)


def _ask(session: "psycopg.Connection[Any]", seconds: int) -> None:
    wire, until, last = session.pgconn, clock.monotonic() + seconds, None
    wire.send_query(QUESTION)
    while True:
        while wire.is_busy():
            if not select.select([wire.socket], [], [], max(0.0, until - clock.monotonic()))[0]:
                raise SilentError(seconds)
            wire.consume_input()
        result = wire.get_result()
        if result is None:
            break
        last = result
    if last is not None and last.status != pq.ExecStatus.TUPLES_OK:
        raise error_from_result(last)
