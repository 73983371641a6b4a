"""Pushing samples in one go: one statement lets a writer in, tells it of others' batches and stores its own.

A batch of old samples carries the transaction that wrote it, so that readers learn of it without a note of its
own; compaction leaves one note for all that it removes. Blocks of samples are compressed already. Series are
touched in place, which an index on every transaction number forbids. How far samples are sealed is kept.
"""

from django.db import migrations

FORWARD = [
    "ALTER TABLE monitor_sample_batch ADD COLUMN late bigint",
    "CREATE INDEX monitor_sample_batch_late ON monitor_sample_batch (project_id, late) WHERE late IS NOT NULL",
    "ALTER TABLE monitor_sample_batch ALTER COLUMN data SET STORAGE EXTERNAL",
    "ALTER TABLE monitor_chunk ALTER COLUMN data SET STORAGE EXTERNAL",
    "DROP INDEX monitor_series_xid",
    """
    CREATE INDEX monitor_series_xid ON monitor_series USING brin (project_id, xid)
    WITH (pages_per_range = 8, autosummarize = on)
    """,
    "ALTER TABLE monitor_series SET (fillfactor = 80)",
    """
    CREATE TABLE monitor_sealed (
        shard smallint NOT NULL, project_id bigint NOT NULL, until_ms bigint NOT NULL,
        PRIMARY KEY (shard, project_id)
    )
    """,
    """
    CREATE FUNCTION monitor_alone(of_project bigint, at_shard smallint) RETURNS void
    LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_advisory_xact_lock((1::bigint << 62) + of_project * 1024 + at_shard);
    END $$
    """,
    """
    CREATE FUNCTION monitor_push(
        at_shard smallint, of_project bigint, heard uuid, moment bigint, tail text,
        first_ms bigint, last_ms bigint, many integer, content bytea, late_after bigint
    ) RETURNS TABLE (batch uuid, until_ms bigint, brought bytea) LANGUAGE plpgsql AS $$
    DECLARE
        apart boolean := true;
    BEGIN
        PERFORM monitor_alone(of_project, at_shard);
        FOR batch, until_ms, brought IN
            SELECT b.id, b.max_ms, b.data FROM monitor_sample_batch b
            WHERE b.shard = at_shard AND b.id > heard AND b.project_id = of_project AND b.kind = 0
                  AND right(b.id::text, 8) <> '00000000'
            ORDER BY b.id
        LOOP
            apart := apart AND until_ms < first_ms;
            -- a later batch has a greater id, whatever the clocks of its writers say
            moment := greatest(moment, ('x' || left(replace(batch::text, '-', ''), 12))::bit(48)::bigint + 1);
            RETURN NEXT;
        END LOOP;
        IF apart THEN
            batch := (lpad(to_hex(moment), 12, '0') || tail)::uuid;
            INSERT INTO monitor_sample_batch (shard, id, project_id, kind, min_ms, max_ms, n, data, late)
            VALUES (at_shard, batch, of_project, 0, first_ms, last_ms, many, content,
                    CASE WHEN first_ms < extract(epoch FROM clock_timestamp()) * 1000 - late_after
                    THEN pg_current_xact_id()::text::bigint END);
            until_ms := NULL;
            brought := NULL;
            RETURN NEXT;
        END IF;
    END $$
    """,
]
BACKWARD = [
    "DROP FUNCTION monitor_push",
    "DROP FUNCTION monitor_alone",
    "DROP TABLE monitor_sealed",
    "ALTER TABLE monitor_series RESET (fillfactor)",
    "DROP INDEX monitor_series_xid",
    "CREATE INDEX monitor_series_xid ON monitor_series (project_id, xid)",
    "ALTER TABLE monitor_chunk ALTER COLUMN data SET STORAGE EXTENDED",
    "ALTER TABLE monitor_sample_batch ALTER COLUMN data SET STORAGE EXTENDED",
    "ALTER TABLE monitor_sample_batch DROP COLUMN late",
]


class Migration(migrations.Migration):
    dependencies = [("monitor", "0014_drift_signals")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
