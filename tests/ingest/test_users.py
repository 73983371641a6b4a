"""User ids are stored as hashes that nobody can guess without the key of this installation."""

import datetime as dt
import hashlib
import importlib

import pytest
from django.db import connection
from django.test import override_settings

from monitor.ingest import choices, pipeline
from monitor.ingest.envelope import Batch, Generation
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
PHONE = "13800138000"


def stored(project_id: int, now: dt.datetime, *users: str) -> list[bytes]:
    made = [Generation(model="m", user=user) for user in users]
    pipeline.take(project_id, Batch(generations=made), now=now)
    return found(project_id)


def found(project_id: int) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT user_hash FROM monitor_generation WHERE project_id = %s ORDER BY id", [project_id]
        )
        return [bytes(row[0]) for row in cursor.fetchall()]


def unsalted(user: str) -> bytes:
    return hashlib.blake2b(user.encode(), digest_size=8).digest()


def test_the_same_person_has_one_hash_which_cannot_be_guessed(cast: Cast, now: dt.datetime) -> None:
    first, second, other = sorted(stored(cast.project.id, now, PHONE, PHONE, "b"))
    assert len({first, second, other}) == 2
    assert unsalted(PHONE) not in {first, second, other}


def test_another_project_and_another_installation_know_it_by_another_hash(
    cast: Cast, now: dt.datetime
) -> None:
    hashes = {*stored(cast.project.id, now, PHONE), *stored(cast.other.id, now, PHONE)}
    choices.forget()
    choices._compiled.clear()
    with override_settings(SECRET_KEY="another"):
        hashes |= {*stored(cast.project.id, now, PHONE)}
    choices.forget()
    choices._compiled.clear()
    assert len(hashes) == 3


def test_what_was_stored_without_a_key_becomes_what_is_stored_now(cast: Cast, now: dt.datetime) -> None:
    (made,) = stored(cast.project.id, now, PHONE)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE monitor_generation SET user_hash = %s", [unsalted(PHONE)])
    module = importlib.import_module("monitor.migrations.0029_salted_users")
    with connection.schema_editor(atomic=False) as editor:
        module.forward(None, editor)
    assert found(cast.project.id) == [made]
