"""Mounted rule files: read when they change, their groups read-only here. A broken file changes nothing.

``mounts`` are pairs of a project's slug and a file, a folder, or a pattern.
"""

import datetime as dt
import glob
import logging
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from monitor.rules import exchange, yaml
from monitor.rules.exchange import Terms
from monitor.rules.history import Author
from monitor.rules.models import RuleFile, RuleGroup
from monitor.store.models import Project

log = logging.getLogger("vigil.rules")
Mounts = Sequence[tuple[str, str]]
LONGEST_PATH = 500
SUFFIXES = frozenset({".yml", ".yaml"})


def run(mounts: Mounts, *, now: dt.datetime) -> int:
    """Take what changed, and remove what is gone; how many files were read."""
    known = {project.slug: project for project in Project.objects.filter(deleted_at=None)}
    patterns: dict[str, list[str]] = {}
    for slug, pattern in mounts:
        patterns.setdefault(slug, []).append(pattern)
    for slug in patterns.keys() - known.keys():
        log.warning("VIGIL_RULE_FILES names the project %r, which does not exist", slug)
    read = 0
    for project in known.values():
        read += _run_project(project, found(patterns.get(project.slug, [])), now)
    return read


@dataclass(frozen=True, slots=True)
class Found:
    """The files that are there, and the folders that could not be looked into: what lies there is not gone."""

    paths: list[Path]
    closed: list[Path]

    def has(self, path: str) -> bool:
        return any(Path(path).is_relative_to(folder) for folder in self.closed)


def found(patterns: Iterable[str]) -> Found:
    """A folder stands for the rule files in it."""
    paths: dict[Path, None] = {}
    closed = []
    for pattern in patterns:
        for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 — patterns may be absolute
            path = Path(name)
            try:
                inside = sorted(path.iterdir()) if path.is_dir() else [path]
                paths |= {
                    one: None for one in inside if one.is_file() and (one == path or one.suffix in SUFFIXES)
                }
            except OSError as error:
                log.warning("rule files in %s can't be looked for: %s", name, error)
                closed.append(path)
    return Found(list(paths), closed)


def _run_project(project: Project, there: Found, now: dt.datetime) -> int:
    known = {row.path: row for row in RuleFile.objects.filter(project=project)}
    names = {_name(path): path for path in there.paths}
    gone = {path for path in known.keys() - names.keys() if not there.has(path)}
    if gone:
        _forget(project, gone, now)
    read = 0
    for name, path in names.items():
        row = known.get(name) or RuleFile(project=project, path=name)
        stamp = _stamp(path)
        if stamp == row.stamp:
            continue
        row.stamp, row.read_at, row.error = stamp, now, _tried(project, path, now)
        if row.error:
            log.warning("rule file %s of project %s: %s", name, project.slug, row.error)
        # with its line in the trail, or not at all
        with transaction.atomic():
            row.save()
        read += 1
    return read


def _name(path: Path) -> str:
    """The path as it is stored: one that no column takes is shortened, its end told by a number."""
    text = str(path).encode(errors="replace").decode()
    return text if len(text) <= LONGEST_PATH else f"{text[:480]}…{zlib.crc32(text.encode()):08x}"


def _tried(project: Project, path: Path, now: dt.datetime) -> str:
    """Why the file could not be taken, or the empty text; one file never stops the others."""
    if str(path) != _name(path):
        return f"its path is no text, or longer than {LONGEST_PATH} characters; mount it under a shorter one"
    try:
        return _taken(project, path, now)
    except Exception as error:
        log.exception("rule file %s of project %s could not be taken", path, project.slug)
        return f"{type(error).__name__}: {error}".replace("\0", "\ufffd")


def _stamp(path: Path) -> str:
    """Changes whenever the content may have; links, as mounts use them, are followed."""
    try:
        state = path.stat()
    except OSError as error:
        return f"unreadable {error.errno}"
    return f"{state.st_mtime_ns} {state.st_size} {state.st_ino}"


def _taken(project: Project, path: Path, now: dt.datetime) -> str:
    """Put the file's groups in place of those it had; why not, or the empty text."""
    author = Author(str(path), now)
    try:
        groups = yaml.load(_content(path))
        with transaction.atomic():
            mine = RuleGroup.objects.filter(project=project, source=str(path))
            exchange.remove(list(mine.exclude(name__in=[group.name for group in groups])), author)
            exchange.take(project.pk, groups, Terms(author, source=str(path)))
    except (OSError, yaml.BadRuleFileError, exchange.RefusedFileError) as error:
        return str(error)
    return ""


def _content(path: Path) -> str:
    """Raises BadRuleFileError."""
    with path.open("rb") as file:
        content = file.read(yaml.MAX_BYTES + 1)
    if len(content) > yaml.MAX_BYTES:
        message = f"the file is larger than {yaml.MAX_BYTES} bytes; split it"
        raise yaml.BadRuleFileError(message)
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"line {line}: not UTF-8 text (byte {content[error.start]:#04x})"
        raise yaml.BadRuleFileError(message) from error


def _forget(project: Project, paths: Iterable[str], now: dt.datetime) -> None:
    for path in paths:
        with transaction.atomic():
            mine = RuleGroup.objects.filter(project=project, source=path)
            exchange.remove(list(mine), Author(path, now))
            RuleFile.objects.filter(project=project, path=path).delete()
