"""One at a time, over all workers: a turn is a PostgreSQL advisory lock, and ends with its connection."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_SPACE = 0x7669


@contextmanager
def turn(name: str, *, wait: bool = False) -> Iterator[bool]:
    """Whether it is ours now; it is given back at the end. ``wait``: until it is, however long that takes."""
    key = zlib.crc32(name.encode()) - 2**31
    with connection.cursor() as cursor:
        if wait:
            cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_SPACE, key])
            mine = True
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_SPACE, key])
            mine = bool(cursor.fetchone()[0])
    try:
        yield mine
    finally:
        if mine:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_SPACE, key])
