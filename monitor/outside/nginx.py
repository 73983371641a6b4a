"""An Nginx on this machine: a file of its configuration replaced, checked, and reloaded; else all stays as it was.

Folder, program and configuration come from the environment, never from what people edit: no file elsewhere and
no other program can be named.
"""

import re
import subprocess
from pathlib import Path

from django.conf import settings

SECONDS = 20.0
EXCERPT = 300
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$")


class NginxError(Exception):
    """The file was not taken; says why, and whether what was there before is not there again."""


class BadNginxError(ValueError):
    """A setting with which no Nginx can be changed; says which, and the remedy."""


def place_of(name: str) -> Path:
    """Where a file of that name lies; raises BadNginxError."""
    folder = settings.VIGIL_NGINX_FOLDER
    if not folder:
        message = "this machine has no Nginx to change: set VIGIL_NGINX_FOLDER to a folder that it includes"
        raise BadNginxError(message)
    if not _NAME.match(name):
        message = f"{name!r} is no plain file name; use letters, digits, dots and dashes"
        raise BadNginxError(message)
    return Path(folder) / name


def replace(name: str, content: str) -> None:
    """Put ``content`` into the file, let Nginx check its configuration, and reload it; raises NginxError."""
    path = place_of(name)
    before = _read(path)
    try:
        _write(path, content.encode())
        _run("-t")
    except NginxError as error:
        _restore(path, before, error)
        raise
    _run("-s", "reload")


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _file_error("read", path, error) from error


def _write(path: Path, content: bytes) -> None:
    """A reader sees the old file or the new one, never half of it."""
    beside = path.with_name(f".{path.name}.new")
    try:
        beside.write_bytes(content)
        beside.replace(path)
    except OSError as error:
        raise _file_error("written", path, error) from error


def _restore(path: Path, before: bytes | None, cause: NginxError) -> None:
    """What was there is there again; where even that fails, both errors are said."""
    try:
        if before is None:
            path.unlink(missing_ok=True)
        elif path.read_bytes() != before:
            _write(path, before)
    except (NginxError, OSError) as error:
        message = f"{cause}; and the file of before could not be put back ({error}): look at {path.name}"
        raise NginxError(message) from error


def _file_error(done: str, path: Path, error: OSError) -> NginxError:
    why = error.strerror or type(error).__name__
    return NginxError(f"{path.name} could not be {done}: {why}; check VIGIL_NGINX_FOLDER and its rights")


def _run(*words: str) -> None:
    command = [settings.VIGIL_NGINX_PROGRAM]
    if settings.VIGIL_NGINX_CONF:
        command += ["-c", settings.VIGIL_NGINX_CONF]
    try:
        done = subprocess.run(
            [*command, *words], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"{command[0]} could not be run: {type(error).__name__}; check VIGIL_NGINX_PROGRAM"
        raise NginxError(message) from error
    if done.returncode:
        said = " ".join(done.stderr.split())[-EXCERPT:]
        message = f"nginx {' '.join(words)} said: {said}"
        raise NginxError(message)
