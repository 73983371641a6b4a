"""What came before the call it belongs to, or after; and what streams of delta temporality have added up to."""

from django.db import migrations

FORWARD = [
    """
    CREATE TABLE monitor_piece (
        shard smallint NOT NULL, key uuid NOT NULL, part uuid NOT NULL, project_id bigint NOT NULL,
        kind smallint NOT NULL, at_ms bigint NOT NULL, seen date NOT NULL, data text NOT NULL,
        PRIMARY KEY (shard, key, part)
    )
    """,
    "CREATE INDEX monitor_piece_seen ON monitor_piece USING brin (seen)",
    """
    CREATE TABLE monitor_delta_total (
        shard smallint NOT NULL, id bigint NOT NULL, project_id bigint NOT NULL, seen date NOT NULL,
        data bytea NOT NULL,
        PRIMARY KEY (shard, id)
    )
    """,
]
BACKWARD = ["DROP TABLE monitor_delta_total", "DROP TABLE monitor_piece"]


class Migration(migrations.Migration):
    dependencies = [("monitor", "0015_pushes_in_one_go")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
