"""The contract of a judge: one call in, one mark from 0 to 5 with a reason out. A failure is never a mark."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from monitor.core.fields import Field
from monitor.outside.llm import Endpoint, MisconfiguredError, RefusedError, UnavailableError

__all__ = [
    "BEST",
    "Ask",
    "Item",
    "Judge",
    "MisconfiguredError",
    "RefusedError",
    "UnavailableError",
    "Verdict",
]
BEST = 5.0
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Item:
    """What a judge may see of a call: never the model's name or version, which would colour the mark.

    ``rival``: what another version answered to the same prompt, where there is such an answer.
    """

    prompt: str
    output: str
    contexts: tuple[str, ...] | None = None
    reference: str = ""
    rival: str | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``value`` from 0 (useless) to 5 (could not be better); ``reason`` for the person who doubts it.

    ``tag``: one word by which verdicts are counted, such as how the two orders of a pair ended.
    """

    value: float
    reason: str
    tag: str = ""


class Ask(Protocol):
    """Asks a model for one JSON answer; ``check`` turns it into a result or raises ValueError."""

    def __call__(
        self,
        endpoint: Endpoint,
        messages: Sequence[Mapping[str, str]],
        schema: Mapping[str, Any],
        check: Callable[[Any], T],
    ) -> T: ...


class Judge(Protocol):
    """``source`` is written on its scores; ``endpoint`` is None for a judge that asks nobody.

    ``requests``: how many it sends for one call. ``rival_version``: whose answers it compares with, if any. A judge
    that reckons marks itself may have an ``edition``, raised when it reckons otherwise: that begins a new epoch.
    """

    fields: tuple[Field, ...]
    source: str
    cost: str
    requests: int
    endpoint: Endpoint | None
    rival_version: str

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Take cleaned settings; raises MisconfiguredError."""
        ...

    def judge(self, item: Item, ask: Ask) -> Verdict | None:
        """The verdict; None: nothing to say about such a call. Raises either of the two errors."""
        ...
