"""Calls as rows: lists with keyset paging, one call whole, columns for charts, samples for judges."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection

from monitor.core import clock
from monitor.store import ids
from monitor.store.calls import narrowing, search
from monitor.store.calls.compared import GROUP
from monitor.store.calls.stretches import stretches
from monitor.store.samples.append import buckets_of
from monitor.store.shards import shards_of

TEXT_LIMIT = 200
# of so many calls the values of their slices are offered as filters
LOOKED_AT = 5_000
# PostgreSQL's times begin with it, in Unix milliseconds
_YEAR_2000 = 946_684_800_000
# where a word stands farther back than so many characters, the excerpt begins before it
LEAD = 60
# so far into a text the word is looked for, to show what stands around it
SEARCHED = 4_000
NUMBERS = frozenset({
    "duration_seconds", "ttft_seconds", "inference_seconds", "queue_seconds", "input_tokens",
    "cached_input_tokens", "output_tokens", "cost_usd", "mean_logprob",
})  # fmt: skip
SLICES = frozenset({
    "model", "version", "environment", "operation", "provider", "route", "finish_reason", "tenant",
    "language", "topic", "template", "grounding", "error", "session",
})  # fmt: skip
SUMMARY = (
    "id", "client_id", "started_at", "model", "version", "environment", "route", "duration_seconds",
    "ttft_seconds", "inference_seconds", "queue_seconds", "input_tokens", "cached_input_tokens",
    "output_tokens", "error", "finish_reason", "session", "trace_id", "cost_usd", "tenant", "language",
    "topic", "template", "grounding", "mean_logprob",
)  # fmt: skip


class UnknownColumnError(ValueError):
    """A column that calls don't have; names those that exist."""

    def __init__(self, name: str) -> None:
        super().__init__(f"calls have no column {name!r}; known are {', '.join(sorted(NUMBERS | SLICES))}")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which calls: a project and a span of event time always; the rest narrows. Empty means any."""

    project_id: int
    start: dt.datetime
    end: dt.datetime
    model: str = ""
    version: str | None = None
    environment: str = ""
    route: str = ""
    tenant: str = ""
    topic: str = ""
    language: str = ""
    grounding: str = ""
    error: str = ""
    session: str = ""
    errors_only: bool = False
    text: str = ""
    least_seconds: float | None = None

    @property
    def straight(self) -> bool:
        """Whether an index leads straight to what is kept: calls of a version, or failed ones."""
        near = Filter(
            self.project_id, self.start, self.end, model=self.model, version=self.version,
            errors_only=self.errors_only,
        )  # fmt: skip
        return self == near and (self.errors_only or (bool(self.model) and self.version is not None))

    def where(self) -> tuple[str, dict[str, Any]]:
        """The conditions on ``g`` (and ``p`` when text is searched) and their parameters."""
        kept, values = self.kept()
        span = "g.project_id = %(project_id)s AND g.id >= %(first)s AND g.id < %(last)s"
        return f"{span} AND {kept}" if kept else span, values

    def kept(self) -> tuple[str, dict[str, Any]]:
        """The conditions beside project and span, empty where there are none, and the parameters of all."""
        values: dict[str, Any] = {
            "project_id": self.project_id,
            "first": ids.first_at(clock.to_ms(self.start)),
            "last": ids.first_at(clock.to_ms(self.end) + 1),
        }
        given = {name: getattr(self, name, "") for name in SLICES - {"version"}}
        given = {name: value for name, value in given.items() if value}
        if self.version is not None:
            given["version"] = self.version
        parts = [f"g.{name} = %({name})s" for name in given]
        if self.errors_only:
            parts.append("g.error IS NOT NULL")
        if self.least_seconds is not None:
            parts.append("g.duration_seconds >= %(least_seconds)s")
            given["least_seconds"] = self.least_seconds
        return " AND ".join(parts), values | given


@dataclass(frozen=True, slots=True)
class GenerationSummary:
    """One line of the list; ``prompt`` and ``output`` are shortened."""

    id: UUID
    client_id: str
    started_at: dt.datetime
    model: str
    version: str
    environment: str
    route: str
    duration_seconds: float | None
    ttft_seconds: float | None
    inference_seconds: float | None
    queue_seconds: float | None
    input_tokens: int | None
    cached_input_tokens: int | None
    output_tokens: int | None
    error: str | None
    finish_reason: str
    session: str
    trace_id: str
    cost_usd: float | None
    tenant: str
    language: str
    topic: str
    template: str
    grounding: str
    mean_logprob: float | None
    prompt: str
    output: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One score of a call."""

    name: str
    source: str
    value: float
    reason: str
    author: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class GenerationDetail:
    """One call whole. ``detail`` holds messages, contexts, tokens, attributes and counts of redactions."""

    summary: GenerationSummary
    operation: str
    provider: str
    span_id: str
    received_at: dt.datetime
    detail: dict[str, Any]
    scores: tuple[Mark, ...] = ()

    @property
    def id(self) -> UUID:
        return self.summary.id

    @property
    def prompt(self) -> str:
        return self.summary.prompt

    @property
    def output(self) -> str:
        return self.summary.output


