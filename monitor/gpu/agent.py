"""Pushes the cards of this host to a Vigil elsewhere, as ``POST /api/v1/points``. Needs no database."""

import datetime as dt
from collections.abc import Callable, Sequence

from monitor.core.clock import to_ms
from monitor.core.labels import NAME
from monitor.gpu import poll
from monitor.gpu.cards import Card
from monitor.outside.http import Caller, UnreachableError


class NotTakenError(RuntimeError):
    """Vigil was not reached or is busy; worth another try with the next reading."""


class RefusedError(RuntimeError):
    """Vigil answered that it will never take this (key, scope, address); whoever runs the agent can mend it."""


def body(host: str, cards: Sequence[Card], now: dt.datetime) -> dict[str, object]:
    """The points of one reading, in the native form."""
    at = to_ms(now)
    return {
        "points": [
            {"name": labels.name, "labels": dict(labels.drop([NAME])), "value": value, "at": at / 1000}
            for labels, _, value in poll.points(host, cards, at)
        ]
    }


def push(url: str, key: str, host: str, cards: Sequence[Card], *, now: dt.datetime) -> int:
    """Send one reading; how many points were taken. Raises NotTakenError or RefusedError."""
    content = body(host, cards, now)
    caller = Caller((key,))
    try:
        answer = caller.post(f"{url.rstrip('/')}/api/v1/points", content, {"authorization": f"Bearer {key}"})
    except UnreachableError as error:
        message = f"{error}; is {url} the address of Vigil?"
        raise NotTakenError(message) from error
    if answer.status == 429 or answer.status >= 500:
        message = f"Vigil answered {answer.status}: {answer.excerpt}"
        raise NotTakenError(message)
    if answer.status >= 300:
        message = f"Vigil answered {answer.status}: {answer.excerpt}; the key needs the scope ingest"
        raise RefusedError(message)
    told = answer.json()
    return int(told.get("accepted", 0)) if isinstance(told, dict) else 0


def once(url: str, key: str, host: str, read: Callable[[], Sequence[Card]], *, now: dt.datetime) -> str:
    """One reading pushed; a line that says so. Raises what ``read`` and ``push`` raise."""
    cards = read()
    return f"{len(cards)} cards, {push(url, key, host, cards, now=now)} points taken"
