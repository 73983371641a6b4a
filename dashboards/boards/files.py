"""Boards that lie in files: those shipped with the product, and mounted ones (``VIGIL_BOARD_FILES``).

Read when they change; a broken file keeps its place in the list and says what is wrong with it.
"""

import glob
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext
from msgspec.structs import replace

from dashboards.boards import document
from dashboards.boards.document import BadBoardError, Board
from dashboards.boards.grafana import importing

SHIPPED = Path(__file__).parent.parent / "provisioned"
SHIPPED_UIDS = frozenset(path.stem for path in SHIPPED.glob("*.json"))


@dataclass(frozen=True, slots=True)
class Filed:
    """A board of a file, ours or Grafana's; ``problem`` says why there is none."""

    uid: str
    source: str
    board: Board | None
    problem: str = ""


def of(slug: str) -> list[Filed]:
    """The boards of files for a project."""
    shipped = [_in_language(_read(path, "")) for path in sorted(SHIPPED.glob("*.json"))]
    return shipped + [_read(path, str(path)) for path in _mounted(slug)]


def _in_language(filed: Filed) -> Filed:
    """A shipped board with its titles in the reader's language; a copy of it keeps the words it was copied with."""
    if filed.board is None:
        return filed
    panels = [replace(one, title=_said(one.title), about=_said(one.about)) for one in filed.board.panels]
    variables = [replace(one, label=_said(one.label)) for one in filed.board.variables]
    said = {"title": _said(filed.board.title), "about": _said(filed.board.about)}
    board = replace(filed.board, panels=panels, variables=variables, **said)
    return Filed(filed.uid, filed.source, board, filed.problem)


def _said(text: str) -> str:
    return gettext(text) if text else ""


def _mounted(slug: str) -> Iterator[Path]:
    for wanted, pattern in getattr(settings, "VIGIL_BOARD_FILES", ()):
        if wanted != slug:
            continue
        for name in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - patterns may be absolute
            path = Path(name)
            yield from sorted(path.glob("*.json")) if path.is_dir() else [path]


def _read(path: Path, source: str) -> Filed:
    try:
        state = path.stat()
    except OSError as error:
        return Filed(_uid(path), source, None, f"{path.name}: {error.strerror}")
    return _parsed(path, source, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _parsed(path: Path, source: str, _changed: int, _size: int) -> Filed:
    try:
        value = document.parse(path.read_bytes())
        if document.is_grafana(value):
            return Filed(_uid(path), source, importing.take(value).board)
        return Filed(_uid(path), source, document.read(value))
    except (BadBoardError, OSError) as error:
        return Filed(_uid(path), source, None, f"{path.name}: {error}")


def _uid(path: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem)[:60] or "board"
