"""What has changed since a reader last looked, told exactly: by transaction number, not by clock.

Series carry the transaction that last wrote them. A batch that arrives with samples older than two minutes is
noted, so that whoever keeps answers or decoded samples knows from which time on they may be wrong. A
transaction that has deleted batches moves their rows about (compaction): it changes no sample and notes nothing.
"""

from django.db import migrations

FORWARD = [
    "ALTER TABLE monitor_series ADD COLUMN xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)",
    "CREATE INDEX monitor_series_xid ON monitor_series (project_id, xid)",
    "DROP INDEX monitor_series_touched",
    """
    CREATE FUNCTION vigil_series_written() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.xid := pg_current_xact_id()::text::bigint;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER series_written BEFORE UPDATE ON monitor_series
    FOR EACH ROW EXECUTE FUNCTION vigil_series_written()
    """,
    """
    CREATE TABLE monitor_late_batch (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project_id bigint NOT NULL, min_ms bigint NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
    )
    """,
    "CREATE INDEX monitor_late_batch_xid ON monitor_late_batch (project_id, xid)",
    """
    CREATE FUNCTION vigil_batch_late() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO monitor_late_batch (project_id, min_ms) VALUES (NEW.project_id, NEW.min_ms);
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION vigil_batch_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM set_config('vigil.moving', 'on', true);
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER batch_deleted AFTER DELETE ON monitor_sample_batch
    FOR EACH STATEMENT EXECUTE FUNCTION vigil_batch_deleted()
    """,
    """
    CREATE TRIGGER batch_late AFTER INSERT ON monitor_sample_batch FOR EACH ROW
    WHEN (NEW.min_ms < extract(epoch FROM clock_timestamp()) * 1000 - 120000
          AND current_setting('vigil.moving', true) IS DISTINCT FROM 'on')
    EXECUTE FUNCTION vigil_batch_late()
    """,
]
BACKWARD = [
    "DROP TRIGGER batch_late ON monitor_sample_batch",
    "DROP TRIGGER batch_deleted ON monitor_sample_batch",
    "DROP FUNCTION vigil_batch_deleted",
    "DROP FUNCTION vigil_batch_late",
    "DROP TABLE monitor_late_batch",
    "DROP TRIGGER series_written ON monitor_series",
    "DROP FUNCTION vigil_series_written",
    "CREATE INDEX monitor_series_touched ON monitor_series (project_id, touched_at)",
    "ALTER TABLE monitor_series DROP COLUMN xid",
]


class Migration(migrations.Migration):
    dependencies = [("monitor", "0006_contact_changed_at")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
