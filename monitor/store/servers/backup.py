"""One file that holds everything: the database as of one moment, the secrets that go with it, what it was made from.

The file is a tar of ``manifest.json``, ``secrets/…`` and ``database.dump`` (PostgreSQL's custom format). Valkey is
not in it: nothing lives only there.
"""

import datetime as dt
import io
import json
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg

from monitor.store.servers import embedded
from monitor.store.servers.layout import Layout

FORMAT = 1
MANIFEST, DUMP, SECRETS = "manifest.json", "database.dump", "secrets/"
# the embedded server's own password is made anew where the backup is unpacked
NOT_KEPT = frozenset({"postgres_password"})
TAIL = 2_000


class BackupError(RuntimeError):
    """A backup could not be made or unpacked. The message says at which step, and what to do."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup was made from. ``migration`` is the newest that its tables have seen."""

    made_at: str
    version: str
    migration: str
    format: int = FORMAT


def write(
    target: Path, database: Mapping[str, Any], layout: Layout, *, version: str, now: dt.datetime
) -> Manifest:
    """Write a backup beside ``target`` and move it there when it is whole and on disk; readable for its owner only.

    ``database`` are Django's settings of it. The product may run: the dump is of one moment.
    """
    target = target.resolve()
    if target.exists():
        message = f"{target} exists; name another file, or remove it"
        raise BackupError(message)
    with tempfile.TemporaryDirectory(dir=_folder(target), prefix=".vigil-backup-") as folder:
        dump, whole = Path(folder) / DUMP, Path(folder) / "whole"
        manifest = Manifest(now.isoformat(), version, _newest_migration(database))
        _run("pg_dump", database, "--format=custom", "--compress=gzip:1", "--no-owner", f"--file={dump}")
        with os.fdopen(os.open(whole, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            with tarfile.open(fileobj=file, mode="w") as tar:
                _add_text(tar, MANIFEST, json.dumps(asdict(manifest)))
                for path in sorted(layout.secrets.glob("*")):
                    if path.name not in NOT_KEPT:
                        tar.add(path, SECRETS + path.name)
                tar.add(dump, DUMP)
            file.flush()
            os.fsync(file.fileno())
        whole.rename(target)
    return manifest


def read_manifest(source: Path) -> Manifest:
    """What a file says of itself; raises BackupError when it is no backup of ours, or of a newer kind."""
    try:
        with tarfile.open(source) as tar:
            found = tar.extractfile(MANIFEST)
            told = json.loads(found.read()) if found else {}
        manifest = Manifest(**told)
    except (OSError, tarfile.TarError, KeyError, TypeError, ValueError) as error:
        message = f"{source} is no backup of Vigil ({error}); name a file that `manage.py backup` has made"
        raise BackupError(message) from error
    if manifest.format > FORMAT:
        message = f"{source} was made by Vigil {manifest.version}; unpack it with that version or a newer one"
        raise BackupError(message)
    return manifest


def restore(source: Path, database: Mapping[str, Any], layout: Layout) -> Manifest:
    """Fill an empty database and the secrets' folder from a backup. What is there already is never overwritten."""
    manifest = read_manifest(source)
    _demand_empty(database)
    with tempfile.TemporaryDirectory(dir=layout.data, prefix=".vigil-restore-") as folder:
        with tarfile.open(source) as tar:
            tar.extractall(folder, filter="data")
        dump = str(Path(folder) / DUMP)
        # all or nothing: a restore that breaks off leaves the database as empty as it was
        _run("pg_restore", database, "--no-owner", "--exit-on-error", "--single-transaction", dump)
        _take_secrets(Path(folder) / SECRETS, layout)
    return manifest


@contextmanager
def server(layout: Layout) -> Iterator[None]:
    """The embedded database while the product is down; refuses when it runs."""
    process = embedded.start_postgres(layout)
    try:
        yield
    finally:
        embedded.stop(process, signal.SIGINT)


def _folder(target: Path) -> Path:
    if not target.parent.is_dir():
        message = f"{target.parent} is no folder; make it first"
        raise BackupError(message)
    return target.parent


def _take_secrets(folder: Path, layout: Layout) -> None:
    layout.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    for path in folder.glob("*") if folder.is_dir() else ():
        place = layout.secrets / path.name
        shutil.copyfile(path, place)
        place.chmod(0o600)


def _add_text(tar: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode()
    about = tarfile.TarInfo(name)
    about.size, about.mode = len(content), 0o600
    tar.addfile(about, io.BytesIO(content))


def _newest_migration(database: Mapping[str, Any]) -> str:
    with _connected(database) as connection:
        row = connection.execute(
            "SELECT name FROM django_migrations WHERE app = 'monitor' ORDER BY name DESC LIMIT 1"
        ).fetchone()
    return str(row[0]) if row else ""


def _demand_empty(database: Mapping[str, Any]) -> None:
    with _connected(database) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"
            " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
        ).fetchone()
    if row and row[0]:
        message = (
            f"the database {database['NAME']!r} holds {row[0]} tables; a backup is unpacked into an empty place only."
            " Set VIGIL_DATA to a new folder, or DATABASE_URL to a new database"
        )
        raise BackupError(message)


def _connected(database: Mapping[str, Any]) -> "psycopg.Connection[Any]":
    try:
        where = psycopg.conninfo.make_conninfo(**_where(database))
        return psycopg.connect(where, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        message = f"the database does not answer: {str(error).splitlines()[0]}"
        raise BackupError(message) from error


def _where(database: Mapping[str, Any]) -> dict[str, str]:
    told = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    return {name: str(database[key]) for name, key in told.items() if database.get(key)}


def _run(program: str, database: Mapping[str, Any], *words: str) -> None:
    """One of PostgreSQL's own programs against the database; the password goes by the environment."""
    where = _where(database)
    password = where.pop("password", "")
    binary = str(embedded.postgres_binary(program))
    command = [binary, f"--dbname={psycopg.conninfo.make_conninfo(**where)}", *words]
    done = subprocess.run(
        command, env={**os.environ, "PGPASSWORD": password}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        message = f"{program} failed with {done.returncode}: {done.stderr.strip()[-TAIL:]}"
        raise BackupError(message)
