"""A statement whose time is up ends in the server, and the connection goes on."""

import pytest
from django.db import OperationalError, connection

from monitor.store.deadline import StoppedError, stopped_after

pytestmark = pytest.mark.django_db(transaction=True)


def ask(text: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(text)
        return cursor.fetchone()


def test_a_long_statement_is_stopped_and_the_next_one_runs() -> None:
    with pytest.raises(StoppedError), stopped_after(0.05):
        ask("SELECT pg_sleep(60)")
    assert ask("SELECT 1") == (1,)


def test_what_ends_in_time_is_left_alone() -> None:
    with stopped_after(30):
        assert ask("SELECT 1") == (1,)


def test_a_statement_that_fails_by_itself_says_so() -> None:
    with pytest.raises(OperationalError), stopped_after(30):
        ask("SET LOCAL statement_timeout = 1; SELECT pg_sleep(60)")
