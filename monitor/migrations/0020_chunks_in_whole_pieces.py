"""Bytes of chunks that would leave gaps in PostgreSQL's own pieces of long values lie in the row itself.

A long value is kept in pieces of 1996 bytes, four to a page; what is left over of each leaves gaps, which cost a
tenth of everything. Rows of series are touched where they lie: half of a page is left for that.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("monitor", "0019_lives_of_texts_and_vectors")]
    operations = [
        migrations.RunSQL(
            [
                "ALTER TABLE monitor_chunk ADD COLUMN rest bytea NOT NULL DEFAULT ''",
                "ALTER TABLE monitor_chunk ALTER COLUMN rest SET STORAGE PLAIN",
                "ALTER TABLE monitor_series SET (fillfactor = 50)",
            ],
            [
                "ALTER TABLE monitor_series SET (fillfactor = 80)",
                "UPDATE monitor_chunk SET data = data || rest",
                "ALTER TABLE monitor_chunk DROP COLUMN rest",
            ],
        )
    ]
