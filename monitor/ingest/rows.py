"""Calls as their senders describe them become columns fit for storing: redacted, cleaned, looked at closely.

Whole columns are worked on where that can be, because what is done for each call by itself decides how many
calls a second there can be.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec

from monitor.ingest import derive, language
from monitor.ingest.envelope import Generation
from monitor.ingest.grounding import Grounds
from monitor.ingest.redaction.calls import clean, clean_ids
from monitor.ingest.redaction.policy import DEFAULT, Policy
from monitor.ingest.redaction.redactor import storable
from monitor.store import ids
from monitor.store.calls import Calls

_PLAIN = (
    "model", "version", "environment", "operation", "provider", "route", "finish_reason", "session",
    "trace_id", "span_id", "tenant", "topic", "template",
)  # fmt: skip
_NUMBERS = (
    "duration_seconds", "ttft_seconds", "inference_seconds", "queue_seconds", "input_tokens",
    "cached_input_tokens", "output_tokens", "cost_usd",
)  # fmt: skip
_REST = ("id", "started_ms", "user", "error", "language", "around")
_COLUMNS = (*_PLAIN, *_NUMBERS, *_REST)
_ROW = attrgetter(*_COLUMNS)


def columns(project_id: int, generations: Sequence[Generation], policy: Policy = DEFAULT) -> Calls:
    """Ready to be stored; every call has its time by now. What the calls hold is redacted in place."""
    # before anything is taken out of them: different people stay different
    hashes = _hashes([one.user for one in generations])
    taken_out = [clean(one, policy) for one in generations]
    given: dict[str, Sequence[Any]] = dict.fromkeys(_COLUMNS, ())
    given |= zip(_COLUMNS, zip(*map(_ROW, generations), strict=True), strict=bool(generations))
    grounds = Grounds()
    calls = Calls(
        keys=[], started_ms=list(given["started_ms"]),
        texts={name: list(given[name]) for name in _PLAIN},
        numbers={name: list(given[name]) for name in _NUMBERS},
        errors=[], user_hashes=hashes, prompts=[], outputs=[], details=[],
    )  # fmt: skip
    names = [None if one is None else storable(one) for one in given["id"]]
    calls.texts["client_id"] = clean_ids(names, policy)
    calls.keys = [None if name is None else ids.client_key(project_id, name) for name in names]
    calls.texts["grounding"], calls.numbers["mean_logprob"] = [], []
    for position, generation in enumerate(generations):
        _add_content(calls, generation, position, taken_out[position], grounds)
    calls.texts["language"] = [
        said or language.detect(prompt) for said, prompt in zip(given["language"], calls.prompts, strict=True)
    ]
    calls.errors = list(given["error"])
    calls.arounds = {
        position: ids.client_key(project_id, around)
        for position, around in enumerate(given["around"])
        if around
    }
    return calls


def _add_content(
    calls: Calls, generation: Generation, position: int, taken_out: Counter[str], grounds: Grounds
) -> None:
    """What was said, and what can be told from it only."""
    prompt, prompt_messages = said(generation.prompt)
    output, output_messages = said(generation.output)
    contexts = generation.contexts
    texts = None if contexts is None else [one.text for one in contexts]
    detail = {
        "prompt_messages": prompt_messages,
        "output_messages": output_messages,
        "contexts": contexts,
        "context_used": generation.context_used,
        "tokens": generation.tokens,
        "attributes": generation.attributes,
        "user": generation.user,
        "reference": generation.reference,
        "redactions": taken_out,
    }
    calls.prompts.append(prompt)
    calls.outputs.append(output)
    calls.details.append(
        msgspec.json.encode({name: value for name, value in detail.items() if value}).decode()
    )
    calls.texts["grounding"].append(grounds.of(output, texts, claim=generation.context_used))
    calls.numbers["mean_logprob"].append(derive.mean_logprob(generation.tokens))
    if generation.embedding is not None:
        calls.vectors[position] = _vector(generation.embedding)


def _hashes(users: Sequence[str]) -> list[bytes | None]:
    made: dict[str, bytes | None] = {"": None}
    for user in set(users) - {""}:
        made[user] = hashlib.blake2b(user.encode(errors="replace"), digest_size=8).digest()
    return [made[user] for user in users]


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
