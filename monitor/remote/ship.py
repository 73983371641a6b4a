"""Carries what waits in the queue to the store elsewhere: the oldest first, again and again until it is taken.

A batch leaves the queue when the store has taken or refused its samples, so a kill at any moment repeats at
most what is taken again without harm: the same samples at the same times.
"""

import datetime as dt
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from monitor import meters
from monitor.core import clock
from monitor.outside.metrics import AwayError, Endpoint, RefusedError
from monitor.outside.remote_write import request
from monitor.promql.errors import UnavailableError
from monitor.remote import wire
from monitor.remote.ask import Remote
from monitor.remote.models import Shipping
from monitor.store.ageing import outgoing, totals
from monitor.store.ageing.outgoing import Outgoing

log = logging.getLogger("vigil.remote")
BATCHES_AT_ONCE = 500
SAMPLES_AT_ONCE = 200_000
SAMPLES_PER_REQUEST = 5_000
# a store that refuses a whole request for one bad series is asked again with halves of it, so often at most
HALVINGS = 64
FIRST_WAIT = dt.timedelta(seconds=1)
LONGEST_WAIT = dt.timedelta(minutes=1)


@dataclass(slots=True)
class Shipped:
    """What one run did."""

    sent: int = 0
    dropped: int = 0
    refusal: str = ""


def run(remote: Remote, *, now: dt.datetime, seconds: float) -> Shipped:
    """Send until nothing waits, the store is away or the time is over. Call under a turn."""
    state, _ = Shipping.objects.get_or_create(id=1)
    done = Shipped()
    totals.fold(now=now)
    if state.retry_at is not None and state.retry_at > now:
        return done
    until = clock.monotonic() + seconds
    try:
        native = remote.native()
        while clock.monotonic() < until and _some(remote.endpoint, done, native=native):
            pass
    except (AwayError, UnavailableError) as error:
        _away(state, str(error), getattr(error, "after", None), now)
    else:
        state.failures, state.retry_at, state.away_since, state.last_error = 0, None, None, ""
    if done.sent:
        state.sent_at = now
    if done.dropped:
        state.dropped += done.dropped
        state.last_refusal = done.refusal
    state.save()
    return done


def _away(state: Shipping, message: str, after: float | None, now: dt.datetime) -> None:
    """Come again later, each time later than before."""
    wait = min(FIRST_WAIT * 2 ** min(state.failures, 10), LONGEST_WAIT)
    if after is not None:
        wait = max(wait, min(dt.timedelta(seconds=after), LONGEST_WAIT))
    if not state.failures:
        log.warning("the series store is away, samples wait in the queue: %s", message)
    state.failures += 1
    state.retry_at, state.last_error = now + wait, message
    state.away_since = state.away_since or now
    meters.shipped.labels("retried").inc()


def _some(endpoint: Endpoint, done: Shipped, *, native: bool) -> bool:
    """Send the oldest batches and take them out of the queue; whether there were any."""
    taken = outgoing.take(BATCHES_AT_ONCE, SAMPLES_AT_ONCE)
    if not taken.batches:
        return False
    if taken.nameless:
        _drop(done, taken.nameless, "unknown series", "their series were removed before they were sent")
    for part in _requests(taken.series):
        _deliver(endpoint, part, done, native=native, again=[HALVINGS])
    outgoing.remove(taken.batches)
    return True


def _requests(series: Sequence[Outgoing]) -> list[list[Outgoing]]:
    """The series in parts of one request each."""
    parts: list[list[Outgoing]] = [[]]
    room = SAMPLES_PER_REQUEST
    for one in series:
        for piece in _pieces(one):
            if room <= 0:
                parts.append([])
                room = SAMPLES_PER_REQUEST
            parts[-1].append(piece)
            room -= piece.weight
    return [part for part in parts if part]


def _pieces(one: Outgoing) -> list[Outgoing]:
    """A series with many samples in pieces, each of one request."""
    if one.weight <= SAMPLES_PER_REQUEST or one.samples <= 1:
        return [one]
    return [piece for half in one.halves() for piece in _pieces(half)]


def _deliver(
    endpoint: Endpoint, part: Sequence[Outgoing], done: Shipped, *, native: bool, again: list[int]
) -> None:
    """Send a part; where it is refused, its halves, until what is refused stands alone."""
    body = request(message for one in part for message in wire.messages(one, endpoint.label, native=native))
    count = sum(one.samples for one in part)
    try:
        endpoint.send(body)
    except RefusedError as error:
        if again[0] <= 0 or (len(part) == 1 and count <= 1):
            _drop(done, count, reason(str(error)), str(error))
            return
        again[0] -= 1
        middle = len(part) // 2
        halves = [part[:middle], part[middle:]] if middle else [[half] for half in part[0].halves()]
        for half in halves:
            _deliver(endpoint, half, done, native=native, again=again)
        return
    done.sent += count
    meters.shipped.labels("sent").inc(count)


# what the stores' messages say, as the few words that a meter can carry
REASONS = ("out of order", "out of bounds", "too old", "duplicate", "native histogram", "limit")


def reason(message: str) -> str:
    """Why samples were refused, in one of a few words."""
    lower = message.lower()
    return next((known for known in REASONS if known in lower), "refused")


def _drop(done: Shipped, count: int, why: str, message: str) -> None:
    done.dropped += count
    done.refusal = message
    meters.shipped.labels("dropped").inc(count)
    meters.refused.labels(f"remote: {why}").inc(count)
    log.warning("%d samples were dropped, the series store refuses them: %s", count, message)
