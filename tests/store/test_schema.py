"""The rules that let the event tables be distributed over several nodes, read from the database's own catalogue."""

import pytest
from django.db import connection

from monitor.store import partitions
from monitor.store.upkeep import retention

pytestmark = pytest.mark.django_db

EVENT_TABLES = (
    "monitor_series", "monitor_sample_batch", "monitor_chunk", "monitor_generation_key", "monitor_generation",
    "monitor_payload", "monitor_embedding", "monitor_score", "monitor_total", "monitor_coarse_5m", "monitor_coarse_1h", "monitor_coarse_day",
    "monitor_piece", "monitor_delta_total", "monitor_search_note", "monitor_search_block",
    "monitor_sealed",
)  # fmt: skip


def ask(sql: str, *values: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return [str(row[0]) for row in cursor.fetchall()]


@pytest.mark.parametrize("table", EVENT_TABLES)
def test_every_unique_key_begins_with_the_shard(table: str) -> None:
    firsts = ask(
        "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = indkey[0]"
        " WHERE indrelid = %s::regclass AND indisunique",
        table,
    )
    assert set(firsts) == {"shard"}


@pytest.mark.parametrize("table", EVENT_TABLES)
def test_no_triggers_no_foreign_keys_no_identities(table: str) -> None:
    assert ask("SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass", table) == []
    assert ask(
        "SELECT conname FROM pg_constraint WHERE contype IN ('f', 'x') AND %s::regclass IN (conrelid, confrelid)",
        table,
    ) == []  # fmt: skip
    assert ask(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass"
        " AND (attidentity <> '' OR attgenerated <> '')",
        table,
    ) == []  # fmt: skip


def test_every_table_of_events_is_known_here_and_emptied_with_its_project() -> None:
    """A table with a bare project_id holds events; one that refers to projects is configuration."""
    bare = ask(
        "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'project_id'"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname LIKE %s AND NOT EXISTS"
        " (SELECT 1 FROM pg_constraint f WHERE f.conrelid = c.oid AND f.contype = 'f' AND a.attnum = ANY(f.conkey))",
        "monitor\\_%",
    )
    assert set(bare) - set(retention.PROJECT_TABLES) == set()
    assert set(bare) - set(EVENT_TABLES) == {"monitor_late_batch"}


@pytest.mark.parametrize("table", EVENT_TABLES)
def test_the_shard_is_never_unknown(table: str) -> None:
    sql = "SELECT attnotnull FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'shard'"
    assert ask(sql, table) == ["True"]


def test_texts_of_an_ordinary_call_are_stored_as_they_are_and_long_ones_pressed() -> None:
    partitions.for_generations([0])
    row = "SELECT 0::smallint, %s::uuid, 1, repeat('a word ', %s::int), '', '{}'"
    with connection.cursor() as cursor:
        for name, words in ((1, 400), (2, 4_000)):
            cursor.execute(f"INSERT INTO monitor_payload {row}", [f"{name:032x}", words])
    pressed = (
        "SELECT coalesce(pg_column_compression(prompt), 'not') FROM monitor_payload WHERE project_id = 1"
    )
    assert ask(f"{pressed} ORDER BY id") == ["not", "pglz"]
