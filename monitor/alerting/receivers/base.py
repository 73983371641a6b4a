"""The contract of a receiver: it declares its fields, and sends one message or says why it can't."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

from django.utils.translation import gettext_noop as _

from monitor.alerting.message import Message
from monitor.core.fields import Field
from monitor.outside.http import Answer


class RefusedError(Exception):
    """The service will never take this message. No retry; whoever owns the contact has to change it."""


class LaterError(Exception):
    """The service can't take it now; ``after_seconds`` is what it asked for, if it did."""

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Calls(Protocol):
    """The way out; see ``outside.http.Caller``."""

    def hiding(self, *secrets: str) -> "Calls": ...

    def post(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer: ...

    def request(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer: ...


class Receiver(Protocol):
    """``limit_bytes``: the longest text the service takes."""

    fields: ClassVar[Sequence[Field]]
    limit_bytes: ClassVar[int]

    def __init__(self, settings: Mapping[str, Any]) -> None: ...

    def send(self, message: Message, calls: Calls) -> None: ...


def robot_address(**changes: Any) -> Field:
    """The one setting that every group robot has."""
    help_text = "The robot's address, with its key."
    return Field(
        "url", _("Webhook"), kind="url", required=True, secret=True, **{"help": help_text, **changes}
    )


def judge(answer: Answer) -> None:
    """Raise for an answer that is no success."""
    status = answer.status
    if 200 <= status < 300:
        return
    text = f"HTTP {status}: {answer.excerpt}" if answer.excerpt else f"HTTP {status}"
    if status in {408, 425, 429} or status >= 500:
        asked = answer.headers.get("retry-after", "")
        raise LaterError(text, float(asked) if asked.isdecimal() else None)
    hint = "; the address redirects, use the one it leads to" if 300 <= status < 400 else ""
    raise RefusedError(text + hint)


def judge_code(answer: Answer, code: str, text: str, *, later: Sequence[int] = ()) -> None:
    """Chat bots refuse with HTTP 200 and a code: anything but 0 is no success."""
    judge(answer)
    said = answer.json()
    number = said.get(code) if isinstance(said, dict) else None
    if number == 0:
        return
    if number is None:
        message = f"the answer is not the bot's: {answer.excerpt or 'empty'}; check the address"
        raise RefusedError(message)
    message = f"{code} {number}: {answer.safe(str(said.get(text, '')))}"
    raise (LaterError if number in later else RefusedError)(message)
