"""How likely a model finds an answer after a given prompt: prompt log-probabilities as vLLM's server offers them.

Nothing is generated but one token that is thrown away: the answer goes in as the end of the prompt, and the
server says how likely each of its tokens was. No retries: somebody is waiting, and can ask again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from monitor.outside.http import Caller, ForbiddenTargetError, UnreachableError
from monitor.outside.llm import Endpoint

# one entry per token of a long prompt
LARGEST_ANSWER_BYTES = 50_000_000


class ScoringError(RuntimeError):
    """No usable log-probabilities; says what the server did instead."""


def score(endpoint: Endpoint, messages: Sequence[Mapping[str, str]], answer: str) -> list[tuple[str, float]]:
    """Every token of the prompt and the answer with its log-probability; the first one has none and is left out.

    The answer is the last message, which is told to go on, so that nothing of the chat template follows it.
    """
    body = {
        "model": endpoint.model,
        "messages": [*messages, {"role": "assistant", "content": answer}],
        "add_generation_prompt": False,
        "continue_final_message": True,
        "prompt_logprobs": 1,
        "max_tokens": 1,
        "temperature": 0,
        "stream": False,
    }
    reply = _post(endpoint, body)
    found = reply.get("prompt_logprobs") if isinstance(reply, Mapping) else None
    if not isinstance(found, list):
        message = (
            f"{endpoint.place} answered without prompt_logprobs; only engines that offer prompt "
            "log-probabilities (as vLLM does) can do this"
        )
        raise ScoringError(message)
    return [_token(endpoint, one) for one in found if one is not None]


def _token(endpoint: Endpoint, entry: Any) -> tuple[str, float]:
    """The token that stands in the prompt comes first; others are the likeliest at that place."""
    try:
        first = next(iter(entry.values()))
        return str(first.get("decoded_token") or ""), float(first["logprob"])
    except (AttributeError, KeyError, OverflowError, StopIteration, TypeError, ValueError) as error:
        message = f"{endpoint.place}: prompt_logprobs of an unknown form ({type(error).__name__})"
        raise ScoringError(message) from error


def _post(endpoint: Endpoint, body: Mapping[str, Any]) -> Any:
    base = endpoint.url.rstrip("/").removesuffix("/chat/completions")
    headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    caller = Caller((endpoint.key,) if endpoint.key else (), endpoint.timeout_seconds, LARGEST_ANSWER_BYTES)
    try:
        reply = caller.post(f"{base}/chat/completions", body, headers)
    except (UnreachableError, ForbiddenTargetError) as error:
        message = f"{endpoint.place}: {error}"
        raise ScoringError(message) from error
    if reply.status >= 300:
        message = f"{endpoint.place}: HTTP {reply.status} for model {endpoint.model!r}: {reply.excerpt}"
        raise ScoringError(message)
    try:
        return msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"{endpoint.place}: the answer is no JSON: {reply.excerpt}"
        raise ScoringError(message) from error
