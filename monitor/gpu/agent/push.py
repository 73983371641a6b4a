"""Sends parcels: over HTTP to a Vigil elsewhere, one connection kept open; and the loop that empties the spool."""

import http.client
import logging
import sqlite3
import ssl
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

from monitor.gpu.agent import wire
from monitor.gpu.agent.spool import Parcel, Spool

log = logging.getLogger("vigil.gpu")

PATH = "/api/v1/write"
TIMEOUT_SECONDS = 20.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
PARCEL_SAMPLES = 10_000
EXCERPT = 200
# whoever runs Vigil or the agent can mend these, and then the same readings are welcome
MENDABLE = frozenset({401, 403, 404, 405, 408, 425, 429})


class NotTakenError(RuntimeError):
    """Vigil was not reached, is busy, or its key or address has to be mended; the readings stay. Retry."""

    def __init__(self, message: str, after: float = 0.0) -> None:
        super().__init__(message)
        self.after = after


class RefusedError(RuntimeError):
    """Vigil will never take this parcel; it is given up so that the next ones get through."""


class BadAddressError(ValueError):
    """The address of Vigil is none. Whoever starts the agent has to change it."""


class Door:
    """A Vigil elsewhere. ``ca``: a file of certificates to trust instead of the system's."""

    def __init__(self, url: str, key: str, ca: str = "") -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            message = f"{url!r} is not an http:// or https:// address"
            raise BadAddressError(message)
        self.where = f"{parts.scheme}://{parts.netloc}"
        self.path = parts.path.rstrip("/") + PATH
        self.headers = {**wire.HEADERS, "authorization": f"Bearer {key}", "user-agent": "vigil-gpu-agent"}
        if parts.scheme == "https":
            trust = ssl.create_default_context(cafile=ca or None)
            self.line: http.client.HTTPConnection = http.client.HTTPSConnection(
                parts.hostname, parts.port, timeout=TIMEOUT_SECONDS, context=trust
            )
        else:
            self.line = http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT_SECONDS)

    def deliver(self, parcel: Parcel) -> None:
        """Raises NotTakenError or RefusedError."""
        try:
            status, after, told = self._post(wire.body(parcel))
        except (OSError, http.client.HTTPException) as error:
            self.line.close()
            message = f"{self.where} was not reached ({type(error).__name__}: {error})"
            raise NotTakenError(message) from error
        if status < 300:
            return
        message = f"{self.where} answered {status}: {told}"
        if status in MENDABLE or status >= 500 or status < 400:
            raise NotTakenError(message, after)
        raise RefusedError(message)

    def _post(self, body: bytes) -> tuple[int, float, str]:
        """Status, seconds to wait, what it said. A connection that the other side closed meanwhile is opened anew."""
        fresh = self.line.sock is None
        try:
            self.line.request("POST", self.path, body, self.headers)
            answer = self.line.getresponse()
        except (ConnectionError, http.client.BadStatusLine):
            self.line.close()
            if fresh:
                raise
            self.line.request("POST", self.path, body, self.headers)
            answer = self.line.getresponse()
        told = " ".join(answer.read(10_000).decode(errors="replace").split())[:EXCERPT]
        after = answer.getheader("retry-after") or ""
        return answer.status, float(after) if after.isdecimal() else 0.0, told


class Sender:
    """Empties the spool in order, waiting longer after each failure."""

    def __init__(self, spool: Spool, deliver: Callable[[Parcel], None], every: float) -> None:
        self.spool = spool
        self.deliver = deliver
        self.every = every
        self.sent = 0
        self.problem = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="gpu-sender", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience: float) -> None:
        """Send what is there, but take no longer than this."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=patience)

    def _run(self) -> None:
        wait = FIRST_WAIT
        while True:
            stopping = self._stop.is_set()
            pause = self.once(wait)
            wait = min(2 * wait, LONGEST_WAIT) if self.problem else FIRST_WAIT
            if stopping:
                return
            self._stop.wait(pause)

    def once(self, wait: float = FIRST_WAIT) -> float:
        """Send until nothing is left or it fails; seconds to wait before the next time."""
        try:
            return self._empty(wait)
        except sqlite3.Error as error:
            self._say(f"{self.spool.path} can't be read ({error})")
            return wait
        except Exception as error:  # nothing may end the thread while the reader goes on
            problem = f"readings could not be sent ({type(error).__name__}: {error})"
            if problem != self.problem:
                log.exception("%s; tried again", problem)
            self.problem = problem
            return wait

    def _empty(self, wait: float) -> float:
        while True:
            parcel = self.spool.oldest(PARCEL_SAMPLES)
            if not parcel.last:
                self._say("")
                return self.every
            try:
                self.deliver(parcel)
            except NotTakenError as error:
                self._say(f"{error}; {self.spool.bytes:,} bytes wait")
                return max(wait, error.after)
            except RefusedError as error:
                self._say(f"{error}; {parcel.samples} samples given up")
                self.spool.done(parcel, refused=True)
                continue
            self.spool.done(parcel)
            self.sent += parcel.samples
            self._say("")

    def _say(self, problem: str) -> None:
        if bool(problem) != bool(self.problem):
            log.log(
                logging.WARNING if problem else logging.INFO, "%s", problem or "Vigil takes readings again"
            )
        self.problem = problem
