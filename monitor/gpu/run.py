"""Polls the cards of the worker's own host into the series of the project that its poller names."""

import datetime as dt
import logging
import socket
from collections.abc import Callable, Sequence

from monitor.core import clock
from monitor.gpu import nvml, poll
from monitor.gpu.cards import Card
from monitor.gpu.models import GpuPoller, PollerState
from monitor.store import append
from monitor.store.models import Project

log = logging.getLogger("vigil.gpu")


def run(*, now: dt.datetime, read: Callable[[], Sequence[Card]] = nvml.read, host: str = "") -> int:
    """One poll; how many points were stored. The driver is asked once, whatever the number of projects."""
    pollers = [one for one in _pollers(host or socket.gethostname()) if one.enabled]
    if not pollers:
        return 0
    started = clock.monotonic()
    cards, state, error = _asked(read)
    took = clock.monotonic() - started
    stored = 0
    for poller in pollers:
        stored += append.samples(
            poller.project_id, poll.points(poller.host, cards, clock.to_ms(now)), now=now
        )
        _note(poller, state, error, len(cards), took, now=now)
    return stored


def _asked(read: Callable[[], Sequence[Card]]) -> tuple[Sequence[Card], PollerState, str]:
    try:
        cards = read()
    except nvml.NoDriverError as error:
        return [], PollerState.NO_DRIVER, str(error)
    except nvml.CardReadError as error:
        return [], PollerState.FAILING, str(error)
    failed = "; ".join(
        f"GPU {card.index} {name}: {why}" for card in cards for name, why in card.failed.items()
    )
    return cards, PollerState.FAILING if failed else PollerState.OK, failed


def _pollers(host: str) -> list[GpuPoller]:
    """The pollers of this host; the first poll makes one for the oldest project that is no demo."""
    known = list(GpuPoller.objects.filter(host=host, project__deleted_at=None))
    if known:
        return known
    project = Project.objects.filter(deleted_at=None, demo=False).order_by("pk").first()
    if project is None:
        return []
    return [GpuPoller.objects.get_or_create(project=project, host=host)[0]]


def _note(
    poller: GpuPoller, state: PollerState, error: str, cards: int, took: float, *, now: dt.datetime
) -> None:
    """The state on the poller's row; a line in the log only when it changes."""
    if (state, error) != (poller.state, poller.last_error):
        level = logging.INFO if state in {PollerState.OK, PollerState.NO_DRIVER} else logging.WARNING
        log.log(level, "GPU poller on %s: %s", poller.host, error or f"{cards} cards")
    noted = {"last_ok": now} if state == PollerState.OK else {}
    GpuPoller.objects.filter(pk=poller.pk).update(
        state=state, last_error=error, cards=cards, checked_at=now, last_duration=took, **noted
    )
