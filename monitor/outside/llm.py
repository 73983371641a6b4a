"""Asking a model behind an OpenAI-compatible endpoint: one JSON answer, or vectors for texts.

Late, broken and overloaded answers are retried with growing pauses, then given up with a reason that can be
counted; a model whose answer has the wrong form is told so. Knows nothing of judges and drift. No secret ever
stands in an error.
"""

import datetime as dt
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

from monitor.outside import loose
from monitor.outside.frames import harmless
from monitor.outside.spending import Budget, Receipt, SpentError

if TYPE_CHECKING:
    from monitor.outside.http import Answer

__all__ = ["Budget", "Endpoint", "MisconfiguredError", "RefusedError", "UnavailableError", "ask", "embed"]
T = TypeVar("T")
Reason = Literal["timeout", "connection", "rate_limited", "server_error", "bad_answer", "budget"]
Form = Literal["json_schema", "json_object", "none"]

# 256 vectors of 1 536 numbers as text
LARGEST_ANSWER_BYTES = 10_000_000
LONGEST_PAUSE_SECONDS = 20.0
PLAINER: Mapping[Form, Form] = {"json_schema": "json_object", "json_object": "none"}
WRONG = (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, OverflowError)
# pgvector's half precision holds nothing larger, and no longer vector
LARGEST_NUMBER, LONGEST_VECTOR = 65_000.0, 16_000
# a server that asks for a longer pause means "never"
LONGEST_ASKED_SECONDS = 86_400.0
# endpoints that have refused a form of answer, and the one they take
_taken_forms: dict[tuple[str, str], Form] = {}


class UnavailableError(RuntimeError):
    """No usable answer this time, in spite of retries; worth asking again later. ``reason`` is countable."""

    def __init__(self, message: str, reason: Reason, pause_seconds: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.pause_seconds = pause_seconds


class MisconfiguredError(ValueError):
    """The endpoint refuses our way of asking (address, key, model); whoever configured it can mend it."""


class RefusedError(MisconfiguredError):
    """The endpoint refuses this one question (too long, forbidden content); another may be answered."""


class FormRefusedError(RefusedError):
    """The endpoint does not know the wanted form of an answer; a plainer one may do."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and whom to ask. ``url`` ends before ``/chat/completions``; ``timeout`` is for a whole answer."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout_seconds: float = 30.0
    attempts: int = 3
    form: Form = "json_schema"
    most_tokens: int = 1000

    @property
    def place(self) -> str:
        """The address without credentials and query; for errors."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


def ask(
    endpoint: Endpoint,
    messages: Sequence[Mapping[str, str]],
    schema: Mapping[str, Any],
    check: Callable[[Any], T],
    *,
    budget: Budget | None = None,
) -> T:
    """One structured answer at temperature 0, as ``check`` returns it (it raises ValueError for a wrong one).

    Raises UnavailableError or MisconfiguredError; never invents an answer.
    """
    said = list(messages)

    def once() -> T:
        reply = _chat(endpoint, said, schema, budget)
        text = ""
        try:
            text = _text(reply)
            return check(loose.decode(text))
        except WRONG as error:
            if text:
                said[:] = [*messages, *_repair(text, error)]
            raise

    return _tenaciously(endpoint, once)


def _chat(
    endpoint: Endpoint,
    messages: Sequence[Mapping[str, str]],
    schema: Mapping[str, Any],
    budget: Budget | None,
) -> Any:
    """One reply, in the strictest form that the endpoint takes."""
    place = (endpoint.url, endpoint.model)
    form = _taken_forms.get(place, endpoint.form)
    while True:
        try:
            return _post(endpoint, "chat/completions", _question(endpoint, messages, schema, form), budget)
        except FormRefusedError:
            if form not in PLAINER:
                raise
            form = _taken_forms[place] = PLAINER[form]


def _question(
    endpoint: Endpoint, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], form: Form
) -> dict[str, Any]:
    told = list(messages) if form == "json_schema" else _with_schema(messages, schema)
    body: dict[str, Any] = {
        "model": endpoint.model, "messages": told, "temperature": 0, "seed": 7, "stream": False,
        "max_tokens": endpoint.most_tokens,
    }  # fmt: skip
    if form == "json_schema":
        wanted = {"name": "answer", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}
    elif form == "json_object":
        body["response_format"] = {"type": "json_object"}
    return body


