"""Points of 5 minutes and of an hour, the days they are to be made of, and how long each project keeps what."""

import django.core.validators
from django.db import migrations, models

_TABLE = """
    CREATE TABLE {name} (
        shard smallint NOT NULL, series_id bigint NOT NULL, t0 timestamptz NOT NULL, project_id bigint NOT NULL,
        kind smallint NOT NULL, data bytea NOT NULL,
        PRIMARY KEY (shard, series_id, t0)
    ) PARTITION BY RANGE (t0)
"""
FORWARD = [
    _TABLE.format(name="monitor_coarse_5m"),
    _TABLE.format(name="monitor_coarse_1h"),
    """
    CREATE TABLE monitor_coarse_day (
        shard smallint NOT NULL, project_id bigint NOT NULL, day integer NOT NULL, made boolean NOT NULL,
        PRIMARY KEY (shard, project_id, day)
    )
    """,
    "CREATE INDEX monitor_coarse_day_due ON monitor_coarse_day (day) WHERE NOT made",
    """
    INSERT INTO monitor_coarse_day
    SELECT DISTINCT shard, project_id, floor(extract(epoch FROM t0) / 86400)::integer, false FROM monitor_chunk
    """,
]
BACKWARD = ["DROP TABLE monitor_coarse_day", "DROP TABLE monitor_coarse_1h", "DROP TABLE monitor_coarse_5m"]


class Migration(migrations.Migration):
    dependencies = [("monitor", "0017_search")]
    operations = [
        migrations.RunSQL(FORWARD, BACKWARD),
        migrations.AddField(
            "project",
            "raw_days",
            models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                help_text="How long samples are kept as they came; empty: as long as everywhere here.",
                validators=[django.core.validators.MinValueValidator(1)],
                verbose_name="days of samples",
            ),
        ),
        migrations.AddField(
            "project",
            "five_minute_days",
            models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                help_text="How long a point for each 5 minutes is kept; 0: not at all; empty: as everywhere here.",
                verbose_name="days of 5 m points",
            ),
        ),
        migrations.AddField(
            "project",
            "hour_days",
            models.PositiveSmallIntegerField(
                blank=True,
                null=True,
                help_text="How long a point for each hour is kept; 0: not at all; empty: as everywhere here.",
                verbose_name="days of 1 h points",
            ),
        ),
        migrations.AddField(
            "project", "raw_from", models.DateTimeField(blank=True, editable=False, null=True)
        ),
    ]
