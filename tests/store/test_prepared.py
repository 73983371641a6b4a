"""What libpq is asked directly comes back as the driver would give it, its errors too."""

import psycopg
import pytest
from django.db import connection
from pytest_django import Settings

from monitor.store import prepared
from monitor.store.models import Project
from monitor.store.reading import catalog
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db(transaction=True)


def rows(sql: str, *values: int | str | None) -> list[tuple[object, ...]]:
    connection.ensure_connection()
    return prepared.rows(connection.connection, sql, values)


def test_numbers_texts_and_nothing_come_back() -> None:
    sql = "SELECT $1::smallint, $2::bigint, 0.5::float8, $3::text, NULL::int"
    assert rows(sql, 3, 2**40, "über") == [(3, 2**40, 0.5, "über", None)]
    assert rows(sql, None, 1, None) == [(None, 1, 0.5, None, None)]


def test_an_error_is_of_its_own_class() -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        rows("SELECT 1 / $1::int", 0)
    assert rows("SELECT 1") == [(1,)]


def test_a_look_survives_a_connection_that_was_cut(cast: Cast) -> None:
    catalog.of_project(cast.project.id)
    Project.objects.filter(pk=cast.project.id).update(buckets=3)
    with psycopg.connect(
        connection.connection.info.dsn, password=connection.settings_dict["PASSWORD"]
    ) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
    assert catalog.of_project(cast.project.id).moment.buckets == 3


def test_a_statement_is_prepared_again_once_the_driver_gave_all_of_them_up() -> None:
    assert rows("SELECT 2") == [(2,)]
    with connection.cursor() as cursor:
        cursor.execute("DEALLOCATE ALL")
    assert rows("SELECT 2") == [(2,)]


def names_on_server() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM pg_prepared_statements WHERE statement LIKE '%%prepared here%%'")
        return {name for (name,) in cursor.fetchall()}


def test_only_what_is_marked_is_prepared_and_no_other_text_is_kept(settings: Settings) -> None:
    settings.EMBEDDED_DATABASE = True
    connection.ensure_connection()
    own = connection.connection
    with prepared.heeded(own), psycopg.Cursor(own) as cursor:
        cursor.execute("SELECT %s::int /* prepared here */", [1], prepare=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s", ["a long text " * 1000])
    assert len(names_on_server()) == 1
    assert max(len(text) for text, _ in driver_keeps(own)) < 100


def test_behind_a_pooler_nothing_is_prepared(settings: Settings) -> None:
    settings.EMBEDDED_DATABASE = False
    connection.ensure_connection()
    with prepared.heeded(connection.connection), psycopg.Cursor(connection.connection) as cursor:
        cursor.execute("SELECT %s::int /* not prepared here */", [1], prepare=True)
    assert names_on_server() == set()


def driver_keeps(own: psycopg.Connection[object]) -> list[tuple[bytes, tuple[int, ...]]]:
    kept = own._prepared
    return [*kept._counts, *kept._names]
