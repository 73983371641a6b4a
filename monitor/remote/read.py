"""How the store elsewhere and the queue to it are doing: for the health page, the meters and the doors."""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings

from monitor.core import clock
from monitor.promql.errors import QueryError
from monitor.remote import connected
from monitor.remote.ask import Remote, told
from monitor.remote.models import Shipping
from monitor.store.ageing import outgoing
from monitor.store.ageing.outgoing import Length

ASK_SECONDS = 2.0
HOLD_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Status:
    """What ``/readyz`` tells. ``answers`` is a question asked just now; the rest is how the sending goes."""

    host: str
    answers: bool
    error: str
    waiting_samples: int
    oldest_seconds: float
    away_since: dt.datetime | None
    last_error: str
    dropped_samples: int
    last_refusal: str

    @property
    def word(self) -> str:
        return "ok" if self.answers and self.away_since is None else "series store away"


_asked: list[tuple[float, str]] = []


def status(*, now: dt.datetime) -> Status | None:
    """None where series lie at home."""
    remote = connected.remote()
    if remote is None:
        return None
    error, length = _error(remote), outgoing.length()
    row = Shipping.objects.filter(id=1).first() or Shipping()
    age = (now - length.oldest).total_seconds() if length.oldest else 0.0
    return Status(
        remote.endpoint.host, not error, error, length.samples, max(age, 0.0), row.away_since, row.last_error,
        row.dropped, row.last_refusal,
    )  # fmt: skip


def waiting() -> Length | None:
    """What waits in the queue; None where series lie at home and nothing does."""
    return None if connected.remote() is None else outgoing.length()


def full(*, now: dt.datetime) -> str | None:
    """Why nothing more can be taken; None: it can."""
    if connected.remote() is None:
        return None
    try:
        outgoing.require_room(settings.METRICS_QUEUE_SAMPLES, now=now)
    except outgoing.FullError as error:
        return str(error)
    return None


def _error(remote: Remote) -> str:
    """What comes back instead of an answer; asked at most every five seconds."""
    present = clock.monotonic()
    if not _asked or present - _asked[0][0] > HOLD_SECONDS:
        _asked[:] = [(present, _attempt(remote))]
    return _asked[0][1]


def _attempt(remote: Remote) -> str:
    try:
        told(lambda: remote.endpoint.ask("query", [("query", "vector(1)")], ASK_SECONDS))
    except QueryError as error:
        return error.message
    return ""
