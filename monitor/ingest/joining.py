"""Pieces of calls meet their calls: texts in log records, retrieved documents, marks. Either may come first.

A piece is kept for two days and joined to what is stored when it comes, and to what is stored later. Both sides
write first and look afterwards, so that of two at once at least one sees the other; and whatever is joined is
worked out from all pieces, so joining twice changes nothing.
"""

import datetime as dt
import hashlib
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec

from monitor.ingest import choices, language, rows
from monitor.ingest.envelope import NOWHERE, Batch, Context, Generation, Piece, PieceKind
from monitor.ingest.grounding import grounding
from monitor.ingest.ledger import Ledger
from monitor.ingest.redaction.calls import clean
from monitor.ingest.redaction.policy import Policy
from monitor.ingest.redaction.redactor import Redactor
from monitor.store import ids
from monitor.store.calls import amending, pieces, scores
from monitor.store.calls.amending import Text
from monitor.store.calls.pieces import Known, PieceRow
from monitor.store.samples import increments
from monitor.store.samples.increments import Increments

MOST_CONTEXTS = 500
Said = str | list[dict[str, Any]]


def take(project_id: int, batch: Batch, ledger: Ledger, *, now: dt.datetime) -> int:
    """Keep the batch's pieces and join what can be joined; how many pieces were known."""
    if not batch.pieces and not batch.generations:
        return 0
    policy = choices.policy_of(project_id, now=now)
    kept = [_row(project_id, piece, policy) for piece in batch.pieces]
    parts = defaultdict(list)
    for part, owner in batch.parts.items():
        parts[owner].append(part)

    def adds(made: set[uuid.UUID]) -> Increments:
        new, known = list[int](), list[int]()
        for place, row in zip(batch.piece_places, kept, strict=True):
            if place != NOWHERE:
                (new if row.part in made else known).extend((place, *parts[place]))
        return increments.of_counts([ledger.of_items("piece", new, known)], now=now)

    made = pieces.put(project_id, kept, adds, now=now)
    _join(project_id, batch, {row.part for row in kept}, now=now)
    return sum(row.part not in made for row in kept)


def _row(project_id: int, piece: Piece, policy: Policy) -> PieceRow:
    """The piece redacted, under the key of its span; the same piece again gets the same ``part``."""
    data = _redacted(piece, policy)
    key = ids.client_key(project_id, ids.span_id(piece.trace, piece.span))
    told = msgspec.json.encode([key.hex, piece.kind, piece.at_ms, data], order="sorted")
    part = uuid.UUID(bytes=hashlib.blake2b(told, digest_size=16).digest())
    return PieceRow(key, part, int(piece.kind), piece.at_ms, msgspec.json.encode(data).decode())


def _redacted(piece: Piece, policy: Policy) -> dict[str, Any]:
    if piece.kind is PieceKind.MARK:
        redact = Redactor(policy).text
        return {name: redact(one) if isinstance(one, str) else one for name, one in piece.data.items()}
    call = Generation(model="", prompt=piece.data.get("prompt", ""), output=piece.data.get("output", ""))
    if piece.kind is PieceKind.CONTEXTS:
        call.contexts = msgspec.convert(piece.data["contexts"], list[Context])
    clean(call, policy)
    if piece.kind is PieceKind.CONTEXTS:
        return {"contexts": msgspec.to_builtins(call.contexts)}
    return {name: said for name, said in (("prompt", call.prompt), ("output", call.output)) if said}


def _join(project_id: int, batch: Batch, own: set[uuid.UUID], *, now: dt.datetime) -> None:
    traces = {piece.trace for piece in batch.pieces}
    some_kept = any(call.span_id for call in batch.generations) and pieces.any_kept(project_id, now=now)
    if not traces and not some_kept:
        return
    of_spans = [call for call in batch.generations if call.span_id and _named_by_span(call)]
    own_calls = {ids.client_key(project_id, call.id or ""): call.trace_id for call in of_spans}
    if some_kept:
        traces |= set(own_calls.values())
    kept, known = pieces.of_traces(project_id, traces, now=now)
    changes: list[tuple[uuid.UUID, amending.Change]] = []
    marks: list[scores.ScoreRow] = []
    for one in _matched(kept, known).values():
        # what came along with its call is in it already
        fresh = [row for row in one.contexts if row.part not in own or not one.keys & own_calls.keys()]
        if one.contents or fresh:
            changes.append((one.identity, partial(_changed, one)))
        marks += [_mark(one.identity, row) for row in one.marks]
    amending.amend(project_id, changes, now=now)
    scores.put(project_id, marks, now=now)