def page(wanted: Filter, *, before: UUID | None = None, limit: int = 50) -> list[GenerationSummary]:
    """The newest calls before ``before`` (the last id of the page above), newest first.

    Where a text is sought: the calls that hold all its words and quoted phrases, and the one that has it as id.
    """
    where, values = wanted.where()
    values["limit"] = limit
    if before is not None and before < values["last"]:
        values["last"] = before
    words = search.terms(wanted.text)
    if not words:
        kept, _ = wanted.kept()
        if kept and not wanted.straight:
            return _chosen(narrowing.newest(kept, values), values)
        if wanted.errors_only:
            return _chosen(narrowing.rows(kept, values), values)
        return _listed(f"monitor_generation g LEFT JOIN {_PAYLOAD} WHERE {where}", values)
    return _sought(wanted, words, where, values)


_PAYLOAD = "monitor_payload p ON p.shard = g.shard AND p.id = g.id"
# bounds on both tables keep planning short
_WITHIN = "p.id >= %(first)s AND p.id < %(last)s"
_IN_LOT = "g.id = ANY(%(lot)s) AND g.id <= %(newest)s AND p.id BETWEEN %(first)s AND %(newest)s"


def _chosen(identities: Sequence[UUID], values: dict[str, Any]) -> list[GenerationSummary]:
    if not identities:
        return []
    near = {"lot": list(identities), "first": identities[-1], "newest": identities[0]}
    within = "g.project_id = %(project_id)s AND g.id = ANY(%(lot)s) AND g.id BETWEEN %(first)s AND %(newest)s"
    payload = f"{_PAYLOAD} AND p.id BETWEEN %(first)s AND %(newest)s"
    return _listed(f"monitor_generation g LEFT JOIN {payload} WHERE {within}", values | near)


def _sought(
    wanted: Filter, words: Sequence[str], where: str, values: dict[str, Any]
) -> list[GenerationSummary]:
    """The newest calls are read, of the older ones only those in which the words may stand."""
    limit, (stands, more) = values["limit"], search.said(words, "p.")
    values |= more | {"exact": wanted.text.strip(), "probe": search.NEWEST}
    stands = f"(({stands}) OR g.client_id = %(exact)s)"
    newest = f"(SELECT * FROM monitor_generation g WHERE {where} ORDER BY g.id DESC LIMIT %(probe)s) AS g"
    read = f"{_WITHIN} AND {search.unguessed(stands)}"
    found = _listed(f"{newest} JOIN {_PAYLOAD} WHERE {read}", values, words[0])
    edge = _edge(where, values) if len(found) < limit else None
    if edge is None:
        return found
    older = {**values, "last": edge}
    if not search.can_narrow(words):
        left = {**older, "limit": limit - len(found)}
        everything = f"monitor_generation g JOIN {_PAYLOAD} WHERE {where} AND {_WITHIN} AND {stands}"
        return found + _listed(everything, left, words[0])
    span = search.Span(values["first"], edge)
    for lot in search.matches(wanted.project_id, span, words, search.named(wanted.project_id, wanted.text)):
        near = {"lot": lot, "first": lot[-1], "newest": lot[0], "limit": limit - len(found)}
        sources = f"monitor_generation g JOIN {_PAYLOAD} WHERE {where} AND {_IN_LOT}"
        found += _listed(sources, older | near, words[0])
        if len(found) >= limit:
            break
    return found


