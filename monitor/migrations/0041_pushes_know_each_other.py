"""A pushed batch says of which series it is, in one number, so that writers need not read each other's samples.

Who has met a number twice knows its series, is sent no samples under it any more, and need not wait for it where
its own series are others.
"""

from django.db import migrations

LOCK_AND_LOOK = """
    BEGIN
        PERFORM monitor_alone(of_project, at_shard);
        FOR {into} IN
            SELECT {columns} FROM monitor_sample_batch b
            WHERE b.shard = at_shard AND b.id > heard AND b.project_id = of_project AND b.kind = 0
                  AND right(b.id::text, 8) <> '00000000'
            ORDER BY b.id
        LOOP
            apart := apart AND ({apart});
            -- a later batch has a greater id, whatever the clocks of its writers say
            moment := greatest(moment, ('x' || left(replace(batch::text, '-', ''), 12))::bit(48)::bigint + 1);
            RETURN NEXT;
        END LOOP;
        IF apart THEN
            batch := (lpad(to_hex(moment), 12, '0') || tail)::uuid;
            INSERT INTO monitor_sample_batch (shard, id, project_id, kind, min_ms, max_ms, n, data, late{column})
            VALUES (at_shard, batch, of_project, 0, first_ms, last_ms, many, content,
                    CASE WHEN first_ms < extract(epoch FROM clock_timestamp()) * 1000 - late_after
                    THEN pg_current_xact_id()::text::bigint END{value});
            {done}
            RETURN NEXT;
        END IF;
    END
"""
NEW = LOCK_AND_LOOK.format(
    into="batch, until_ms, of_series, brought",
    columns="b.id, b.max_ms, b.series, CASE WHEN b.series = ANY(known) THEN NULL ELSE b.data END",
    apart="until_ms < first_ms OR coalesce(of_series = ANY(others), false)",
    column=", series",
    value=", mine",
    done="until_ms := NULL; of_series := NULL; brought := NULL;",
)
OLD = LOCK_AND_LOOK.format(
    into="batch, until_ms, brought",
    columns="b.id, b.max_ms, b.data",
    apart="until_ms < first_ms",
    column="",
    value="",
    done="until_ms := NULL; brought := NULL;",
)
ARGUMENTS = """
    at_shard smallint, of_project bigint, heard uuid, moment bigint, tail text,
    first_ms bigint, last_ms bigint, many integer, content bytea, late_after bigint
"""
FORWARD = [
    "ALTER TABLE monitor_sample_batch ADD COLUMN series bigint",
    "DROP FUNCTION monitor_push",
    f"""
    CREATE FUNCTION monitor_push({ARGUMENTS}, mine bigint, known bigint[], others bigint[])
    RETURNS TABLE (batch uuid, until_ms bigint, of_series bigint, brought bytea) LANGUAGE plpgsql AS $$
    DECLARE
        apart boolean := true;
    {NEW} $$
    """,
]
BACKWARD = [
    "DROP FUNCTION monitor_push",
    f"""
    CREATE FUNCTION monitor_push({ARGUMENTS})
    RETURNS TABLE (batch uuid, until_ms bigint, brought bytea) LANGUAGE plpgsql AS $$
    DECLARE
        apart boolean := true;
    {OLD} $$
    """,
    "ALTER TABLE monitor_sample_batch DROP COLUMN series",
]


class Migration(migrations.Migration):
    dependencies = [("monitor", "0040_watch_past_weeks")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
