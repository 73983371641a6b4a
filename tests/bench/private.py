"""A Vigil of one's own for a measurement: fresh folder, free port, no demo; gone afterwards."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
MANAGE = [sys.executable, str(ROOT / "manage.py")]
LONGEST_START = 120.0


class NotReadyError(RuntimeError):
    """The private Vigil did not come up; the message holds what it said."""


@dataclass
class Private:
    """A running Vigil. ``ready_seconds``: from the start of the process to the first page."""

    folder: Path
    port: int
    process: subprocess.Popen[str]
    ready_seconds: float

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def manage(self, *words: str) -> str:
        """What ``manage.py WORDS`` prints."""
        return subprocess.run(
            [*MANAGE, *words], env=_environment(self.folder), capture_output=True, text=True, check=True
        ).stdout.strip()

    def project(self, slug: str, *scopes: str) -> str:
        """Make a project; a key for it with those scopes."""
        self.manage("project", "create", slug)
        words = [word for scope in scopes for word in ("--scope", scope)]
        return self.manage("key", "create", "--project", slug, "--name", "bench", *words).splitlines()[-1]

    def tree(self) -> list[int]:
        """The process and all that descend from it."""
        found = [self.process.pid]
        for pid in found:
            children = Path(f"/proc/{pid}/task/{pid}/children")
            found += [int(child) for child in children.read_text().split()] if children.exists() else []
        return found


@contextmanager
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="vigil-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def vigil(data: Path) -> Iterator[Private]:
    """Start, wait for the first page, stop."""
    port = free_port()
    started = time.monotonic()
    process = subprocess.Popen(
        [*MANAGE, "up", "--bind", f"127.0.0.1:{port}"],
        env=_environment(data),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        _wait(process, f"http://127.0.0.1:{port}/login/", started)
        yield Private(data, port, process, time.monotonic() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def _wait(process: subprocess.Popen[str], url: str, started: float) -> None:
    while time.monotonic() - started < LONGEST_START:
        if process.poll() is not None:
            raise NotReadyError(process.stdout.read() if process.stdout else "ended")
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 — our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.02)
    message = f"{url} did not answer within {LONGEST_START:g} s"
    raise NotReadyError(message)


def _environment(data: Path) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return kept | {"VIGIL_DATA": str(data), "VIGIL_DEMO": "0"}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])
