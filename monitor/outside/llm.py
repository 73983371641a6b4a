"""Asking a model behind an OpenAI-compatible endpoint: one JSON answer, or vectors for texts.

Late, broken and overloaded answers are retried with growing pauses, then given up with a reason that can be
counted. Knows nothing of judges and drift. No secret ever stands in an error.
"""

import datetime as dt
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from monitor.outside.http import Answer

T = TypeVar("T")
Reason = Literal["timeout", "connection", "rate_limited", "server_error", "bad_answer", "budget"]
Form = Literal["json_schema", "json_object", "none"]

# 256 vectors of 1 536 numbers as text
LARGEST_ANSWER_BYTES = 10_000_000
LONGEST_PAUSE_SECONDS = 20.0
SPENT = "the budget of this run is spent; the rest is asked in the next one"


class UnavailableError(RuntimeError):
    """No usable answer this time, in spite of retries; worth asking again later. ``reason`` is countable."""

    def __init__(self, message: str, reason: Reason, pause_seconds: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.pause_seconds = pause_seconds


class MisconfiguredError(ValueError):
    """The endpoint refuses our way of asking (address, key, model); whoever configured it can mend it."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where and whom to ask. ``url`` ends before ``/chat/completions``; ``timeout`` is for a whole answer."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    timeout_seconds: float = 30.0
    attempts: int = 3
    form: Form = "json_schema"

    @property
    def place(self) -> str:
        """The address without credentials and query; for errors."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname or ''}{f':{parts.port}' if parts.port else ''}{parts.path}"


class Budget:
    """How many requests may still be sent, retries included. Shared by threads."""

    def __init__(self, requests: int) -> None:
        self.left = requests
        self._lock = threading.Lock()

    def take(self) -> None:
        """Count one request; raises UnavailableError when none is left."""
        with self._lock:
            if self.left <= 0:
                raise UnavailableError(SPENT, "budget")
            self.left -= 1


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
    body: dict[str, Any] = {
        "model": endpoint.model, "messages": list(messages), "temperature": 0, "seed": 7, "stream": False,
    }  # fmt: skip
    if endpoint.form == "json_schema":
        wanted = {"name": "answer", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": wanted}
    elif endpoint.form == "json_object":
        body["response_format"] = {"type": "json_object"}
    return _tenaciously(endpoint, lambda: check(_content(_post(endpoint, "chat/completions", body, budget))))


def embed(endpoint: Endpoint, texts: Sequence[str], *, budget: Budget | None = None) -> list[list[float]]:
    """One vector per text, in order."""
    body = {"model": endpoint.model, "input": list(texts), "encoding_format": "float"}
    return _tenaciously(endpoint, lambda: _vectors(_post(endpoint, "embeddings", body, budget), len(texts)))


def _tenaciously(endpoint: Endpoint, once: Callable[[], T]) -> T:
    import stamina

    def worth_another(error: Exception) -> bool | float | dt.timedelta:
        if not isinstance(error, UnavailableError) or error.reason == "budget":
            return False
        return True if error.pause_seconds is None else min(error.pause_seconds, LONGEST_PAUSE_SECONDS)

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
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        message = (
            f"{endpoint.place}: an answer of the wrong form ({type(error).__name__}: {str(error)[:200]})"
        )
        raise UnavailableError(message, "bad_answer") from error


def _post(endpoint: Endpoint, path: str, body: Mapping[str, Any], budget: Budget | None) -> Any:
    from monitor.outside.http import Caller, ForbiddenTargetError, LateError, UnreachableError

    if budget is not None:
        budget.take()
    base = endpoint.url.rstrip("/").removesuffix("/chat/completions").removesuffix("/embeddings")
    headers = {"authorization": f"Bearer {endpoint.key}"} if endpoint.key else {}
    caller = Caller((endpoint.key,), endpoint.timeout_seconds, LARGEST_ANSWER_BYTES)
    try:
        answer = caller.post(f"{base}/{path}", body, headers)
    except LateError as error:
        message = f"{endpoint.place}: no answer within {endpoint.timeout_seconds:g} s"
        raise UnavailableError(message, "timeout") from error
    except UnreachableError as error:
        message = f"{endpoint.place}: {error}; is the endpoint running?"
        raise UnavailableError(message, "connection") from error
    except ForbiddenTargetError as error:
        message = f"{endpoint.place}: {error}"
        raise MisconfiguredError(message) from error
    _judge_status(endpoint, answer)
    return msgspec.json.decode(answer.body)


def _judge_status(endpoint: Endpoint, answer: "Answer") -> None:
    status = answer.status
    if status < 300:
        return
    message = f"{endpoint.place}: HTTP {status} for model {endpoint.model!r}: {answer.excerpt}"
    if status == 429:
        raise UnavailableError(message, "rate_limited", _pause(answer.headers.get("retry-after", "")))
    if status >= 500 or status in {408, 425}:
        raise UnavailableError(message, "server_error", _pause(answer.headers.get("retry-after", "")))
    raise MisconfiguredError(message)


def _pause(retry_after: str) -> float | None:
    """Seconds; a date is left to our own growing pauses."""
    return float(retry_after) if retry_after.isdecimal() else None


def _content(reply: Any) -> Any:
    choice = reply["choices"][0]
    if choice.get("finish_reason") == "length":
        message = "cut off by the endpoint's limit of tokens"
        raise ValueError(message)
    return msgspec.json.decode(choice["message"]["content"].encode())


def _vectors(reply: Any, n: int) -> list[list[float]]:
    rows = sorted(reply["data"], key=lambda row: int(row["index"]))
    vectors = [[float(x) for x in row["embedding"]] for row in rows]
    if len(vectors) != n or len({len(vector) for vector in vectors}) != 1:
        message = f"{len(vectors)} vectors for {n} texts, or of different lengths"
        raise ValueError(message)
    return vectors
