"""Calls as they are written. What ``store`` has returned is committed; a retry of the same changes nothing.

A call is unique by its sender's id. Rows, texts, vectors and what they add to derived series are written in
one transaction per shard key, so all exist or none. Small requests of one process share a transaction.
"""

import datetime as dt
import uuid
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import msgspec
from django.db import transaction

from monitor.core import clock
from monitor.core.ahead import beside
from monitor.core.labels import Labels
from monitor.store import ids, partitions
from monitor.store.calls import claims, copying, indexing, quick
from monitor.store.models import BatchKind
from monitor.store.samples import batches, increments, series
from monitor.store.samples.increments import Increments, Row
from monitor.store.shards import shard_of, shards_of
from monitor.store.together import Approach, Together

# requests of up to so many calls are committed together, up to so many calls at once
SMALL = 64
TOGETHER = 512
# requests that may bring as few are told here as soon as they are known of
APPROACH = Approach(patience=0.004)

TEXTS = (
    "client_id", "model", "version", "environment", "operation", "provider", "route", "finish_reason",
    "session", "trace_id", "span_id", "tenant", "language", "topic", "template", "grounding",
)  # fmt: skip
NUMBERS = (
    "duration_seconds", "ttft_seconds", "inference_seconds", "queue_seconds", "input_tokens",
    "cached_input_tokens", "output_tokens", "cost_usd", "mean_logprob",
)  # fmt: skip
_NARROW = ("shard", "id", "project_id", "started_at", "received_at", *TEXTS, *NUMBERS, "error", "user_hash")
_STATEMENT = quick.statement((*TEXTS, *NUMBERS, "started_at", "error", "user_hash"))
_PAYLOAD = ("shard", "id", "project_id", "prompt", "output", "detail")
_VECTOR = ("shard", "id", "kind", "project_id", "model", "version", "embedder", "e")


@dataclass(slots=True)
class Calls:
    """Columns, one entry per call. ``texts`` and ``numbers`` by the names above.

    ``keys``: the sender's id hashed (None: it can't be repeated). ``arounds``: the key of what may be the
    same call seen from outside; of the two only one is stored. ``vectors``: (embedder, numbers as text).
    Of many calls all else may still be ``coming``, in parts that are calls by themselves.
    """

    keys: list[uuid.UUID | None]
    started_ms: list[int]
    texts: dict[str, list[str]]
    numbers: dict[str, list[float | None]]
    errors: list[str | None]
    user_hashes: list[bytes | None]
    prompts: list[str]
    outputs: list[str]
    # JSON in UTF-8
    details: list[bytes]
    vectors: dict[int, tuple[str, str]] = field(default_factory=dict)
    arounds: dict[int, uuid.UUID] = field(default_factory=dict)
    coming: Iterator["Calls"] | None = None

    def __len__(self) -> int:
        return len(self.keys)

    def arriving(self) -> Iterator["Calls"]:
        """The parts as they come, each of them among the columns from then on."""
        for part in self.coming or ():
            at = len(self.prompts)
            self.vectors |= {at + place: vector for place, vector in part.vectors.items()}
            _extend_columns(self, part)
            yield part
        self.coming = None


def nothing() -> Calls:
    """No calls at all."""
    return coming([], [], {}, None)


