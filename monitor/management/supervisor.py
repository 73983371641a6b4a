"""Runs Vigil on one machine: servers first, then our processes; restarts what falls, stops everything together.

It holds no Django of its own, so it costs little memory. Children carry the parent-death signal: should the
supervisor be killed outright, they end by themselves and the next start finds nothing in its way.
"""

import contextlib
import fcntl
import hashlib
import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from monitor import settings
from monitor.core import clock, evenly
from monitor.core.env import Env
from monitor.gpu import nvml
from monitor.management import grpc_hint
from monitor.store.servers import embedded

FIRST_BACKOFF = 0.5
LONGEST_BACKOFF = 15.0
STEADY_SECONDS = 60.0
READY_SECONDS = 60.0
MANAGE = str(settings.BASE_DIR / "manage.py")
# sixteen threads keep what they once took in as many heaps: two hold a quarter less after a load, at no cost
ALLOCATOR = {"MALLOC_ARENA_MAX": "2"}
# the worker gives way where the processors are busy: to it falls a third of what somebody waits for gets
YIELDS = 5


class AlreadyRunningError(RuntimeError):
    """Another supervisor holds this data folder. Stop it, or set VIGIL_DATA to another folder."""


class PortTakenError(RuntimeError):
    """Somebody listens on our address already. Stop it, or bind elsewhere with ``--bind`` or VIGIL_BIND."""


@dataclass(slots=True)
class Child:
    """A process that should run. ``stop`` ends it cleanly; one that ``may_end`` is left alone after a 0."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    stop: signal.Signals = signal.SIGTERM
    may_end: bool = False
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    backoff: float = FIRST_BACKOFF
    due: float = 0.0

    def launch(self) -> None:
        self.process = self.start()
        self.started = clock.monotonic()

    def watch(self) -> None:
        """Start it again, a little later each time, when it has ended."""
        now = clock.monotonic()
        if self.may_end and self.process is not None and self.process.poll() == 0:
            return
        if self.process is not None and self.process.poll() is not None:
            _kill_group(self.process)
            steady = now - self.started > STEADY_SECONDS
            self._later(
                f"ended with {self.process.returncode}", FIRST_BACKOFF if steady else self.backoff * 2
            )
        if self.process is None and now >= self.due:
            self._relaunch()

    def _relaunch(self) -> None:
        """A killed database leaves helpers that hold its memory for a moment; one failure is not the end."""
        try:
            self.launch()
        except (embedded.EmbeddedServerError, OSError) as error:
            self._later(f"did not start ({error})", self.backoff * 2)

    def _later(self, reason: str, backoff: float) -> None:
        self.process = None
        self.backoff = min(backoff, LONGEST_BACKOFF)
        self.due = clock.monotonic() + self.backoff
        say(f"{self.name} {reason}; starting it again in {self.backoff:g} s")


@dataclass(slots=True)
class Supervisor:
    """The children in the order of their start; they stop in the reverse order."""

    host: str
    port: int
    children: list[Child] = field(default_factory=list)
    stopping: bool = False

    def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop)
        place = _take_port(self.host, self.port)
        try:
            self._start()
            while not self.stopping:
                for child in self.children:
                    if not self.stopping:
                        child.watch()
                clock.sleep(0.25)
        finally:
            self._stop_all()
            place.close()

    def _start(self) -> None:
        for child in self._servers():
            self._add(child)
        hello = _prepare()
        web, *others = self._ours()
        # alone at first: on two cores the others would triple the time to the first page
        self._add(web)
        if not self.stopping:
            self._wait_ready()
        for child in others:
            self._add(child)
        if not self.stopping:
            self._answer_grpc()
            say(f"Vigil is ready on {self.url}")
            if hello:
                say(hello)

    def _add(self, child: Child) -> None:
        if not self.stopping:
            self.children.append(child)
            child.launch()

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{'127.0.0.1' if host in {'0.0.0.0', '[::]'} else host}:{self.port}"  # noqa: S104 — shown, not bound

    def _servers(self) -> list[Child]:
        found = []
        if settings.EMBEDDED_DATABASE:
            found.append(Child("postgres", lambda: embedded.start_postgres(settings.LAYOUT), signal.SIGINT))
        if settings.EMBEDDED_REDIS:
            found.append(Child("redis", lambda: embedded.start_redis(settings.LAYOUT)))
        return found

    def _ours(self) -> list[Child]:
        celery = [sys.executable, "-m", "celery", "-A", "monitor.celery"]
        schedule = str(settings.LAYOUT.run / "beat")
        web = [
            sys.executable, "-m", "granian", "--interface", "wsgi", "--host", self.host, "--port", str(self.port),
            "--workers", str(settings.VIGIL_WEB_WORKERS), "--blocking-threads", "16", "--no-ws",
            "--respawn-failed-workers", "--log-level", "warning", "monitor.wsgi:application",
        ]  # fmt: skip
        worker = [
            *celery, "worker", "--concurrency", "3", "--loglevel", "warning", "--without-gossip",
            "--without-mingle", "--without-heartbeat", "-n", "vigil@%h",
        ]  # fmt: skip
        beat = [
            sys.executable, "-m", "celery", "-A", "monitor.beat", "beat", "--loglevel", "warning", "--schedule", schedule,
            "--pidfile", "",
        ]  # fmt: skip
        found = [
            Child("web", spawner("web", web)),
            Child("worker", spawner("worker", worker, yields=YIELDS)),
            Child("beat", spawner("beat", beat)),
        ]
        if nvml.present():
            gpu = [sys.executable, MANAGE, "gpu_agent", "--here", "--spool", str(settings.LAYOUT.run / "gpu")]
            found.append(Child("gpu", spawner("gpu", gpu)))
        if settings.VIGIL_DEMO:
            demo = [sys.executable, MANAGE, "demo", "--url", self.url]
            found.append(Child("demo", spawner("demo", demo), may_end=True))
        return found

    def _answer_grpc(self) -> None:
        """Senders that are set to gRPC learn where to send instead."""
        if not settings.VIGIL_GRPC_PORT:
            return
        try:
            grpc_hint.start(self.host, settings.VIGIL_GRPC_PORT, self.url)
        except OSError as error:
            port = settings.VIGIL_GRPC_PORT
            say(f"no hint for gRPC senders on port {port} ({error.strerror}); VIGIL_GRPC_PORT=0 turns it off")

    def _wait_ready(self) -> None:
        deadline = clock.monotonic() + READY_SECONDS
        while not self.stopping and clock.monotonic() < deadline:
            web = next(child for child in self.children if child.name == "web")
            if web.process is not None and web.process.poll() is not None:
                message = f"the web server ended at once; read {settings.LAYOUT.logs / 'web.log'}"
                raise embedded.EmbeddedServerError(message)
            try:
                with urllib.request.urlopen(f"{self.url}/readyz", timeout=5):  # noqa: S310 — our own address
                    return
            except (urllib.error.URLError, OSError):
                clock.sleep(0.05)

    def _stop(self, _number: int, _frame: object) -> None:
        self.stopping = True

    def _stop_all(self) -> None:
        """Ours all at once, then the servers they need, last one first."""
        names = {"postgres", "redis"}
        ours = [child for child in self.children if child.name not in names]
        for child in ours:
            if child.process is not None and child.process.poll() is None:
                child.process.send_signal(child.stop)
        for child in [*ours, *(child for child in reversed(self.children) if child.name in names)]:
            if child.process is not None:
                embedded.stop(child.process, child.stop, patience=15)
                _kill_group(child.process)
        say("stopped")


def spawner(name: str, command: Sequence[str], *, yields: int = 0) -> Callable[[], subprocess.Popen[bytes]]:
    """How to start one of our processes, its output going to its own log; ``yields``: how nice it is to others."""

    def prepare() -> None:
        embedded.die_with_parent(signal.SIGTERM)
        if yields:
            os.nice(yields)
            # where Linux weighs sessions first, only this tells
            with contextlib.suppress(OSError):
                Path("/proc/self/autogroup").write_text(str(yields), encoding="ascii")

    def start() -> subprocess.Popen[bytes]:
        with _log(name) as log:
            return subprocess.Popen(
                command, cwd=settings.BASE_DIR, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, preexec_fn=prepare,
                env={**ALLOCATOR, **os.environ},
            )  # fmt: skip

    return start


def say(text: str) -> None:
    print(text, flush=True)


def run(bind: str | None = None) -> None:
    """Everything until a signal; ``bind`` overrides VIGIL_BIND."""
    if bind:
        os.environ["VIGIL_BIND"] = bind
    host, port = Env().address("VIGIL_BIND", "127.0.0.1:8000")
    settings.LAYOUT.run.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings.LAYOUT.logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.LAYOUT.run / "up.pid").open("a+", encoding="ascii") as lock:
        _hold(lock)
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = _fresh(settings.LAYOUT.meters)
        os.environ[evenly.PAGE] = evenly.fresh(settings.LAYOUT.run / "load")
        lock.truncate(0)
        print(os.getpid(), file=lock, flush=True)
        Supervisor(host, port).run()


def _take_port(host: str, port: int) -> socket.socket:
    """Ours from now until the end, so that of two that start at once one is refused: the web server shares its port
    by design (several workers), and half of the requests would come to the other one's and find no key there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            message = f"can't listen on {host}:{port}: {error.strerror}; use --bind HOST:PORT or VIGIL_BIND"
            raise PortTakenError(message) from error
    # bound and never listening: it gets no connection, and only sockets that share may be bound beside it
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    with contextlib.suppress(OSError):
        held.bind((host, port))
    return held