def _with_schema(messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """What the endpoint does not take beside the messages stands in the first of them."""
    first, *rest = messages
    content = f"{first['content']}\n\nSchema of the answer: {msgspec.json.encode(schema).decode()}"
    return [{**first, "content": content}, *rest]


def _repair(text: str, error: Exception) -> list[dict[str, str]]:
    """The model's own words, and what is wrong with them."""
    wrong = (
        f"This answer can't be used ({type(error).__name__}: {str(error)[:200]}). Do the same task again and "
        "answer with exactly one JSON object that fits the schema, nothing before and nothing after it."
    )
    # it may quote what it judged, frames and all
    return [{"role": "assistant", "content": harmless(text[:2000])}, {"role": "user", "content": wrong}]


def embed(endpoint: Endpoint, texts: Sequence[str], *, budget: Budget | None = None) -> list[list[float]]:
    """One vector per text, in order."""
    body = {"model": endpoint.model, "input": list(texts), "encoding_format": "float"}
    return _tenaciously(endpoint, lambda: _vectors(_post(endpoint, "embeddings", body, budget), len(texts)))


def _tenaciously(endpoint: Endpoint, once: Callable[[], T]) -> T:
    import stamina

    def worth_another(error: Exception) -> bool | float | dt.timedelta:
        if not isinstance(error, UnavailableError) or error.reason == "budget":
            return False
        if error.pause_seconds is None:
            return True
        # callers that were sent away together must not come back together
        wait = error.pause_seconds * random.uniform(1.0, 1.25)  # noqa: S311 — spread, not secrecy
        return wait if wait <= LONGEST_PAUSE_SECONDS else False

    for attempt in stamina.retry_context(
        on=worth_another,
        attempts=endpoint.attempts,
        timeout=None,
        wait_initial=0.5,
        wait_max=LONGEST_PAUSE_SECONDS,
    ):
        with attempt:
            return _checked(endpoint, once)
    raise AssertionError


def _checked(endpoint: Endpoint, once: Callable[[], T]) -> T:
    """A wrong answer is a failed attempt like any other."""
    try:
        return once()
    except (UnavailableError, MisconfiguredError):
        raise
    except WRONG as error:
        message = (
            f"{endpoint.place}: an answer of the wrong form ({type(error).__name__}: {str(error)[:200]})"
        )
        raise UnavailableError(message, "bad_answer") from error


def _post(endpoint: Endpoint, path: str, body: Mapping[str, Any], budget: Budget | None) -> Any:
    from monitor.outside.http import Caller, ForbiddenTargetError, LateError, UnreachableError

    headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    caller = Caller((endpoint.key,), endpoint.timeout_seconds, LARGEST_ANSWER_BYTES)
    base = endpoint.url.rstrip("/").removesuffix("/chat/completions").removesuffix("/embeddings")
    receipt = _paid(budget, body)
    try:
        answer = caller.post(f"{base}/{path}", body, headers)
    except LateError as error:
        # it may well have been computed, and is then paid for
        message = f"{endpoint.place}: no answer within {endpoint.timeout_seconds:g} s"
        raise UnavailableError(message, "timeout") from error
    except UnreachableError as error:
        receipt.back()
        message = f"{endpoint.place}: {error}; is the endpoint running?"
        raise UnavailableError(message, "connection") from error
    except ForbiddenTargetError as error:
        receipt.back()
        message = f"{endpoint.place}: {error}"
        raise MisconfiguredError(message) from error
    if answer.status >= 300:
        receipt.back()
    _judge_status(endpoint, answer)
    reply = msgspec.json.decode(answer.body)
    receipt.settle(reply)
    return reply


def _paid(budget: Budget | None, body: Mapping[str, Any]) -> Receipt:
    try:
        return (budget or Budget(1)).take(body)
    except SpentError as error:
        raise UnavailableError(str(error), "budget") from error


def _judge_status(endpoint: Endpoint, answer: "Answer") -> None:
    status = answer.status
    if status < 300:
        return
    message = f"{endpoint.place}: HTTP {status} for model {endpoint.model!r}: {answer.excerpt}"
    if status == 429:
        raise UnavailableError(message, "rate_limited", _pause(answer.headers))
    if status >= 500 or status in {408, 425}:
        raise UnavailableError(message, "server_error", _pause(answer.headers))
    if status in {400, 422} and any(word in answer.excerpt for word in ("response_format", "json_schema")):
        raise FormRefusedError(message)
    if status in {400, 413, 422}:
        raise RefusedError(message)
    raise MisconfiguredError(message)


def _pause(headers: Mapping[str, str]) -> float | None:
    """Seconds. A date is read by the server's own clock, which stands beside it; without one our pauses grow."""
    wanted = headers.get("retry-after", "").strip()
    if wanted.isdecimal():
        return min(LONGEST_ASKED_SECONDS, float(wanted))
    try:
        until, at = (parsedate_to_datetime(one) for one in (wanted, headers.get("date", "")))
        return min(LONGEST_ASKED_SECONDS, max(0.0, (until - at).total_seconds()))
    except (ValueError, TypeError, OverflowError):
        return None


def _text(reply: Any) -> str:
    choice = reply["choices"][0]
    if choice.get("finish_reason") == "length":
        message = "cut off by the limit of tokens; raise the longest answer in the judge's settings"
        raise ValueError(message)
    return str(choice["message"]["content"] or "")


def _vectors(reply: Any, n: int) -> list[list[float]]:
    rows = sorted(reply["data"], key=lambda row: int(row["index"]))
    vectors = [[float(x) for x in row["embedding"]] for row in rows]
    if len(vectors) != n or len({len(vector) for vector in vectors}) != 1:
        message = f"{len(vectors)} vectors for {n} texts, or of different lengths"
        raise ValueError(message)
    if not 1 <= len(vectors[0]) <= LONGEST_VECTOR:
        message = f"vectors of {len(vectors[0])} numbers; from 1 to {LONGEST_VECTOR} can be kept"
        raise ValueError(message)
    if not all(abs(x) <= LARGEST_NUMBER for vector in vectors for x in vector):
        message = f"a vector with a number that is none, or beyond {LARGEST_NUMBER:g}"
        raise ValueError(message)
    return vectors
