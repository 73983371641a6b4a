"""For a series store elsewhere: what derived series have counted and reported, and how the sending goes."""

from django.db import migrations, models

FORWARD = [
    """
    CREATE TABLE monitor_total (
        shard smallint NOT NULL, series_id bigint NOT NULL, project_id bigint NOT NULL,
        event_ms bigint NOT NULL, sent_ms bigint NOT NULL, changed_ms bigint NOT NULL, data bytea NOT NULL,
        PRIMARY KEY (shard, series_id)
    )
    """,
    "CREATE INDEX monitor_total_project ON monitor_total (project_id)",
]


class Migration(migrations.Migration):
    dependencies = [("monitor", "0009_rule_edits_and_outputs")]
    operations = [
        migrations.RunSQL(FORWARD, ["DROP TABLE monitor_total"]),
        migrations.CreateModel(
            name="Shipping",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
                ("last_error", models.TextField(blank=True)),
                ("away_since", models.DateTimeField(blank=True, null=True)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("dropped", models.BigIntegerField(default=0)),
                ("last_refusal", models.TextField(blank=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(id=1), name="shipping_is_one_row"),
                ],
            },
        ),
    ]
