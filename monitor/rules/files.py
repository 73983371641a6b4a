"""Mounted rule files: read when they change, their groups read-only here. A broken file changes nothing.

``mounts`` are pairs of a project's slug and a file, a folder, or a pattern.
"""

import datetime as dt
import glob
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from django.db import transaction

from monitor.rules import exchange, yaml
from monitor.rules.exchange import Terms
from monitor.rules.history import Author
from monitor.rules.models import RuleFile, RuleGroup
from monitor.store.models import Project

log = logging.getLogger("vigil.rules")
Mounts = Sequence[tuple[str, str]]
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


def found(patterns: Iterable[str]) -> list[Path]:
    """The files that are there: a folder stands for the rule files in it."""
    paths: dict[Path, None] = {}
    for pattern in patterns:
        for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 — patterns may be absolute
            path = Path(name)
            inside = sorted(path.iterdir()) if path.is_dir() else [path]
            paths |= {
                one: None for one in inside if one.is_file() and (one == path or one.suffix in SUFFIXES)
            }
    return list(paths)


def _run_project(project: Project, paths: Sequence[Path], now: dt.datetime) -> int:
    known = {row.path: row for row in RuleFile.objects.filter(project=project)}
    gone = known.keys() - {str(path) for path in paths}
    if gone:
        _forget(project, gone, now)
    read = 0
    for path in paths:
        row = known.get(str(path)) or RuleFile(project=project, path=str(path))
        stamp = _stamp(path)
        if stamp == row.stamp:
            continue
        row.stamp, row.read_at, row.error = stamp, now, _taken(project, path, now)
        if row.error:
            log.warning("rule file %s of project %s: %s", path, project.slug, row.error)
        row.save()
        read += 1
    return read


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
        groups = yaml.load(path.read_text(encoding="utf-8"))
        with transaction.atomic():
            mine = RuleGroup.objects.filter(project=project, source=str(path))
            exchange.remove(list(mine.exclude(name__in=[group.name for group in groups])), author)
            exchange.take(project.pk, groups, Terms(author, source=str(path)))
    except (OSError, UnicodeDecodeError, yaml.BadRuleFileError, exchange.RefusedFileError) as error:
        return str(error)
    return ""


def _forget(project: Project, paths: Iterable[str], now: dt.datetime) -> None:
    for path in paths:
        with transaction.atomic():
            mine = RuleGroup.objects.filter(project=project, source=path)
            exchange.remove(list(mine), Author(path, now))
            RuleFile.objects.filter(project=project, path=path).delete()
