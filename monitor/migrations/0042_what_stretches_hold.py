"""What every stretch of half a megabyte of calls holds: which tenants, topics, errors, and the slowest of them.

A list whose filter leaves few calls or none skips the stretches that can't hold one. Failed calls have an index of
their own. Building both reads the calls, some two seconds for a million of them.
"""

from django.db import migrations

FORWARD = [
    """
    CREATE INDEX monitor_generation_traits ON monitor_generation USING brin (
        id uuid_minmax_ops, duration_seconds float8_minmax_ops, project_id int8_bloom_ops (n_distinct_per_range = 32),
        model text_bloom_ops (n_distinct_per_range = 64), version text_bloom_ops (n_distinct_per_range = 64),
        environment text_bloom_ops (n_distinct_per_range = 64), topic text_bloom_ops (n_distinct_per_range = 64),
        language text_bloom_ops (n_distinct_per_range = 64), grounding text_bloom_ops (n_distinct_per_range = 64),
        error text_bloom_ops (n_distinct_per_range = 64), route text_bloom_ops (n_distinct_per_range = 512),
        tenant text_bloom_ops (n_distinct_per_range = 512),
        session text_bloom_ops (n_distinct_per_range = 3000, false_positive_rate = 0.05)
    ) WITH (pages_per_range = 64, autosummarize = on)
    """,
    """
    CREATE INDEX monitor_generation_failed ON monitor_generation (project_id, id) INCLUDE (model, version)
        WHERE error IS NOT NULL
    """,
]
BACKWARD = ["DROP INDEX monitor_generation_failed", "DROP INDEX monitor_generation_traits"]


class Migration(migrations.Migration):
    dependencies = [("monitor", "0041_pushes_know_each_other")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
