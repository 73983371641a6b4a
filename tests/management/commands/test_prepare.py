"""``manage.py prepare``, by several at once."""

import threading
import time

import pytest
from django.core.management import call_command
from django.db import connection, connections

from monitor.store.turns import turn

pytestmark = pytest.mark.django_db(transaction=True)
PATIENCE_SECONDS = 60


def waiting() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
        )
        return bool(cursor.fetchone()[0])


def test_the_second_waits_for_the_first() -> None:
    done = threading.Event()

    def prepare() -> None:
        call_command("prepare", verbosity=0)
        done.set()
        connections.close_all()

    later = threading.Thread(target=prepare)
    with turn("preparing"):
        later.start()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not waiting() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert waiting()
        assert not done.is_set()
    later.join(PATIENCE_SECONDS)
    assert done.is_set()