def _named_by_span(call: Generation) -> bool:
    return call.id == ids.span_id(call.trace_id, call.span_id)


@dataclass(slots=True)
class _Joined:
    """One stored call and the pieces that belong to it, the oldest first."""

    identity: uuid.UUID
    keys: set[uuid.UUID] = field(default_factory=set)
    contents: list[PieceRow] = field(default_factory=list)
    contexts: list[PieceRow] = field(default_factory=list)
    marks: list[PieceRow] = field(default_factory=list)


def _matched(kept: Sequence[PieceRow], known: Iterable[Known]) -> dict[uuid.UUID, _Joined]:
    """Contents and marks by key; documents by trace, to the calls that start after them."""
    by_key: dict[uuid.UUID, list[PieceRow]] = defaultdict(list)
    by_trace: dict[bytes, list[PieceRow]] = defaultdict(list)
    for row in kept:
        if row.kind == PieceKind.CONTEXTS:
            by_trace[ids.home(row.key)].append(row)
        else:
            by_key[row.key].append(row)
    found: dict[uuid.UUID, _Joined] = {}
    for call in known:
        one = found.setdefault(call.generation_id, _Joined(call.generation_id))
        one.keys.add(call.key)
        for row in by_key.get(call.key, ()):
            (one.contents if row.kind == PieceKind.CONTENT else one.marks).append(row)
        if len(one.keys) == 1:
            started = ids.milliseconds_of(call.generation_id)
            one.contexts = [row for row in by_trace.get(ids.home(call.key), ()) if row.at_ms <= started]
    return found


def _changed(joined: _Joined, text: Text) -> bool:
    """Put the pieces into the call's text; False when they are there already."""
    before = (text.prompt, text.output, msgspec.json.encode(text.detail, order="sorted"), text.grounding)
    contents = [msgspec.json.decode(row.data) for row in joined.contents]
    for name in ("prompt", "output"):
        _take_said(text, name, [one[name] for one in contents if name in one])
    documents = _documents(text.detail.get("contexts"), joined.contexts)
    if documents is not None:
        text.detail["contexts"] = documents
        texts = [one.get("text", "") for one in documents]
        text.grounding = grounding(text.output, texts, claim=text.detail.get("context_used"))
    if not text.language:
        text.language = language.detect(text.prompt)
    return before != (
        text.prompt, text.output, msgspec.json.encode(text.detail, order="sorted"), text.grounding,
    )  # fmt: skip


def _take_said(text: Text, name: str, said: Sequence[Said]) -> None:
    """Only where the call itself said nothing; what was joined before may grow."""
    joined: list[str] = text.detail.get("joined", [])
    if not said or (getattr(text, name) and name not in joined):
        return
    plain, messages = rows.said(_together(said, "user" if name == "prompt" else "assistant"))
    setattr(text, name, plain)
    text.detail["joined"] = sorted({*joined, name})
    if messages:
        text.detail[f"{name}_messages"] = messages


def _together(said: Sequence[Said], role: str) -> Said:
    if len(said) == 1:
        return said[0]
    return [
        message
        for one in said
        for message in ([{"role": role, "content": one}] if isinstance(one, str) else one)
    ]


def _documents(
    there: Sequence[Mapping[str, Any]] | None, retrieved: Sequence[PieceRow]
) -> list[dict[str, Any]] | None:
    """Every document once; None where nothing was retrieved by anyone."""
    if not retrieved:
        return None
    found: dict[tuple[str, str], dict[str, Any]] = {}
    groups = [there or [], *(msgspec.json.decode(row.data)["contexts"] for row in retrieved)]
    for group in groups:
        for one in group:
            key = (one["id"], "") if one.get("id") else ("", one.get("text", ""))
            if key not in found or one.get("text"):
                found[key] = dict(one)
    return list(found.values())[:MOST_CONTEXTS]


def _mark(identity: uuid.UUID, row: PieceRow) -> scores.ScoreRow:
    data = msgspec.json.decode(row.data)
    return scores.ScoreRow(identity, data["name"], "rule", data["value"], data["reason"], "")