def _edge(where: str, values: dict[str, Any]) -> UUID | None:
    """The oldest of the newest calls; None where there are not more."""
    with connection.cursor() as cursor:
        sql = f"SELECT g.id FROM monitor_generation g WHERE {where} ORDER BY g.id DESC OFFSET %(probe)s - 1 LIMIT 1"
        cursor.execute(sql, values)
        row = cursor.fetchone()
        return row[0] if row else None


def _listed(sources: str, values: dict[str, Any], word: str = "") -> list[GenerationSummary]:
    length = SEARCHED if word else TEXT_LIMIT
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_columns('g', SUMMARY)}, left(p.prompt, {length}), left(p.output, {length})"
            f" FROM {sources} ORDER BY g.id DESC LIMIT %(limit)s",
            values,
        )
        return [
            _summary(row[:-2], _excerpt(row[-2] or "", word), _excerpt(row[-1] or "", word))
            for row in cursor.fetchall()
        ]


def _excerpt(text: str, word: str) -> str:
    """The beginning of a text, or what stands around the word that was sought."""
    place = text.lower().find(word.lower()) if word else -1
    if place <= LEAD:
        return text[:TEXT_LIMIT]
    start = place - LEAD // 2
    return f"…{text[start : start + TEXT_LIMIT]}"


def one(project_id: int, identity: UUID) -> GenerationDetail | None:
    """One call whole, or None when the project has no such call."""
    found = many(project_id, [identity])
    return found[0] if found else None


def many(project_id: int, identities: Sequence[UUID]) -> list[GenerationDetail]:
    """Calls whole with their scores, oldest first."""
    shards = shards_of(project_id, buckets_of(project_id))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_columns('g', SUMMARY)}, p.prompt, p.output, g.operation, g.provider, g.span_id,"
            " g.received_at, p.detail FROM monitor_generation g"
            " LEFT JOIN monitor_payload p ON p.shard = g.shard AND p.id = g.id"
            " WHERE g.project_id = %s AND g.shard = ANY(%s) AND g.id = ANY(%s) ORDER BY g.id",
            [project_id, shards, list(identities)],
        )
        rows = cursor.fetchall()
    marks = _marks(shards, identities)
    return [_detail(row, marks.get(row[0], ())) for row in rows]


def sample(  # noqa: PLR0913 — each argument narrows the sample
    project_id: int,
    start: dt.datetime,
    end: dt.datetime,
    *,
    model: str = "",
    version: str | None = None,
    limit: int,
    seed: str = "",
    without_score: str | None = None,
    share: float = 1.0,
) -> list[GenerationDetail]:
    """A fixed pseudo-random sample of successful calls: the same seed picks the same ones.

    ``share`` of all calls belongs to the sample, whatever the limit; ``without_score`` leaves out those
    that a judge of that score name has marked already.
    """
    where, values = Filter(project_id, start, end, model=model, version=version).where()
    if without_score is not None:
        where += (
            " AND NOT EXISTS (SELECT 1 FROM monitor_score s WHERE s.shard = g.shard"
            " AND s.generation_id = g.id AND s.name = %(without)s AND s.source = 'judge')"
        )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT g.id FROM monitor_generation g WHERE {where} AND g.error IS NULL"
            " AND abs(hashtext(%(seed)s || g.id::text)::bigint) < %(below)s"
            " ORDER BY abs(hashtext(%(seed)s || g.id::text)::bigint), g.id LIMIT %(limit)s",
            values | {"without": without_score, "seed": seed, "limit": limit, "below": int(share * 2**31)},
        )
        chosen = [row[0] for row in cursor.fetchall()]
    return many(project_id, chosen) if chosen else []


