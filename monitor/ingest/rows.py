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

from monitor.ingest import derive, grounding, language
from monitor.ingest.envelope import Context, Generation
from monitor.ingest.redact import redact, redact_value, storable
from monitor.store import ids
from monitor.store.calls import Calls

# the cleaned text of these is what was sent but for what can't be stored
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
# a text up to this long in which nothing was found is known to hold nothing when it comes again in a batch
_SHORT = 4_000


class Cleaner:
    """Redacts the texts of one batch; ``found`` counts what went out of the call at hand, by kind."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()
        self._harmless: set[str] = set()

    def text(self, text: str) -> str:
        if text in self._harmless:
            return text
        clean, counted = redact(text)
        if counted:
            self.found.update(counted)
        elif len(text) <= _SHORT and clean == text:
            self._harmless.add(text)
        return clean

    def value(self, value: Any) -> Any:
        """Messages or attributes, keys too; nothing stays nothing."""
        if not value:
            return value
        if isinstance(value, str):
            return self.text(value)
        return redact_value(value, self.found)


def columns(project_id: int, generations: Sequence[Generation]) -> Calls:
    """Ready to be stored; every call has its time by now."""
    given: dict[str, Sequence[Any]] = dict(
        zip(_COLUMNS, zip(*map(_ROW, generations), strict=True), strict=True)
    )
    cleaner = Cleaner()
    calls = Calls(
        keys=[], started_ms=list(given["started_ms"]),
        texts={name: _storable(given[name]) for name in _PLAIN},
        numbers={name: list(given[name]) for name in _NUMBERS},
        errors=[], user_hashes=_hashes(given["user"]), prompts=[], outputs=[], details=[],
    )  # fmt: skip
    names = [None if one is None else storable(one) for one in given["id"]]
    calls.texts["client_id"] = [name or "" for name in names]
    calls.keys = [None if name is None else ids.client_key(project_id, name) for name in names]
    calls.texts["grounding"], calls.numbers["mean_logprob"] = [], []
    for position, generation in enumerate(generations):
        _add_content(calls, generation, position, cleaner)
    calls.texts["language"] = [
        storable(said) if said else language.detect(prompt)
        for said, prompt in zip(given["language"], calls.prompts, strict=True)
    ]
    calls.errors = [None if error is None else cleaner.text(error) for error in given["error"]]
    calls.arounds = {
        position: ids.client_key(project_id, around)
        for position, around in enumerate(given["around"])
        if around
    }
    return calls


def _add_content(calls: Calls, generation: Generation, position: int, cleaner: Cleaner) -> None:
    """What was said, redacted, and what can be told from it only."""
    cleaner.found = Counter()
    prompt, prompt_messages = _said(generation.prompt, cleaner)
    output, output_messages = _said(generation.output, cleaner)
    contexts = _contexts(generation.contexts, cleaner)
    texts = None if contexts is None else [one["text"] for one in contexts]
    detail = {
        "prompt_messages": prompt_messages,
        "output_messages": output_messages,
        "contexts": contexts,
        "context_used": generation.context_used,
        "tokens": cleaner.value(generation.tokens),
        "attributes": cleaner.value(generation.attributes),
        "user": cleaner.value(generation.user),
        "reference": cleaner.value(generation.reference),
        "redactions": cleaner.found,
    }
    calls.prompts.append(prompt)
    calls.outputs.append(output)
    calls.details.append(
        msgspec.json.encode({name: value for name, value in detail.items() if value}).decode()
    )
    calls.texts["grounding"].append(grounding.grounding(output, texts, claim=generation.context_used))
    calls.numbers["mean_logprob"].append(derive.mean_logprob(generation.tokens))
    if generation.embedding is not None:
        calls.vectors[position] = _vector(generation.embedding)


def _contexts(contexts: Sequence[Context] | None, cleaner: Cleaner) -> list[dict[str, Any]] | None:
    if contexts is None:
        return None
    return [
        {"id": cleaner.text(one.id), "text": cleaner.text(one.text), "score": one.score} for one in contexts
    ]


def _storable(column: Sequence[str]) -> list[str]:
    """Nearly always the column as it is: one look at all of it tells."""
    whole = "".join(column)
    if whole.isascii() and "\x00" not in whole:
        return list(column)
    return [storable(text) for text in column]


def _hashes(users: Sequence[str]) -> list[bytes | None]:
    made: dict[str, bytes | None] = {"": None}
    for user in set(users) - {""}:
        made[user] = hashlib.blake2b(user.encode(errors="replace"), digest_size=8).digest()
    return [made[user] for user in users]


def _vector(embedding: Sequence[float]) -> tuple[str, str]:
    """A vector the sender gave, and the name of who made it, first; as pgvector reads it."""
    numbers = ",".join(f"{number:.6g}" for number in embedding)
    return f"given-{len(embedding)}", f"[{numbers}]"


def _said(value: str | list[dict[str, Any]], cleaner: Cleaner) -> tuple[str, Any]:
    """Redacted text for reading and search, and the redacted messages where there were some."""
    if isinstance(value, str):
        return (cleaner.text(value) if value else ""), None
    messages = cleaner.value(value)
    return "\n".join(f"{part.get('role', '')}: {_flat(part.get('content'))}" for part in messages), messages


def _flat(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return " ".join(_flat(part.get("text") if isinstance(part, dict) else part) for part in content)
    return "" if content is None else str(content)
