"""The cards of this installation's own host: the agent's readings go into the store of the projects that want them.

``run`` is the life of that process; ``look`` is what a worker can see without one.
"""

import datetime as dt
import logging
import socket
from functools import lru_cache
from typing import Any

from django.db import Error, connection

from monitor.core import clock
from monitor.core.labels import Labels
from monitor.gpu import nvml
from monitor.gpu.agent.loop import Agent, Settings
from monitor.gpu.agent.push import NotTakenError
from monitor.gpu.agent.spool import Parcel
from monitor.gpu.models import GpuPoller, PollerState
from monitor.gpu.reading import Reading, Series
from monitor.store.models import Project
from monitor.store.samples import append

log = logging.getLogger("vigil.gpu")

NOTE_SECONDS = 15.0
SILENT = dt.timedelta(seconds=90)
NO_DRIVER = "no NVIDIA driver on this machine; run the agent on the hosts with GPUs"
NO_READER = (
    "an NVIDIA driver is here but nothing reads it; start Vigil again, or run `manage.py gpu_agent --here` "
    "beside the workers"
)


class Store:
    """Delivers parcels to this installation's store, and notes on the poller's row how reading goes."""

    def __init__(self, host: str) -> None:
        self.host = host
        self._noted: tuple[str, str] = ("", "")
        self._note_due = 0.0
        self._wanted = True
        self._wanted_due = 0.0

    def deliver(self, parcel: Parcel) -> None:
        """Raises NotTakenError while the database is away."""
        points = [
            (_labels(series), at_ms, value) for series, row in parcel.series.items() for at_ms, value in row
        ]
        try:
            for poller in pollers(self.host):
                if poller.enabled:
                    append.samples(poller.project_id, points, now=clock.now())
        except Error as error:
            _let_go()
            message = f"the database did not take a reading: {error}"
            raise NotTakenError(message) from error

    def wanted(self) -> bool:
        """Whether anybody wants this host's cards; asked of the database once in a while."""
        if clock.monotonic() >= self._wanted_due:
            self._wanted_due = clock.monotonic() + NOTE_SECONDS
            try:
                self._wanted = any(one.enabled for one in pollers(self.host))
            except Error:
                _let_go()
                log.warning("the database can't be asked whether the cards of %s are wanted", self.host)
        return self._wanted

    def told(self, reading: Reading, took: float) -> None:
        """Note how it went: at once when that changed, else now and then."""
        now = clock.monotonic()
        if (reading.state, reading.problem) == self._noted and now < self._note_due:
            return
        self._noted, self._note_due = (reading.state, reading.problem), now + NOTE_SECONDS
        try:
            note(self.host, reading, took, now=clock.from_ms(reading.at_ms))
        except Error:
            _let_go()
            log.warning("the database did not take how reading the cards of %s goes", self.host)


def run(settings: Settings, library: Any = None) -> None:
    """Until a signal."""
    store = Store(settings.host)
    Agent(settings, store.deliver, library, store.wanted, store.told).run()


def look(*, now: dt.datetime, host: str = "", here: bool | None = None) -> None:
    """From a worker: say that there is no driver, or that nobody reads it."""
    present = nvml.present() if here is None else here
    for poller in pollers(host or socket.gethostname()):
        if not present:
            _note(poller, PollerState.NO_DRIVER, NO_DRIVER, 0, 0.0, now=now)
        elif poller.enabled and (poller.checked_at is None or now - poller.checked_at > SILENT):
            _note(poller, PollerState.FAILING, NO_READER, 0, 0.0, now=now)


def note(host: str, reading: Reading, took: float, *, now: dt.datetime) -> None:
    """What one reading said, on the rows of this host's pollers."""
    state = PollerState.NO_DRIVER if reading.state == "no_driver" else PollerState.FAILING
    if reading.state == "ok" and not reading.problem:
        state = PollerState.OK
    for poller in pollers(host):
        _note(poller, state, reading.problem, reading.cards, took, now=now)


def pollers(host: str) -> list[GpuPoller]:
    """The pollers of this host; the first look makes one for the oldest project that is no demo."""
    known = list(GpuPoller.objects.filter(host=host, project__deleted_at=None))
    if known:
        return known
    project = Project.objects.filter(deleted_at=None, demo=False).order_by("pk").first()
    if project is None:
        return []
    return [GpuPoller.objects.get_or_create(project=project, host=host)[0]]


def _let_go() -> None:
    """A connection that met an error may be dead; the next question opens another."""
    if not connection.in_atomic_block:
        connection.close()


@lru_cache(20_000)
def _labels(series: Series) -> Labels:
    return Labels(series)


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