def sample_ids(  # noqa: PLR0913 — each argument narrows the sample
    project_id: int,
    start: dt.datetime,
    end: dt.datetime,
    *,
    model: str = "",
    version: str | None = None,
    seed: str,
    share: float,
    without: Sequence[UUID] = (),
    limit: int,
) -> list[UUID]:
    """The newest successful calls of the same fixed sample as ``sample``, but for those in ``without``."""
    where, values = Filter(project_id, start, end, model=model, version=version).where()
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT g.id FROM monitor_generation g WHERE {where} AND g.error IS NULL"
            " AND abs(hashtext(%(seed)s || g.id::text)::bigint) < %(below)s"
            " AND g.id <> ALL(%(without)s::uuid[]) ORDER BY g.id DESC LIMIT %(limit)s",
            values
            | {"seed": seed, "below": int(share * 2**31) + 1, "without": list(without), "limit": limit},
        )
        return [row[0] for row in cursor.fetchall()]


def columns(  # noqa: PLR0913 — each argument narrows what is read
    project_id: int, start: dt.datetime, end: dt.datetime, names: Sequence[str], *, model: str = "",
    version: str | None = None, environment: str = "", limit: int = 20_000, slices: int = 1,
) -> dict[str, npt.NDArray[Any]]:  # fmt: skip
    """Columns of the newest calls, oldest first: numbers as float64 with NaN for unknown, texts as objects.

    ``started_at`` comes as Unix milliseconds, ``raw_id`` as 16 bytes each, ``user_group`` as 0 to 24. Where
    there are more calls than ``limit``, each of some ``slices`` of time gives its newest, more the longer it is.
    Raises UnknownColumnError.
    """
    for name in names:
        if name not in NUMBERS | SLICES | {"started_at", "id", "raw_id", "user_group"}:
            raise UnknownColumnError(name)
    where, values = Filter(
        project_id, start, end, model=model, version=version, environment=environment
    ).where()
    computed = {"raw_id": "g.id", "user_group": f"({GROUP})::float8"}
    read = ", ".join(f"{computed.get(name, f'g.{name}')} AS {name}" for name in names)
    packed = ", ".join(_packing(name).format(f"n.{name}") for name in names)
    chosen = stretches(clock.to_ms(start), clock.to_ms(end) + 1, 1, limit)
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        if slices > 1:
            counted = (
                f"SELECT count(*) FROM (SELECT FROM monitor_generation g WHERE {where} LIMIT %(most)s) AS n"
            )
            found = cursor.execute(counted, values | {"most": limit + 1}).fetchone()
            if found and found[0] > limit:
                chosen = stretches(clock.to_ms(start), clock.to_ms(end) + 1, slices, limit)
        places = {
            "since": [ids.first_at(one.since) for one in chosen],
            "until": [ids.first_at(one.until) for one in chosen],
            "most": [one.most for one in chosen],
        }
        newest = (
            f"SELECT {read} FROM monitor_generation g WHERE {where} AND g.id >= t.since AND g.id < t.until"
            " ORDER BY g.id DESC LIMIT t.most"
        )
        sql = (
            f"SELECT {packed} FROM unnest(%(since)s::uuid[], %(until)s::uuid[], %(most)s::int[])"
            f" AS t(since, until, most) CROSS JOIN LATERAL ({newest}) AS n"
        )
        row = cursor.execute(sql, values | places, binary=True).fetchone()
    return {name: _unpacked(name, one) for name, one in zip(names, row or [None] * len(names), strict=True)}


