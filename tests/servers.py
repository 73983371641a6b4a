"""A pytest plugin: real PostgreSQL and Valkey for one test run, in a folder of their own that goes away.

Set DATABASE_URL and REDIS_URL to run the suite against other servers. Under xdist the controller starts
them once and the workers find them in the environment.
"""

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from monitor.store.servers import embedded
from monitor.store.servers.layout import Layout, local_secret

_started: list[tuple[subprocess.Popen[bytes], signal.Signals]] = []
_folder: list[Path] = []


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    for library in ("OPENBLAS", "OMP"):
        # workers fill the processors: threads of one beside them would wait for each other, busily
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    if "VIGIL_DATA" in os.environ and "PYTEST_XDIST_WORKER" in os.environ:
        return
    # a suite that fails to load never gets to pytest_unconfigure
    atexit.register(pytest_unconfigure)
    folder = Path(tempfile.mkdtemp(prefix="vigil-test-"))
    _folder.append(folder)
    (folder / "static").mkdir()
    os.environ["VIGIL_DATA"] = str(folder)
    os.environ.setdefault("VIGIL_DEMO", "0")
    layout = Layout(folder)
    if not os.environ.get("DATABASE_URL"):
        _started.append((embedded.start_postgres(layout), signal.SIGINT))
        password = local_secret(layout, "postgres_password")
        os.environ["DATABASE_URL"] = (
            f"postgresql://vigil:{password}@/vigil?host={str(layout.postgres_sockets).replace('/', '%2F')}"
        )
        _nothing_lasts(os.environ["DATABASE_URL"])
    if not os.environ.get("REDIS_URL"):
        _started.append((embedded.start_redis(layout), signal.SIGTERM))
        os.environ["REDIS_URL"] = layout.redis_url


def _nothing_lasts(url: str) -> None:
    """Nobody reads this database after a crash, so no commit waits for the disk."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {setting} = off")
        connection.execute("SELECT pg_reload_conf()")


def pytest_unconfigure() -> None:
    while _started:
        embedded.stop(*_started.pop())
    for folder in _folder:
        shutil.rmtree(folder, ignore_errors=True)
