"""The rules that let the event tables be distributed over several nodes, read from the database's own catalogue."""

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db

EVENT_TABLES = (
    "monitor_series", "monitor_sample_batch", "monitor_chunk", "monitor_generation_key", "monitor_generation",
    "monitor_payload", "monitor_embedding", "monitor_score", "monitor_total", "monitor_coarse_5m", "monitor_coarse_1h", "monitor_coarse_day",
    "monitor_piece", "monitor_delta_total",
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
