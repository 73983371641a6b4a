"""Where things lie under ``VIGIL_DATA``, and how to reach the embedded servers there. Starts nothing."""

import hashlib
import os
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from psycopg.conninfo import conninfo_to_dict

# sun_path holds 108 bytes with its final NUL; PostgreSQL appends "/.s.PGSQL.5432"
LONGEST_SOCKET_FOLDER = 85
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 — a folder of our own in it


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders of one installation. Sockets move to a short folder when the path is too long for one."""

    data: Path

    @property
    def postgres(self) -> Path:
        return self.data / "postgres"

    @property
    def redis(self) -> Path:
        return self.data / "redis"

    @property
    def run(self) -> Path:
        return self.data / "run"

    @property
    def secrets(self) -> Path:
        return self.data / "secrets"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    @property
    def sockets(self) -> Path:
        if len(os.fsencode(self.run)) <= LONGEST_SOCKET_FOLDER:
            return self.run
        return Path(tempfile.gettempdir()) / self._name

    @property
    def meters(self) -> Path:
        """Our numbers lie in memory where that can be: a write into a mapped file on a full disk kills the process."""
        folder = SHARED_MEMORY / self._name
        strange = folder.exists() and folder.stat().st_uid != os.getuid()
        return folder if os.access(SHARED_MEMORY, os.W_OK) and not strange else self.run / "meters"

    @property
    def _name(self) -> str:
        """A name for this folder among others of this machine."""
        mark = hashlib.blake2b(os.fsencode(self.data), digest_size=6).hexdigest()
        return f"vigil-{os.getuid()}-{mark}"

    @property
    def postgres_sockets(self) -> Path:
        return self.sockets / "pg"

    @property
    def redis_socket(self) -> str:
        return str(self.sockets / "redis.sock")

    @property
    def redis_url(self) -> str:
        return "unix://" + self.redis_socket


def local_secret(layout: Layout, name: str) -> str:
    """A secret made once per installation and kept readable for its owner only."""
    path = layout.secrets / name
    layout.secrets.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text(encoding="utf-8").strip()
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8").strip()


def database_settings(url: str, layout: Layout) -> dict[str, Any]:
    """Django's settings for ``url``, or for the embedded server when there is none."""
    common = {
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
    }
    if not url:
        return common | {
            "NAME": "vigil",
            "USER": "vigil",
            "PASSWORD": local_secret(layout, "postgres_password"),
            "HOST": str(layout.postgres_sockets),
            "PORT": "5432",
        }
    info = conninfo_to_dict(url)
    options = {
        key: value
        for key, value in info.items()
        if key not in {"dbname", "user", "password", "host", "port"} and value is not None
    }
    return common | {
        "NAME": info.get("dbname") or "vigil",
        "USER": info.get("user") or "",
        "PASSWORD": info.get("password") or "",
        "HOST": unquote(str(info.get("host") or "")),
        "PORT": str(info.get("port") or ""),
        "OPTIONS": options,
    }
