"""What search looks into: notes of rows that were stored, and blocks of 4096 of them with their bits.

What was stored before is noted here; the beat turns it into blocks.
"""

from django.db import migrations

FORWARD = [
    """
    CREATE TABLE monitor_search_note (
        shard smallint NOT NULL, id uuid NOT NULL, project_id bigint NOT NULL, n integer NOT NULL, ids bytea NOT NULL,
        PRIMARY KEY (shard, id)
    )
    """,
    "CREATE INDEX monitor_search_note_project ON monitor_search_note (project_id)",
    # slices are read one by one, so they must not be compressed
    """
    CREATE TABLE monitor_search_block (
        shard smallint NOT NULL, id uuid NOT NULL, project_id bigint NOT NULL, low uuid NOT NULL, high uuid NOT NULL,
        n integer NOT NULL, ids bytea STORAGE EXTERNAL NOT NULL, bits bytea STORAGE EXTERNAL NOT NULL,
        PRIMARY KEY (shard, id)
    )
    """,
    "CREATE INDEX monitor_search_block_project ON monitor_search_block (project_id, high, id)",
    """
    INSERT INTO monitor_search_note (shard, id, project_id, n, ids)
    SELECT shard, (array_agg(id ORDER BY id))[1], project_id, count(*), string_agg(uuid_send(id), ''::bytea ORDER BY id)
    FROM (SELECT shard, project_id, id, row_number() OVER (PARTITION BY shard, project_id ORDER BY id) / 4096 AS part
          FROM monitor_payload) AS stored
    GROUP BY shard, project_id, part
    """,
]
BACKWARD = ["DROP TABLE monitor_search_note", "DROP TABLE monitor_search_block"]


class Migration(migrations.Migration):
    dependencies = [("monitor", "0016_pieces_and_deltas")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
