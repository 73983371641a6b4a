"""A recount: what the stored deltas of a project add up to, and its rows one by one. For ``verify`` only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from django.db import connection, transaction

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.store import ids, partitions
from monitor.store.models import BatchKind, Project, SeriesKind
from monitor.store.reading import catalog
from monitor.store.samples import blocks, chunks
from monitor.store.samples.blocks import Block

ALWAYS = -(2**62)

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


def since(project_id: int) -> int:
    """From which millisecond on nothing has been dropped for its age, neither rows nor samples: the start of a day."""
    days = [end - partitions.DAY_MS for _, end in partitions.ends("monitor_generation")]
    whole = Project.objects.values_list("raw_from", flat=True).get(pk=project_id)
    return max(min(days, default=ALWAYS), ALWAYS if whole is None else clock.to_ms(whole))


def holds_before(project_id: int, milliseconds: int) -> bool:
    """Whether deltas are stored of times before that."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM monitor_sample_batch WHERE project_id = %(p)s AND kind = %(k)s AND min_ms < %(ms)s)"
            " OR EXISTS (SELECT 1 FROM monitor_chunk WHERE project_id = %(p)s AND kind = %(k)s AND min_ms < %(ms)s)",
            {"p": project_id, "k": BatchKind.DELTAS.value, "ms": milliseconds},
        )
        return bool(cursor.fetchone()[0])


def derived_totals(project_id: int, *, first_ms: int = ALWAYS) -> dict[Labels, Block]:
    """Per derived series everything its deltas from ``first_ms`` on, the start of a day, add up to, over all shards.

    What is kept elsewhere is kept as one sum and told whole.
    """
    known = {
        member.id: member.labels
        for member in catalog.found(project_id, [], ALWAYS, -ALWAYS)
        if member.kind != SeriesKind.PUSHED
    }
    parts = [blocks.empty()]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT NULL::bigint, data FROM monitor_sample_batch"
            " WHERE project_id = %(p)s AND kind = %(k)s AND max_ms >= %(ms)s"
            # a chunk of deltas lies within a day
            " UNION ALL SELECT series_id, head FROM monitor_chunk"
            " WHERE project_id = %(p)s AND kind = %(k)s AND min_ms >= %(ms)s"
            " UNION ALL SELECT series_id, data FROM monitor_total WHERE project_id = %(p)s",
            {"p": project_id, "k": BatchKind.DELTAS.value, "ms": first_ms},
        )
        for series_id, data in cursor.fetchall():
            block = blocks.decode(bytes(data))
            if series_id is None and first_ms > ALWAYS:
                block = block.within(first_ms, -ALWAYS)
            parts.append(chunks.totals(block if series_id is None else blocks.as_series(block, series_id)))
    whole = blocks.add_up(blocks.join(parts))
    return {
        known[identity]: whole.of_series(np.array([identity], dtype=np.int64))
        for identity in whole.series_ids().tolist()
    }


def rows(project_id: int, *, first_ms: int = ALWAYS, at_once: int = 5_000) -> Iterator[dict[str, Any]]:
    """Every stored call's narrow row, in pages, within one snapshot."""
    with transaction.atomic(), connection.connection.cursor(name="audit") as cursor:
        cursor.itersize = at_once
        cursor.execute(
            f"SELECT {', '.join(ROW)} FROM monitor_generation WHERE project_id = %s AND id >= %s",
            [project_id, ids.first_at(max(first_ms, 0))],
        )
        for row in cursor:
            yield dict(zip(ROW, row, strict=True))


def score_rows(
    project_id: int, *, first_ms: int = ALWAYS
) -> Iterator[tuple[dict[str, Any], str, str, float]]:
    """Every stored score with the identity of its call: (call, score name, source, value)."""
    identity = ROW[:8]
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join('g.' + name for name in identity)}, s.name, s.source, s.value"
            " FROM monitor_score s JOIN monitor_generation g ON g.shard = s.shard AND g.id = s.generation_id"
            " WHERE s.project_id = %s AND g.id >= %s",
            [project_id, ids.first_at(max(first_ms, 0))],
        )
        for row in cursor.fetchall():
            yield dict(zip(identity, row[:8], strict=True)), row[8], row[9], row[10]
