"""The agent's life: a reading every interval into the spool, while a thread sends; ends on a signal.

A door: here the clock is read, and the moment passed on.
"""

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.core import clock
from monitor.gpu.agent.push import Sender
from monitor.gpu.agent.spool import Parcel, Spool, SpoolError
from monitor.gpu.reading import Reading
from monitor.gpu.sampler import Sampler

log = logging.getLogger("vigil.gpu")

# after so many openings that met an old library, a new process gets the new one for certain
MANY_MISMATCHES = 3
RESTARTED = "VIGIL_GPU_AGENT_RESTARTED"
RESTART_SECONDS = 300.0
GOODBYE_SECONDS = 5.0
# an interval in which the machine slept is not made up for
LATE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How an agent was started. ``push_every`` seconds go by between two parcels."""

    host: str
    spool: Path
    interval: float = 5.0
    push_every: float = 5.0
    limit_bytes: int = 256 * 2**20
    proc: Path | None = None


class Agent:
    """Reader, spool and sender of one host. ``wanted``: whether readings are asked for at this time."""

    def __init__(
        self,
        settings: Settings,
        deliver: Callable[[Parcel], None],
        library: Any = None,
        wanted: Callable[[], bool] = lambda: True,
        told: Callable[[Reading, float], None] = lambda _reading, _took: None,
    ) -> None:
        self.settings = settings
        self.spool = Spool(settings.spool, settings.limit_bytes)
        self.sampler = Sampler(settings.host, _now_ms, library, settings.proc)
        self.sender = Sender(self.spool, deliver, settings.push_every)
        self.wanted = wanted
        self.told = told
        self.stopping = threading.Event()
        self._said = ""
        self._dropped: dict[str, int] = {}
        self._dropped_due = 0.0

    def run(self) -> None:
        """Until ``stopping`` is set or a signal comes."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        self.sender.start()
        due = clock.monotonic()
        try:
            while not self.stopping.is_set():
                if self.wanted():
                    self.take()
                if self.sampler.mismatches >= MANY_MISMATCHES:
                    self._start_anew()
                due = max(due + self.settings.interval, clock.monotonic() - LATE_SECONDS)
                self.stopping.wait(max(0.0, due - clock.monotonic()))
        finally:
            self.close()

    def take(self) -> Reading:
        """One reading into the spool."""
        started = clock.monotonic()
        reading = self.sampler.sample(_now_ms())
        self._tell_own(reading)
        try:
            self.spool.add(reading)
        except SpoolError as error:
            self._say(str(error))
        else:
            self._say(f"{reading.state}: {reading.problem or f'{reading.cards} cards'}")
        self.told(reading, clock.monotonic() - started)
        return reading

    def close(self) -> None:
        self.sender.stop(GOODBYE_SECONDS)
        self.sampler.close()
        self.spool.close()

    def _tell_own(self, reading: Reading) -> None:
        names = self.sampler.names
        if clock.monotonic() >= self._dropped_due:
            self._dropped, self._dropped_due = self.spool.dropped, clock.monotonic() + 10.0
        used = os.times()
        reading.samples.append((names.of("gpu_agent_buffered_bytes"), float(self.spool.bytes)))
        reading.samples.append((names.of("gpu_agent_cpu_seconds_total"), used.user + used.system))
        for reason, count in self._dropped.items():
            series = names.of("gpu_agent_dropped_samples_total", (("reason", reason),))
            reading.samples.append((series, float(count)))

    def _say(self, line: str) -> None:
        if line != self._said:
            log.log(
                logging.INFO if line.startswith("ok") else logging.WARNING, "%s: %s", self.settings.host, line
            )
            self._said = line

    def _start_anew(self) -> None:
        """Become a fresh process with the same arguments: nothing of the old library is left in it."""
        last = os.environ.get(RESTARTED, "")
        if last.isdecimal() and clock.monotonic() - float(last) < RESTART_SECONDS:
            return
        log.warning("the driver was upgraded and its old library can't be let go; starting anew")
        self.close()
        os.environ[RESTARTED] = str(int(clock.monotonic()))
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 — ourselves again


def _now_ms() -> int:
    return clock.to_ms(clock.now())
