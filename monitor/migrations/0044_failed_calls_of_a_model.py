"""Failed calls of one model have an index of their own: a list of them need not pass by those of all others.

Building it reads the calls, about a second for a million of them.
"""

from django.db import migrations

FORWARD = """
    CREATE INDEX monitor_generation_failed_model ON monitor_generation (project_id, model, id) INCLUDE (version)
        WHERE error IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [("monitor", "0043_reasons_in_every_language")]
    operations = [migrations.RunSQL(FORWARD, "DROP INDEX monitor_generation_failed_model")]
