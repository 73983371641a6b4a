"""A stored call gains what came after it: its texts and documents, and the series that follow from them."""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.db import connection, transaction

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.store import ids, partitions
from monitor.store.calls import indexing
from monitor.store.samples import append, batches
from monitor.store.shards import shards_of

IDENTITY = ("model", "version", "environment", "operation", "provider", "route")


@dataclass(slots=True)
class Text:
    """What can change about a call. ``detail`` holds messages, contexts and the like."""

    prompt: str
    output: str
    detail: dict[str, Any]
    grounding: str
    language: str


Change = Callable[[Text], bool]


def amend(
    project_id: int, changes: Sequence[tuple[uuid.UUID, Change]], *, now: dt.datetime
) -> list[uuid.UUID]:
    """Let each change look at its call and alter it (or say False); the calls that were altered.

    The row is locked meanwhile, so two that come at once see each other's work.
    """
    if not changes:
        return []
    partitions.for_batches(clock.to_ms(now))
    shards = shards_of(project_id, batches.recent_buckets_of(project_id, now=now))
    return [
        identity
        for identity, change in sorted(changes, key=lambda pair: pair[0])
        if _amend(project_id, shards, identity, change, now=now)
    ]


def _amend(
    project_id: int, shards: Sequence[int], identity: uuid.UUID, change: Change, *, now: dt.datetime
) -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT shard, grounding, language, {', '.join(IDENTITY)} FROM monitor_generation"
            " WHERE shard = ANY(%s) AND project_id = %s AND id = %s FOR UPDATE",
            [list(shards), project_id, identity],
        )
        row = cursor.fetchone()
        if row is None:
            return False
        shard, grounding, language, *names = row
        cursor.execute(
            "SELECT prompt, output, detail FROM monitor_payload WHERE shard = %s AND id = %s",
            [shard, identity],
        )
        prompt, output, detail = cursor.fetchone() or ("", "", "{}")
        text = Text(prompt, output, _decoded(detail), grounding, language)
        if not change(text):
            return False
        if (prompt, output) != (text.prompt, text.output):
            indexing.note(project_id, shard, identity.bytes, now=now)
        cursor.execute(
            "UPDATE monitor_payload SET prompt = %s, output = %s, detail = %s WHERE shard = %s AND id = %s",
            [text.prompt, text.output, msgspec.json.encode(text.detail).decode(), shard, identity],
        )
        cursor.execute(
            "UPDATE monitor_generation SET grounding = %s, language = %s WHERE shard = %s AND id = %s",
            [text.grounding, text.language, shard, identity],
        )
        _move(project_id, shard, identity, names, (grounding, text.grounding), now=now)
    return True


def _decoded(detail: Any) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(detail) if isinstance(detail, str | bytes) else detail
    return found


def _move(
    project_id: int,
    shard: int,
    identity: uuid.UUID,
    names: Sequence[str],
    grounding: tuple[str, str],
    *,
    now: dt.datetime,
) -> None:
    """The call leaves one count of its kind and joins another, at its own time."""
    before, after = grounding
    if before == after:
        return
    found = append.Deltas()
    for value, amount in ((before, -1.0), (after, 1.0)):
        if value:
            pairs = {**dict(zip(IDENTITY, names, strict=True)), "__name__": "llm_rag_requests_total"}
            found.count(Labels({**pairs, "grounding": value}), ids.milliseconds_of(identity), amount)
    append.deltas(project_id, shard, found, now=now)
