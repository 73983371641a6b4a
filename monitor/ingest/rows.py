"""Calls as their senders describe them become columns fit for storing: redacted, cleaned, looked at closely.

Whole columns are worked on where that can be, because what is done for each call by itself decides how many
calls a second there can be.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache, partial
from itertools import pairwise
from operator import attrgetter
from typing import Any, cast
from uuid import UUID

import msgspec

from monitor.core.ahead import ahead
from monitor.ingest import derive, language
from monitor.ingest.envelope import Context, Generation
from monitor.ingest.grounding import Grounds
from monitor.ingest.redaction.calls import clean_ids
from monitor.ingest.redaction.policy import DEFAULT, Policy
from monitor.ingest.redaction.redactor import storable
from monitor.ingest.redaction.together import clean_all
from monitor.store import ids
from monitor.store.calls.writing import Calls, coming

# so many calls and more come in three parts or more: one is made ready while the one before it is stored
LEAST, PARTS, PART = 200, 3, 1000
_PLAIN = (
    "model", "version", "environment", "operation", "provider", "route", "finish_reason", "session",
    "trace_id", "span_id", "tenant", "topic", "template",
)  # fmt: skip
_NUMBERS = (
    "duration_seconds", "ttft_seconds", "inference_seconds", "queue_seconds", "input_tokens",
    "cached_input_tokens", "output_tokens", "cost_usd",
)  # fmt: skip
_REST = ("started_ms", "error", "language")
_SAID = (
    "prompt",
    "output",
    "contexts",
    "context_used",
    "tokens",
    "attributes",
    "user",
    "reference",
    "embedding",
)
_COLUMNS = (*_PLAIN, *_NUMBERS, *_REST)
_ROW = attrgetter(*_COLUMNS)
_CONTENT = attrgetter(*_SAID)


class _Detail(msgspec.Struct, omit_defaults=True, gc=False):
    """What is kept of a call beside its columns and texts; what is empty is left out."""

    prompt_messages: Any = None
    output_messages: Any = None
    contexts: Any = None
    context_used: bool | None = None
    tokens: Any = None
    attributes: Any = None
    user: str | None = None
    reference: str | None = None
    redactions: Any = None


def columns(project_id: int, generations: Sequence[Generation], policy: Policy = DEFAULT) -> Calls:
    """Ready to be stored; every call has its time by now. What the calls hold is redacted in place.

    Of many calls only keys and times are there at once: the rest comes in parts, made while others are stored.
    """
    names = [None if one.id is None else storable(one.id) for one in generations]
    keys = [None if name is None else ids.client_key(project_id, name) for name in names]
    started = [one.started_ms or 0 for one in generations]
    arounds = {
        position: ids.client_key(project_id, one.around)
        for position, one in enumerate(generations)
        if one.around
    }
    if len(generations) < LEAST:
        found = _columns(generations, names, keys, policy)
        found.arounds = arounds
        return found
    size = min(PART, -(-len(generations) // PARTS))
    # the database waits for the first one
    starts = [0, *range(size // 2, len(generations), size)]
    parts = [slice(*ends) for ends in pairwise((*starts, len(generations)))]
    makers = [partial(_columns, generations[one], names[one], keys[one], policy) for one in parts]
    return coming(keys, started, arounds, ahead(makers))


def _columns(
    generations: Sequence[Generation],
    names: Sequence[str | None],
    keys: list[UUID | None],
    policy: Policy,
) -> Calls:
    # before anything is taken out of them: different people stay different
    hashes = _hashes([one.user for one in generations], policy.salt)
    taken_out = clean_all(generations, policy)
    given: dict[str, Sequence[Any]] = dict.fromkeys(_COLUMNS, ())
    given |= zip(_COLUMNS, zip(*map(_ROW, generations), strict=True), strict=bool(generations))
    calls = Calls(
        keys=keys, started_ms=list(given["started_ms"]),
        texts={name: list(given[name]) for name in _PLAIN},
        numbers={name: list(given[name]) for name in _NUMBERS},
        errors=list(given["error"]), user_hashes=hashes, prompts=[], outputs=[], details=[],
    )  # fmt: skip
    calls.texts["client_id"] = clean_ids(names, policy)
    _add_contents(calls, generations, taken_out)
    calls.texts["language"] = [
        said or language.detect(prompt) for said, prompt in zip(given["language"], calls.prompts, strict=True)
    ]
    return calls


def _add_contents(calls: Calls, generations: Sequence[Generation], taken_out: Sequence[Counter[str]]) -> None:
    """What was said, and what can be told from it only. Most calls have no more than two texts."""
    given = list(zip(*map(_CONTENT, generations), strict=True)) or [()] * len(_SAID)
    prompts, outputs, contexts, used, tokens, attributes, users, references, embeddings = given
    calls.prompts, asked = _texts(prompts)
    calls.outputs, answered = _texts(outputs)
    calls.texts["grounding"] = _grounding(calls.outputs, contexts, used)
    calls.numbers["mean_logprob"] = [derive.mean_logprob(one) if one else None for one in tokens]
    columns = (asked, answered, contexts, used, tokens, attributes, users, references, taken_out)
    details = list(map(_Detail, *([one or None for one in column] for column in columns)))
    # control signs are escaped in JSON: what is between two of them is one detail
    calls.details = _encode_lines(details).split(b"\n")[:-1]
    calls.vectors |= {position: _vector(one) for position, one in enumerate(embeddings) if one is not None}


def _texts(column: Sequence[str | list[dict[str, Any]]]) -> tuple[list[str], Sequence[Any]]:
    """Each as text, and the messages of those that have some."""
    if all(type(one) is str for one in column):
        return cast("list[str]", list(column)), [None] * len(column)
    pairs = [said(one) for one in column]
    return [text for text, _ in pairs], [messages for _, messages in pairs]


def _grounding(
    outputs: Sequence[str], contexts: Sequence[list[Context] | None], used: Sequence[bool | None]
) -> list[str]:
    grounds = Grounds()
    return [
        "" if shown is None else grounds.of(output, [one.text for one in shown], claim=claim)
        for output, shown, claim in zip(outputs, contexts, used, strict=True)
    ]


_encode_lines = msgspec.json.Encoder().encode_lines


def _hashes(users: Sequence[str], salt: bytes) -> list[bytes | None]:
    made: dict[str, bytes | None] = {"": None}
    for user in set(users) - {""}:
        made[user] = user_hash(user, salt)
    return [made[user] for user in users]


@lru_cache(10_000)
def user_hash(user: str, salt: bytes) -> bytes:
    """The same person is the same within a project; who has not its salt can't try names until one fits.

    The inner hash is what was stored before there was a salt: so those could be salted where they stood.
    """
    inner = hashlib.blake2b(user.encode(errors="replace"), digest_size=8).digest()
    return hashlib.blake2b(inner, digest_size=8, key=salt[:64], person=b"user").digest()


def _vector(embedding: Sequence[float]) -> tuple[str, str]:
    """A vector the sender gave, and the name of who made it, first; as pgvector reads it."""
    numbers = ",".join(f"{number:.6g}" for number in embedding)
    return f"given-{len(embedding)}", f"[{numbers}]"


def said(value: str | list[dict[str, Any]]) -> tuple[str, Any]:
    """Text for reading and search, and the messages where there were some."""
    if isinstance(value, str):
        return value, None
    return "\n".join(f"{part.get('role', '')}: {_told(part)}" for part in value), value


def _told(part: dict[str, Any]) -> str:
    """What a message says, and the tools that it calls."""
    spoken = [_flat(part.get("content"))]
    calls = part.get("tool_calls")
    for call in calls if isinstance(calls, list) else ():
        if isinstance(call, dict):
            function = call.get("function")
            inner = function if isinstance(function, dict) else call
            spoken.append(f"{inner.get('name', '')}({_flat(inner.get('arguments'))})")
    return " ".join(filter(None, spoken))


def _flat(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(_flat(part.get("text") if isinstance(part, dict) else part) for part in content)
    return "" if content is None else str(content)
