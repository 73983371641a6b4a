"""What Citus would be told, against what it demands; on plain PostgreSQL, whose functions of that name only write down."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from monitor.store.shards import KEYS
from monitor.store.upkeep import distributing

pytestmark = pytest.mark.django_db
# as Citus documents its signatures; what is refused here it refuses as well
CITUS = """
CREATE TEMP TABLE told (place serial, name text, shard text, beside text, shards int);
CREATE FUNCTION create_reference_table(t regclass) RETURNS void LANGUAGE sql AS
  'INSERT INTO told (name) VALUES (t::text)';
CREATE FUNCTION create_distributed_table(
  t regclass, c text, distribution_type text DEFAULT 'hash', colocate_with text DEFAULT 'default', shard_count int DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = t AND i.indisunique AND NOT (
      SELECT attnum FROM pg_attribute WHERE attrelid = t AND attname = c) = ANY(i.indkey::int2[])) THEN
    RAISE 'cannot create constraint on % without the distribution column', t;
  END IF;
  IF EXISTS (SELECT 1 FROM pg_constraint WHERE contype = 'f' AND (conrelid = t OR confrelid = t)) THEN
    RAISE 'foreign key on %', t;
  END IF;
  IF EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = t AND NOT tgisinternal) THEN
    RAISE 'triggers on %', t;
  END IF;
  IF colocate_with <> 'default' AND NOT EXISTS (SELECT 1 FROM told WHERE name = colocate_with) THEN
    RAISE '% is not distributed yet', colocate_with;
  END IF;
  INSERT INTO told (name, shard, beside, shards) VALUES (t::text, c, colocate_with, shard_count);
END $$;
"""


@pytest.fixture
def citus(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(CITUS)


def asked(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found


def test_every_table_is_spread_or_whole_and_named_once(citus: None) -> None:
    distributing.apply(distributing.plan(reference=True))
    told = [name for (name,) in asked("SELECT name FROM told")]
    there = asked(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
    )
    assert sorted(told) == sorted(name for (name,) in there)


def test_the_shards_lie_together_and_are_as_many_as_there_are_keys(citus: None) -> None:
    distributing.apply(distributing.plan())
    first, *others = asked("SELECT name, beside, shards FROM told WHERE shard IS NOT NULL ORDER BY place")
    assert first[2] == len(KEYS) == 64
    assert {beside for _, beside, _ in others} == {first[0]}
    assert {"monitor_generation", "monitor_payload", "monitor_score", "monitor_chunk"} <= {
        name for name, *_ in (first, *others)
    }


def test_tables_without_a_shard_stay_where_every_transaction_may_write_to_them(citus: None) -> None:
    wanted = distributing.apply(distributing.plan())
    assert [name for (name,) in asked("SELECT name FROM told ORDER BY place")] == list(wanted.spread)
    assert set(wanted.left) == set(distributing.plan(reference=True).whole)
    assert {"monitor_project", "monitor_rule", "django_session"} <= set(wanted.left)


def test_what_others_point_at_comes_first() -> None:
    whole = distributing.plan(reference=True).whole
    keys = asked(
        "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid"
    )
    assert [pair for pair in keys if whole.index(str(pair[0])) < whole.index(str(pair[1]))] == []


def test_a_second_run_spreads_what_is_new(citus: None) -> None:
    wanted = distributing.plan(reference=True)
    done = frozenset((*wanted.spread, *wanted.whole)) - {"monitor_score", "monitor_rule"}
    distributing.apply(wanted)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM told WHERE name IN ('monitor_score', 'monitor_rule')")
    distributing.apply(distributing.plan(done, reference=True), done)
    newest = asked("SELECT name, beside FROM told ORDER BY place DESC LIMIT 2")
    assert newest == [("monitor_score", wanted.spread[0]), ("monitor_rule", None)]
    assert distributing.plan(frozenset((*wanted.spread, *wanted.whole)), reference=True).statements() == []


def test_without_citus_it_says_what_to_do() -> None:
    with pytest.raises(CommandError, match="CREATE EXTENSION citus"):
        call_command("distribute")


def test_the_statements_can_be_read_first() -> None:
    out = StringIO()
    call_command("distribute", "--dry-run", "--reference", stdout=out)
    assert "SELECT create_reference_table('monitor_project');" in out.getvalue()
    assert "'shard', colocate_with => '" in out.getvalue()