def first_of(project_id: int, model: str, version: str) -> dt.datetime | None:
    """When the oldest stored call of a version began; None without any."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT min(first) FROM unnest(%s::int[]) AS home(shard), LATERAL (SELECT g.started_at AS first"
            " FROM monitor_generation g WHERE g.shard = home.shard AND g.project_id = %s AND g.model = %s"
            " AND g.version = %s ORDER BY g.id LIMIT 1) AS oldest",
            [shards_of(project_id, buckets_of(project_id)), project_id, model, version],
        )
        found: dt.datetime | None = cursor.fetchone()[0]
    return found


def count(model: str, version: str, *, project_id: int, before: dt.datetime) -> int:
    """How many calls of a version began before a moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM monitor_generation WHERE project_id = %s AND model = %s AND version = %s"
            " AND id < %s",
            [project_id, model, version, ids.first_at(clock.to_ms(before))],
        )
        return int(cursor.fetchone()[0])


def values_of(
    project_id: int, start: dt.datetime, end: dt.datetime, names: Sequence[str], *, limit: int = 50
) -> dict[str, list[str]]:
    """The commonest values of slices (topic, tenant …) among the newest calls of the span, for filters."""
    for name in names:
        if name not in SLICES:
            raise UnknownColumnError(name)
    where, values = Filter(project_id, start, end).where()
    newest = f"SELECT {_columns('g', names)} FROM monitor_generation g WHERE {where} ORDER BY g.id DESC"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*), {_columns('n', names)} FROM ({newest} LIMIT %(looked_at)s) AS n"
            f" GROUP BY {_columns('n', names)}",
            values | {"looked_at": LOOKED_AT},
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    found: dict[str, list[str]] = {}
    for place, name in enumerate(names, start=1):
        counts = Counter[str]()
        for row in rows:
            counts[row[place]] += row[0]
        found[name] = [value for _, value in sorted((-n, one) for one, n in counts.items() if one)][:limit]
    return found


def _marks(shards: Sequence[int], identities: Sequence[UUID]) -> dict[UUID, tuple[Mark, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generation_id, name, source, value, reason, author, created_at FROM monitor_score"
            " WHERE shard = ANY(%s) AND generation_id = ANY(%s) ORDER BY generation_id, name, source",
            [list(shards), list(identities)],
        )
        found: dict[UUID, tuple[Mark, ...]] = {}
        for identity, *mark in cursor.fetchall():
            found[identity] = (*found.get(identity, ()), Mark(*mark))
        return found


def _summary(row: Sequence[Any], prompt: str | None, output: str | None) -> GenerationSummary:
    return GenerationSummary(**dict(zip(SUMMARY, row, strict=True)), prompt=prompt or "", output=output or "")


def _detail(row: tuple[Any, ...], marks: tuple[Mark, ...]) -> GenerationDetail:
    n = len(SUMMARY)
    prompt, output, operation, provider, span_id, received_at, detail = row[n:]
    summary = _summary(row[:n], prompt, output)
    decoded = msgspec.json.decode(detail) if detail else {}
    return GenerationDetail(summary, operation, provider, span_id, received_at, decoded, marks)


def _packing(name: str) -> str:
    """How the server makes one value of a whole column: reading it value by value takes many times as long."""
    if name in NUMBERS or name == "user_group":
        return "string_agg(float8send(coalesce({}::float8, 'NaN')), ''::bytea)"
    send = {"id": "uuid_send", "raw_id": "uuid_send", "started_at": "timestamptz_send"}.get(name)
    return f"string_agg({send}({{}}), ''::bytea)" if send else "array_agg({})"


def _unpacked(name: str, packed: Any) -> npt.NDArray[Any]:
    """A column as it was packed, newest first, the other way round."""
    if name in NUMBERS or name == "user_group":
        return np.frombuffer(packed or b"", dtype=">f8")[::-1].astype(np.float64)
    if name == "started_at":
        return np.frombuffer(packed or b"", dtype=">i8")[::-1].astype(np.int64) // 1000 + _YEAR_2000
    if name in {"id", "raw_id"}:
        raw = np.frombuffer(packed or b"", dtype=f"V{ids.BYTES}")[::-1]
        return raw if name == "raw_id" else np.array([UUID(bytes=one) for one in raw.tolist()], dtype=object)
    return np.array(packed or [], dtype=object)[::-1]


def _columns(alias: str, names: Sequence[str]) -> str:
    return ", ".join(f"{alias}.{name}" for name in names)
