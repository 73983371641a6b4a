"""What is wrong with the store, in words."""

import psycopg
import pytest
from django.db import OperationalError, connection

from monitor.store import troubles


def wrapped(cause: Exception) -> OperationalError:
    error = OperationalError(*cause.args)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (psycopg.errors.DiskFull("could not extend file"), "disk of PostgreSQL is full"),
        (psycopg.errors.TooManyConnections("x"), "all connections"),
        (
            psycopg.OperationalError("connection failed: FATAL:  sorry, too many clients already"),
            "all connections",
        ),
        (
            psycopg.OperationalError('connection to server on socket "/s" failed: No such file or directory'),
            "not running",
        ),
        (psycopg.OperationalError("server closed the connection unexpectedly"), "OperationalError"),
    ],
)
def test_the_cause_is_said_and_no_address(cause: Exception, words: str) -> None:
    said = troubles.told(wrapped(cause))
    assert words in said
    assert "/s" not in said


@pytest.mark.django_db
def test_what_django_really_raises_is_known() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 10")
        with pytest.raises(OperationalError) as raised:
            cursor.execute("SELECT pg_sleep(5)")
    assert troubles.told(raised.value) == "PostgreSQL took longer than it may"