def _fresh(folder: Path) -> str:
    """An empty folder in which our processes keep their numbers for ``/metrics``."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()
    return str(folder)


def _hold(lock: IO[str]) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        message = f"Vigil already runs on {settings.VIGIL_DATA}; stop it, or set VIGIL_DATA to another folder"
        raise AlreadyRunningError(message) from error


def _prepare() -> str:
    """Migrations and the like, in a process of their own; what it has to say to a person.

    Skipped where nothing it depends on has changed since it last succeeded; that saves half of a start.
    """
    mark = settings.LAYOUT.run / "prepared"
    wanted = _state_of_the_code()
    if settings.EMBEDDED_DATABASE and mark.exists() and mark.read_text(encoding="ascii") == wanted:
        return ""
    done = subprocess.run(
        [sys.executable, MANAGE, "prepare"], cwd=settings.BASE_DIR, check=False, capture_output=True, text=True
    )  # fmt: skip
    if done.returncode:
        message = f"preparing the database failed:\n{done.stderr.strip()[-2000:]}"
        raise embedded.EmbeddedServerError(message)
    mark.write_text(wanted, encoding="ascii")
    return done.stdout.strip()


def _state_of_the_code() -> str:
    """A digest of what preparing depends on: the migrations and the texts."""
    digest = hashlib.blake2b(digest_size=16)
    for pattern in ("monitor/migrations/*.py", "dashboards/migrations/*.py", "templates/locale/**/*.po"):
        for path in sorted(settings.BASE_DIR.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def _log(name: str) -> IO[bytes]:
    return (Path(settings.LAYOUT.logs) / f"{name}.log").open("ab")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """What a fallen child left behind (workers of a killed web server would hold its port)."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return
