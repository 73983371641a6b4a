"""The contract of a rollout action: it declares its fields, and carries out one order or says why it can't."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

from monitor.core.fields import Field
from monitor.outside.http import Answer

# begin: the first stage, of which nothing is known yet; hold: nothing goes on, and no traffic is moved
Intent = Literal["begin", "shift", "promote", "rollback", "hold"]


class RefusedError(Exception):
    """The other side will never do this. No retry; whoever owns the action has to change it."""


class LaterError(Exception):
    """The other side can't do it now; the same order is given again."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to happen: ``share`` (0 to 1) of the traffic goes to ``canary``. The same id is the same order."""

    id: str
    intent: Intent
    release: str
    project: str
    model: str
    stable: str
    canary: str
    share: float
    verdict: str
    reason: str
    at: str


class Calls(Protocol):
    """The way out; see ``outside.http.Caller``."""

    def post(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer: ...

    def request(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer: ...


class RolloutAction(Protocol):
    """``act`` returns a sentence on what was answered. Acting twice on one order is the same as once.

    Only one that says ``holds = True`` is told of a hold. One that says ``steps = True`` goes on by a step of its own
    with each shift, so a shift that it carried out is not given again.
    """

    fields: ClassVar[Sequence[Field]]

    def __init__(self, settings: Mapping[str, Any]) -> None: ...

    def act(self, order: Order, calls: Calls) -> str: ...


def judge(answer: Answer) -> str:
    """What an HTTP answer means: 2xx is done, 408, 429 and 5xx come later, the rest is refused."""
    if 200 <= answer.status < 300:
        return f"HTTP {answer.status}"
    said = f"HTTP {answer.status}: {answer.excerpt or 'empty answer'}"
    if answer.status in {408, 409, 425, 429} or answer.status >= 500:
        raise LaterError(said)
    raise RefusedError(said)


def parts(share: float, whole: int = 100) -> int:
    """Of a hundred, or of another whole; a share above zero is never rounded to nothing, nor one below 1 to everything."""
    if share in {0.0, 1.0}:
        return round(share * whole)
    return min(whole - 1, max(1, round(share * whole)))