def coming(
    keys: list[uuid.UUID | None],
    started_ms: list[int],
    arounds: dict[int, uuid.UUID],
    parts: Iterator[Calls] | None,
) -> Calls:
    """Calls of which the keys are known."""
    texts: dict[str, list[str]] = {name: [] for name in TEXTS}
    numbers: dict[str, list[float | None]] = {name: [] for name in NUMBERS}
    return Calls(keys, started_ms, texts, numbers, [], [], [], [], [], arounds=arounds, coming=parts)


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of a part of a request: positions that were asked about, and those of them that are new.

    ``first``: this part speaks for the request as a whole. ``again``: its digest was known.
    """

    asked: Sequence[int]
    fresh: Sequence[int]
    first: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True)
class Derives:
    """What calls add to derived series: the chosen ones of many as whole columns, or each of a few in its turn."""

    many: Callable[[Calls, Sequence[int]], Increments | None]
    few: Callable[[Calls], Iterable[Row]]


# what a part of a request adds to counters of its own
Tells = Callable[[Claimed], Mapping[Labels, int]]


@dataclass(slots=True)
class _Job:
    """A part of a request, and who says what became of it."""

    calls: Calls
    positions: Sequence[int]
    tells: Tells
    digest: uuid.UUID | None
    first: bool
    now: dt.datetime


_lanes: dict[tuple[int, int], Together[_Job, list[int]]] = {}


def store(
    project_id: int,
    calls: Calls,
    derives: Derives,
    tells: Tells,
    *,
    now: dt.datetime,
    digest: uuid.UUID | None = None,
) -> list[int]:
    """The positions of the calls that were new. ``derives`` (the same one always) and ``tells`` say inside each
    transaction what is added to series beside the rows.

    ``digest`` names the request where something of it must count once, however often it is sent.
    """
    partitions.for_generations(set(calls.started_ms))
    partitions.for_batches(clock.to_ms(now))
    buckets = batches.recent_buckets_of(project_id, now=now)
    if buckets > 1 or len(calls) <= SMALL:
        deque(calls.arriving(), maxlen=0)
    fresh: list[int] = []
    for number, (shard, positions) in enumerate(_by_shard(project_id, buckets, calls)):
        job = _Job(calls, positions, tells, None if number else digest, not number, now)
        if len(positions) > SMALL:
            fresh += _write(project_id, shard, [job], derives)[0]
        else:
            fresh += _lane(project_id, shard, derives).do(job, size=len(positions))
    return fresh


def _by_shard(project_id: int, buckets: int, calls: Calls) -> list[tuple[int, Sequence[int]]]:
    """Never empty: a request of which nothing is stored is counted all the same."""
    if buckets == 1 or not len(calls):
        return [(shards_of(project_id, buckets)[0], range(len(calls)))]
    found: dict[int, list[int]] = defaultdict(list)
    for position, key in enumerate(calls.keys):
        place = ids.home(key) if key else ids.fresh(calls.started_ms[position]).bytes
        found[shard_of(project_id, buckets, place)].append(position)
    return sorted(found.items())


def _lane(project_id: int, shard: int, derives: Derives) -> Together[_Job, list[int]]:
    lane = _lanes.get((project_id, shard))
    if lane is None:
        lane = Together(
            lambda jobs: _write_few(project_id, shard, jobs, derives), most=TOGETHER, approach=APPROACH
        )
        lane = _lanes.setdefault((project_id, shard), lane)
    return lane


def _write_few(project_id: int, shard: int, jobs: Sequence[_Job], derives: Derives) -> list[list[int]]:
    """All jobs in one statement where that can be, else in one transaction; of each the positions that were new."""
    everything = [list(job.positions) for job in jobs]
    calls = _chosen([(job.calls, at) for job, at in zip(jobs, everything, strict=True)])
    keys = [key for key in calls.keys if key is not None]
    if calls.vectors or len(set(keys)) < len(keys) or any(job.calls.arounds for job in jobs):
        return _write(project_id, shard, jobs, derives)
    now = jobs[0].now
    moment = clock.to_ms(now)
    told = [
        (labels, True, moment, n)
        for job, at in zip(jobs, everything, strict=True)
        for labels, n in job.tells(Claimed(job.positions, at, job.first)).items()
        if n
    ]
    spans, packed = increments.made_of_few(project_id, (*derives.few(calls), *told))
    if not series.covered(shard, spans):
        # committed by itself, before the samples are: a span may be wider than what is in it
        series.register(project_id, shard, spans)
    batch = batches.values_of(project_id, shard, BatchKind.DELTAS, packed, ids.written(moment, batches.SENT))
    digests = [job.digest for job in jobs if job.digest is not None]
    if quick.store(_STATEMENT, quick.document(_named(calls)), batch, digests, now=now):
        return everything
    return _write(project_id, shard, jobs, derives, bet=False)


def _named(calls: Calls) -> dict[str, Iterable[object]]:
    """All columns by name."""
    own = zip(calls.started_ms, calls.keys, strict=True)
    return {
        **calls.texts, **calls.numbers, "error": calls.errors, "prompt": calls.prompts, "output": calls.outputs,
        "key": calls.keys, "id": [ids.fresh(at) if key is None else ids.of_key(at, key) for at, key in own],
        "started_at": map(clock.from_ms, calls.started_ms),
        "user_hash": [None if one is None else f"\\x{one.hex()}" for one in calls.user_hashes],
        "detail": [msgspec.Raw(one) for one in calls.details],
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fresh:
    """Rising positions of calls that are new, the ids of their rows in hexadecimal digits, and maybe their keys."""

    positions: Sequence[int]
    names: list[str]
    keys: bytes = b""


Claim = Callable[[], tuple[list[Fresh], set[uuid.UUID]]]
T = TypeVar("T")


def _write(
    project_id: int, shard: int, jobs: Sequence[_Job], derives: Derives, *, bet: bool = True
) -> list[list[int]]:
    """All jobs in one transaction; of each the positions that were new. ``bet``: that may be all of them."""
    now = jobs[0].now
    fresh = _all_of(jobs[0]) if bet and len(jobs) == 1 else None
    if fresh is not None:
        try:
            return _written(
                project_id, shard, jobs, derives, partial(_claim_all, project_id, shard, fresh, now)
            )
        except claims.TakenError:
            # nothing is written yet, and no part of the request was asked for
            pass
    return _written(project_id, shard, jobs, derives, partial(_claim, project_id, shard, jobs, now=now))


def _written(
    project_id: int, shard: int, jobs: Sequence[_Job], derives: Derives, claim: Claim
) -> list[list[int]]:
    now = jobs[0].now
    with transaction.atomic():
        taken, again = claim()
        told = [
            partial(job.tells, Claimed(job.positions, fresh.positions, job.first, job.digest in again))
            for job, fresh in zip(jobs, taken, strict=True)
        ]
        steps = _steps(project_id, shard, jobs, taken, derives, told, now=now)
        if jobs[0].calls.coming is not None:
            steps = beside(steps)
        names = "".join(name for fresh in taken for name in fresh.names)
        if names:
            indexing.note(project_id, shard, bytes.fromhex(names), now=now)
        for step in steps:
            step()
    return [list(fresh.positions) for fresh in taken]


def _steps(
    project_id: int, shard: int, jobs: Sequence[_Job], taken: Sequence[Fresh], derives: Derives,
    told: Sequence[Callable[[], Mapping[Labels, int]]], *, now: dt.datetime,
) -> Iterator[Callable[[], None]]:  # fmt: skip
    """What is left for the database to do with the new calls, all of it made ready: rows by parts, then series."""
    if jobs[0].calls.coming is not None:
        calls, chosen = jobs[0].calls, taken[0].positions
        for part, names in _arriving(calls, taken[0]):
            yield partial(_send, _lines(project_id, shard, part, names, now=now))
    else:
        calls = _chosen([(job.calls, fresh.positions) for job, fresh in zip(jobs, taken, strict=True)])
        chosen = range(len(calls))
        if chosen:
            names = [name for fresh in taken for name in fresh.names]
            yield partial(_send, _lines(project_id, shard, calls, names, now=now))
    counts = increments.of_counts([tell() for tell in told], now=now)
    found = derives.many(calls, chosen)
    added = increments.joined([counts] if found is None else [counts, found])
    if len(added.owners):
        yield partial(
            increments.write_packed, project_id, shard, *increments.packed(project_id, added), now=now
        )


def _all_of(job: _Job) -> Fresh | None:
    """All calls of nearly every large request: each has a key and happened in nothing; None for any other."""
    calls = job.calls
    if job.digest is not None or calls.arounds or not job.positions:
        return None
    keys = [key for key in _of(calls.keys, job.positions) if key is not None]
    if len(keys) < len(job.positions):
        return None
    joined = ids.joined(keys)
    return Fresh(job.positions, ids.names(ids.of_keys(_of(calls.started_ms, job.positions), joined)), joined)


def _claim_all(
    project_id: int, shard: int, fresh: Fresh, now: dt.datetime
) -> tuple[list[Fresh], set[uuid.UUID]]:
    """As ``_claim`` of one job, if all of its calls are new; raises claims.TakenError if not."""
    claims.claim_all(project_id, shard, fresh.keys, bytes.fromhex("".join(fresh.names)), now=now)
    return [fresh], set()


def _claim(
    project_id: int, shard: int, jobs: Sequence[_Job], *, now: dt.datetime
) -> tuple[list[Fresh], set[uuid.UUID]]:
    """Of each job the positions that are new here, with their ids; and the digests that were known."""
    wanted: dict[uuid.UUID, uuid.UUID] = {}
    around_of: dict[uuid.UUID, uuid.UUID] = {}
    first_of: list[dict[uuid.UUID, int]] = []
    for job in jobs:
        first: dict[uuid.UUID, int] = {}
        for position in job.positions:
            key = job.calls.keys[position]
            if key is not None and key not in wanted:
                wanted[key] = ids.of_key(job.calls.started_ms[position], key)
                first[key] = position
                if position in job.calls.arounds:
                    around_of[key] = job.calls.arounds[position]
        first_of.append(first)
    digests = {job.digest: job.digest for job in jobs if job.digest is not None}
    made = claims.claim(project_id, shard, {**wanted, **digests}, around_of, now=now)
    taken = [
        [
            *((position, wanted[key]) for key, position in first.items() if key in made),
            *(
                (position, ids.fresh(job.calls.started_ms[position]))
                for position in job.positions
                if job.calls.keys[position] is None
            ),
        ]
        for job, first in zip(jobs, first_of, strict=True)
    ]
    return [_in_order(fresh) for fresh in taken], digests.keys() - made


def _in_order(fresh: Iterable[tuple[int, uuid.UUID]]) -> Fresh:
    ordered = sorted(fresh)
    return Fresh([position for position, _ in ordered], [identity.hex for _, identity in ordered])


def _arriving(calls: Calls, fresh: Fresh) -> Iterator[tuple[Calls, list[str]]]:
    """The new ones of each part as it comes, with the ids of their rows."""
    at = done = 0
    for part in calls.arriving():
        end = bisect_left(fresh.positions, at + len(part), lo=done)
        if done < end:
            chosen = [position - at for position in fresh.positions[done:end]]
            yield _chosen([(part, chosen)]), fresh.names[done:end]
        at, done = at + len(part), end


@dataclass(frozen=True, slots=True)
class _Lines:
    """What COPY reads of some calls, for each of their tables."""

    narrow: bytes
    payload: bytes
    vectors: bytes


def _lines(project_id: int, shard: int, calls: Calls, names: Sequence[str], *, now: dt.datetime) -> _Lines:
    """Rows, texts and vectors of calls that are new, all of them, under these ids."""
    n = len(calls)
    head = ([str(shard)] * n, names, [str(project_id)] * n)
    narrow = (
        copying.moments(calls.started_ms),
        [now.isoformat()] * n,
        *(copying.texts(calls.texts[name]) for name in TEXTS),
        *(copying.numbers(calls.numbers[name]) for name in NUMBERS),
        copying.known_texts(calls.errors),
        copying.binaries(calls.user_hashes),
    )
    payload = (
        *map(copying.long_texts, (*head, calls.prompts, calls.outputs)),
        copying.documents(calls.details),
    )
    vectors = [
        (
            str(shard), names[position], "prompt", str(project_id), calls.texts["model"][position],
            calls.texts["version"][position], *vector,
        )
        for position, vector in calls.vectors.items()
    ]  # fmt: skip
    return _Lines(
        copying.rows((*head, *narrow)),
        copying.long_rows(payload),
        copying.rows(map(copying.texts, zip(*vectors, strict=True))),
    )


def _send(lines: _Lines) -> None:
    copying.send("monitor_generation", _NARROW, lines.narrow)
    copying.send("monitor_payload", _PAYLOAD, lines.payload)
    copying.send("monitor_embedding", _VECTOR, lines.vectors)


def _chosen(parts: Sequence[tuple[Calls, Sequence[int]]]) -> Calls:
    """One set of columns that holds the chosen positions of all parts."""
    if len(parts) == 1 and len(parts[0][1]) == len(parts[0][0]):
        return parts[0][0]
    calls = [
        Calls(
            keys=_of(one.keys, at),
            started_ms=_of(one.started_ms, at),
            texts={name: _of(column, at) for name, column in one.texts.items()},
            numbers={name: _of(column, at) for name, column in one.numbers.items()},
            errors=_of(one.errors, at),
            user_hashes=_of(one.user_hashes, at),
            prompts=_of(one.prompts, at),
            outputs=_of(one.outputs, at),
            details=_of(one.details, at),
            vectors={place: one.vectors[old] for place, old in enumerate(at) if old in one.vectors},
        )
        for one, at in parts
        if at
    ]
    whole, *rest = calls or [nothing()]
    for one in rest:
        _extend(whole, one)
    return whole


def _extend(whole: Calls, more: Calls) -> None:
    n = len(whole)
    whole.vectors |= {n + place: vector for place, vector in more.vectors.items()}
    whole.keys += more.keys
    whole.started_ms += more.started_ms
    _extend_columns(whole, more)


def _extend_columns(whole: Calls, more: Calls) -> None:
    """All that may be coming."""
    for name in TEXTS:
        whole.texts[name] += more.texts[name]
    for name in NUMBERS:
        whole.numbers[name] += more.numbers[name]
    whole.errors += more.errors
    whole.user_hashes += more.user_hashes
    whole.prompts += more.prompts
    whole.outputs += more.outputs
    whole.details += more.details


def _of(column: list[T], chosen: Iterable[int]) -> list[T]:
    return [column[position] for position in chosen]
