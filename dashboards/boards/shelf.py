"""Where boards are kept: those people made (rows with versions) and those that lie in files, behind one face."""

import datetime as dt
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dashboards.boards import document, files
from dashboards.boards.document import Board
from dashboards.models import Dashboard, DashboardVersion

KEPT_VERSIONS = 200


class TakenUidError(ValueError):
    """Another board has that uid."""


class ConflictError(ValueError):
    """Somebody else changed the board meanwhile."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A board as lists show it. ``origin``: admin (edited here) or file (read-only here)."""

    uid: str
    title: str
    about: str
    tags: Sequence[str]
    origin: str
    source: str
    panels: int
    number: int
    view_role: str
    edit_role: str
    changed_at: dt.datetime | None
    changed_by: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    entry: Entry
    board: Board


@dataclass(frozen=True, slots=True)
class Version:
    number: int
    at: dt.datetime
    by: str
    note: str
    panels: int


@dataclass(frozen=True, slots=True)
class Author:
    name: str
    now: dt.datetime


def entries(project_id: int, slug: str) -> list[Entry]:
    """Every board of a project: its own first, then those of files."""
    rows = Dashboard.objects.filter(project_id=project_id)
    return [_entry(row) for row in rows] + [_filed(one) for one in files.of(slug)]


def get(project_id: int, slug: str, uid: str) -> Stored | None:
    """A board; one of the project's own hides a file of the same uid."""
    row = Dashboard.objects.filter(project_id=project_id, uid=uid).first()
    if row is not None:
        return Stored(_entry(row), files.read_aloud(document.read(row.document)))
    found = next((one for one in files.of(slug) if one.uid == uid and one.board is not None), None)
    return Stored(_filed(found), found.board) if found and found.board else None


def make(project_id: int, board: Board, author: Author, *, uid: str = "", note: str = "") -> str:
    """A new board; its uid. Raises TakenUidError."""
    uid = uid or free_uid(project_id, board.title)
    plain = document.plain(files.written_down(document.checked(board)))
    try:
        with transaction.atomic():
            row = Dashboard.objects.create(
                project_id=project_id, uid=uid, title=board.title[:200], document=plain,
                changed_at=author.now, changed_by=author.name,
            )  # fmt: skip
            _remember(row, author, note)
    except IntegrityError as error:
        message = f"a board with the uid {uid!r} is already there"
        raise TakenUidError(message) from error
    return uid


def save(
    project_id: int, uid: str, board: Board, author: Author, *, note: str = "", seen: int | None = None
) -> int:
    """The next version of a board; its number. ``seen``: the version that was edited; raises ConflictError."""
    plain = document.plain(files.written_down(document.checked(board)))
    with transaction.atomic():
        row = Dashboard.objects.select_for_update().get(project_id=project_id, uid=uid)
        if seen is not None and seen != row.number:
            message = _("Version %(n)s was saved by %(who)s meanwhile.") % {
                "n": row.number,
                "who": row.changed_by,
            }
            raise ConflictError(message)
        if row.document == plain:
            return row.number
        row.document, row.title, row.number = plain, board.title[:200], row.number + 1
        row.changed_at, row.changed_by = author.now, author.name
        row.save()
        _remember(row, author, note)
        row.versions.filter(number__lte=row.number - KEPT_VERSIONS).delete()
    return row.number


def allow(project_id: int, uid: str, view_role: str, edit_role: str) -> None:
    """Who may look at a board, and who may edit it."""
    Dashboard.objects.filter(project_id=project_id, uid=uid).update(view_role=view_role, edit_role=edit_role)


def delete(project_id: int, uid: str) -> bool:
    return bool(Dashboard.objects.filter(project_id=project_id, uid=uid).delete()[0])


def versions(project_id: int, uid: str) -> list[Version]:
    """The newest first."""
    rows = DashboardVersion.objects.filter(dashboard__project_id=project_id, dashboard__uid=uid)
    return [
        Version(row.number, row.at, row.by, row.note, len(row.document.get("panels", []))) for row in rows
    ]


def version(project_id: int, uid: str, number: int) -> Board | None:
    row = DashboardVersion.objects.filter(
        dashboard__project_id=project_id, dashboard__uid=uid, number=number
    ).first()
    return files.read_aloud(document.read(row.document)) if row else None


def free_uid(project_id: int, title: str) -> str:
    """A uid out of the title that no other board of the project has."""
    stem = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "board"
    taken = set(Dashboard.objects.filter(project_id=project_id).values_list("uid", flat=True))
    taken |= files.SHIPPED_UIDS | {"new", "import"}
    return stem if stem not in taken else f"{stem}-{secrets.token_hex(3)}"


def _remember(row: Dashboard, author: Author, note: str) -> None:
    DashboardVersion.objects.create(
        dashboard=row,
        number=row.number,
        document=row.document,
        at=author.now,
        by=author.name,
        note=note[:200],
    )


def _entry(row: Dashboard) -> Entry:
    inside: dict[str, Any] = row.document
    return Entry(
        row.uid, row.title, inside.get("about", ""), inside.get("tags", []), "admin", "", len(inside.get("panels", [])),
        row.number, row.view_role, row.edit_role, row.changed_at, row.changed_by,
    )  # fmt: skip


def _filed(one: files.Filed) -> Entry:
    board = one.board
    return Entry(
        one.uid, board.title if board else one.uid, board.about if board else "", board.tags if board else [], "file",
        one.source, len(board.panels) if board else 0, 1, "viewer", "admin", None, "", one.problem,
    )  # fmt: skip
