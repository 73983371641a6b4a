"""Tokens of scrape targets stood in the trail of changes; what was written before loses them."""

from django.db import migrations

FORWARD = """
    UPDATE auditlog_logentry SET changes = jsonb_set(changes, '{bearer_token}', '["••••••", "••••••"]')
    WHERE changes ? 'bearer_token'
"""


class Migration(migrations.Migration):
    dependencies = [("dashboards", "0001_boards"), ("auditlog", "0017_add_actor_email")]
    operations = [migrations.RunSQL(FORWARD, migrations.RunSQL.noop)]
