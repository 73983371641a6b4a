"""The event tables: shard first in every key, partitioned by time-first ids, no foreign keys."""

from django.db import migrations

FORWARD = [
    """
    CREATE EXTENSION IF NOT EXISTS vector
    """,
    """
    CREATE TABLE monitor_series (
        shard smallint NOT NULL, id bigint NOT NULL, project_id bigint NOT NULL, name text NOT NULL,
        labels jsonb NOT NULL, kind smallint NOT NULL,
        first_seen timestamptz NOT NULL, last_seen timestamptz NOT NULL, touched_at timestamptz NOT NULL,
        PRIMARY KEY (shard, id)
    )
    """,
    """
    CREATE INDEX monitor_series_touched ON monitor_series (project_id, touched_at)
    """,
    """
    CREATE TABLE monitor_sample_batch (
        shard smallint NOT NULL, id uuid NOT NULL, project_id bigint NOT NULL, kind smallint NOT NULL,
        min_ms bigint NOT NULL, max_ms bigint NOT NULL, n integer NOT NULL, data bytea NOT NULL,
        PRIMARY KEY (shard, id)
    ) PARTITION BY RANGE (id)
    """,
    """
    CREATE INDEX monitor_sample_batch_span ON monitor_sample_batch (project_id, max_ms, min_ms)
    """,
    """
    CREATE TABLE monitor_chunk (
        shard smallint NOT NULL, series_id bigint NOT NULL, t0 timestamptz NOT NULL, project_id bigint NOT NULL,
        kind smallint NOT NULL, min_ms bigint NOT NULL, max_ms bigint NOT NULL, n integer NOT NULL,
        head bytea, data bytea NOT NULL,
        PRIMARY KEY (shard, series_id, t0)
    ) PARTITION BY RANGE (t0)
    """,
    """
    CREATE TABLE monitor_generation_key (
        shard smallint NOT NULL, key uuid NOT NULL, project_id bigint NOT NULL,
        generation_id uuid NOT NULL, seen date NOT NULL,
        PRIMARY KEY (shard, key)
    )
    """,
    """
    CREATE INDEX monitor_generation_key_seen ON monitor_generation_key USING brin (seen)
    """,
    """
    CREATE TABLE monitor_generation (
        shard smallint NOT NULL, id uuid NOT NULL, project_id bigint NOT NULL, client_id text NOT NULL,
        started_at timestamptz NOT NULL, received_at timestamptz NOT NULL,
        model text NOT NULL, version text NOT NULL, environment text NOT NULL, operation text NOT NULL,
        provider text NOT NULL, route text NOT NULL,
        duration_seconds double precision, ttft_seconds double precision, inference_seconds double precision,
        queue_seconds double precision, input_tokens integer, cached_input_tokens integer, output_tokens integer,
        error text, finish_reason text NOT NULL, user_hash bytea, session text NOT NULL, trace_id text NOT NULL,
        span_id text NOT NULL, cost_usd double precision, tenant text NOT NULL, language text NOT NULL,
        topic text NOT NULL, template text NOT NULL, grounding text NOT NULL, mean_logprob double precision,
        PRIMARY KEY (shard, id)
    ) PARTITION BY RANGE (id)
    """,
    """
    CREATE INDEX monitor_generation_project ON monitor_generation (project_id, id)
    """,
    """
    CREATE INDEX monitor_generation_version ON monitor_generation (project_id, model, version, id)
    """,
    """
    CREATE TABLE monitor_payload (
        shard smallint NOT NULL, id uuid NOT NULL, project_id bigint NOT NULL,
        prompt text NOT NULL, output text NOT NULL, detail jsonb NOT NULL,
        PRIMARY KEY (shard, id)
    ) PARTITION BY RANGE (id)
    """,
    """
    CREATE TABLE monitor_embedding (
        shard smallint NOT NULL, id uuid NOT NULL, kind text NOT NULL, project_id bigint NOT NULL,
        model text NOT NULL, version text NOT NULL, embedder text NOT NULL, e halfvec NOT NULL,
        PRIMARY KEY (shard, id, kind)
    ) PARTITION BY RANGE (id)
    """,
    """
    CREATE INDEX monitor_embedding_version ON monitor_embedding (project_id, model, version, id)
    """,
    """
    CREATE TABLE monitor_score (
        shard smallint NOT NULL, generation_id uuid NOT NULL, name text NOT NULL, source text NOT NULL,
        project_id bigint NOT NULL, value double precision NOT NULL, reason text NOT NULL, author text NOT NULL,
        created_at timestamptz NOT NULL,
        PRIMARY KEY (shard, generation_id, name, source)
    ) PARTITION BY RANGE (generation_id)
    """,
    """
    CREATE INDEX monitor_score_project ON monitor_score (project_id, generation_id)
    """,
]
TABLES = [
    "monitor_series",
    "monitor_sample_batch",
    "monitor_chunk",
    "monitor_generation_key",
    "monitor_generation",
    "monitor_payload",
    "monitor_embedding",
    "monitor_score",
]


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(FORWARD, [f"DROP TABLE {table}" for table in TABLES]),
    ]
