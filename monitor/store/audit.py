"""A recount: what the stored deltas of a project add up to, and its rows one by one. For ``verify`` only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from django.db import connection, transaction

from monitor.core.labels import Labels
from monitor.store import blocks, catalog, chunks
from monitor.store.blocks import Block
from monitor.store.models import BatchKind, SeriesKind

ROW = (
    "id", "started_at", "model", "version", "environment", "operation", "provider", "route",
    "duration_seconds", "ttft_seconds", "inference_seconds", "queue_seconds", "input_tokens",
    "cached_input_tokens", "output_tokens", "error", "cost_usd", "grounding", "mean_logprob",
)  # fmt: skip


@contextmanager
def snapshot() -> Iterator[None]:
    """All that is read inside is of one moment, whatever is written meanwhile."""
    outermost = not connection.in_atomic_block
    with transaction.atomic():
        if outermost:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield


def derived_totals(project_id: int) -> dict[Labels, Block]:
    """Per derived series everything its deltas add up to, over all time and shards."""
    known = {
        member.id: member.labels
        for member in catalog.found(project_id, [], -(2**62), 2**62)
        if member.kind != SeriesKind.PUSHED
    }
    parts = [blocks.empty()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NULL::bigint, data FROM monitor_sample_batch WHERE project_id = %(p)s AND kind = %(k)s"
            " UNION ALL SELECT series_id, head FROM monitor_chunk WHERE project_id = %(p)s AND kind = %(k)s"
            " UNION ALL SELECT series_id, data FROM monitor_total WHERE project_id = %(p)s",
            {"p": project_id, "k": BatchKind.DELTAS.value},
        )
        for series_id, data in cursor.fetchall():
            block = blocks.decode(bytes(data))
            parts.append(chunks.totals(block if series_id is None else blocks.as_series(block, series_id)))
    whole = blocks.add_up(blocks.join(parts))
    return {
        known[identity]: whole.of_series(np.array([identity], dtype=np.int64))
        for identity in whole.series_ids().tolist()
    }


def rows(project_id: int, *, at_once: int = 5_000) -> Iterator[dict[str, Any]]:
    """Every stored call's narrow row, in pages, within one snapshot."""
    with transaction.atomic(), connection.connection.cursor(name="audit") as cursor:
        cursor.itersize = at_once
        cursor.execute(f"SELECT {', '.join(ROW)} FROM monitor_generation WHERE project_id = %s", [project_id])
        for row in cursor:
            yield dict(zip(ROW, row, strict=True))


def score_rows(project_id: int) -> Iterator[tuple[dict[str, Any], str, str, float]]:
    """Every stored score with the identity of its call: (call, score name, source, value)."""
    identity = ROW[:8]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join('g.' + name for name in identity)}, s.name, s.source, s.value"
            " FROM monitor_score s JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id"
            " WHERE s.project_id = %s",
            [project_id],
        )
        for row in cursor.fetchall():
            yield dict(zip(identity, row[:8], strict=True)), row[8], row[9], row[10]
