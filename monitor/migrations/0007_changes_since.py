"""What has changed since a reader last looked, told exactly: by transaction number, not by clock.

Series carry the transaction that last wrote them. A batch that arrives with samples older than two minutes is
noted by whoever writes it, so that whoever keeps answers or decoded samples knows from which time on they may
be wrong. Compaction moves rows about and changes no sample, so it notes nothing.
"""

from django.db import migrations

FORWARD = [
    "ALTER TABLE monitor_series ADD COLUMN xid bigint NOT NULL DEFAULT 0",
    "CREATE INDEX monitor_series_xid ON monitor_series (project_id, xid)",
    "DROP INDEX monitor_series_touched",
    """
    CREATE TABLE monitor_late_batch (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, project_id bigint NOT NULL, min_ms bigint NOT NULL,
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        xid bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint)
    )
    """,
    "CREATE INDEX monitor_late_batch_xid ON monitor_late_batch (project_id, xid)",
]
BACKWARD = [
    "DROP TABLE monitor_late_batch",
    "CREATE INDEX monitor_series_touched ON monitor_series (project_id, touched_at)",
    "ALTER TABLE monitor_series DROP COLUMN xid",
]


class Migration(migrations.Migration):
    dependencies = [("monitor", "0006_contact_changed_at")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
