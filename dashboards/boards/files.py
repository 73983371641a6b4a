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

from dashboards.boards import document, spoken
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
    """A shipped board in the reader's language."""
    board = filed.board and spoken.put(filed.board, gettext)
    return Filed(filed.uid, filed.source, board, filed.problem)


def read_aloud(board: Board) -> Board:
    """A copy of a shipped board: what it still says as it was shipped, in the reader's language."""
    ours = set(_shipped_words(board.shipped))
    return spoken.put(board, lambda text: gettext(text) if text in ours else text) if ours else board


def written_down(board: Board) -> Board:
    """The other way: what it says as it was shipped is kept as the language of the files has it."""
    ours = {gettext(text): text for text in reversed(_shipped_words(board.shipped))}
    return spoken.put(board, lambda text: ours.get(text, text)) if ours else board


def _shipped_words(uid: str) -> list[str]:
    """None where nothing of that name is shipped."""
    board = _read(SHIPPED / f"{uid}.json", "").board if uid in SHIPPED_UIDS else None
    return spoken.words(board) if board else []


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
