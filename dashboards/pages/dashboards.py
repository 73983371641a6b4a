"""Dashboards: boards of panels, looked at, refreshed, edited, imported and exported."""

import hashlib
from typing import Any, ClassVar

import msgspec
from django.core.exceptions import SuspiciousOperation
from django.http import HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards.boards import answering, document, editing, forms, shelf, showing, words
from dashboards.boards.document import BadBoardError
from dashboards.boards.grafana import exporting, importing
from dashboards.boards.layout import Cell
from dashboards.boards.shelf import Author, Stored
from dashboards.boards.showing import View
from dashboards.pages.base import Context, Form, MissingError, Page
from dashboards.visit import Visit

# what the first answer may spend on panels; the others follow by themselves
FIRST_SECONDS = 0.8
REFRESH_SECONDS = 6.0
MOST_KEYS = 400
ROLES = ("viewer", "labeller", "editor", "admin")


class Dashboards(Page):
    name = "dashboards"
    title = lazy("Dashboards")
    question = lazy("Your own boards, and those that come with Vigil")
    key = "b"
    acts: ClassVar = {
        "new": "editor", "import": "editor", "copy": "editor", "layout": "editor", "add": "editor", "duplicate": "editor",
        "remove": "editor", "panel": "editor", "try": "viewer", "more": "viewer", "restore": "editor", "settings": "editor", "delete": "editor",
    }  # fmt: skip
    routes: ClassVar = (
        ("", "show", "pages/dashboards.html"),
        ("import/", "bring", "pages/board_import.html"),
        ("words/", "complete", "pages/dashboards.html"),
        ("<slug:uid>/", "board", "pages/board.html"),
        ("<slug:uid>/data/", "data", "pages/board.html"),
        ("<slug:uid>/export/", "export", "pages/board.html"),
        ("<slug:uid>/history/", "history", "pages/board_history.html"),
        ("<slug:uid>/settings/", "settings", "pages/board_settings.html"),
        ("<slug:uid>/panel/<int:number>/", "panel", "pages/board_panel.html"),
    )

    def show(self, visit: Visit) -> Context:
        """Every board that the visitor may look at."""
        rows = [
            one
            for one in shelf.entries(visit.project_id, visit.place.slug)
            if visit.place.allows(one.view_role)
        ]
        tag = visit.params.get("tag", "")
        return {
            "boards": [one for one in rows if not tag or tag in one.tags],
            "tags": sorted({name for one in rows for name in one.tags}),
            "tag": tag,
            "may_edit": visit.place.allows("editor"),
        }

    def complete(self, visit: Visit) -> HttpResponse:
        """What may stand at the cursor of a PromQL field, as JSON: the values of a label, or all names."""
        label = visit.params.get("label", "")
        found: Any = (
            words.values(visit, label, visit.params.get("metric", "")) if label else words.known(visit)
        )
        return HttpResponse(msgspec.json.encode(found), content_type="application/json")

    def board(self, visit: Visit, uid: str) -> Context:
        """The whole board; panels that need longer than a moment come with the first refresh."""
        stored = _stored(visit, uid)
        showing.settle(visit, stored.board)
        found = showing.view(visit, stored.board)
        alone = visit.params.get("view", "")
        shown = [cell for section in found.sections if not section.folded or alone for cell in section.cells]
        if alone:
            shown = [cell for cell in shown if cell.key == alone]
        answers, _later = answering.answers(found.asker, shown, FIRST_SECONDS, first=True)
        return {
            **_frame(visit, stored),
            "offers": [offer for offer in found.offers if not offer.variable.hidden and offer.variable.kind not in {"constant", "datasource"}],
            "annotations": [(one, one.on is not (one.name in visit.params.get("off", "").split(",")), showing.toggled(visit, one)) for one in stored.board.annotations],
            "links": [(link, _link(visit, link, found)) for link in stored.board.links],
            "sections": [(section, _title(section.row, section.own, found), _faces(section.cells, found, answers, visit)) for section in found.sections] if not alone else [],
            "alone": next(iter(_faces(shown, found, answers, visit)), None) if alone else None,
            "editing": visit.params.get("edit") == "1" and _may_edit(visit, stored),
            "kiosk": visit.params.get("kiosk") == "1",
            "kinds": [kind for kind in document.KINDS if kind != "row"],
        }  # fmt: skip

    def data(self, visit: Visit, uid: str) -> HttpResponse:
        """The panels named in the header that differ from what the browser has; 304 when none does."""
        stored = _stored(visit, uid)
        showing.settle(visit, stored.board)
        found = showing.view(visit, stored.board)
        have = dict(part.partition("=")[::2] for part in visit.asked_parts.split(",")[:MOST_KEYS] if part)
        cells = showing.only(found, list(have))
        answers, later = answering.answers(found.asker, cells, REFRESH_SECONDS)
        fresh = {key: answer.body() for key, answer in answers.items() if have.get(key) != answer.digest}
        digests = ",".join(f"{key}={answer.digest}" for key, answer in sorted(answers.items()))
        etag = f'"{hashlib.blake2b(digests.encode(), digest_size=8).hexdigest()}"'
        response: HttpResponse = HttpResponse(
            msgspec.json.encode({"panels": fresh, "later": later}), content_type="application/json"
        )
        if not fresh and not later:
            response = HttpResponseNotModified()
        response["ETag"] = etag
        response["Cache-Control"] = "private, no-cache"
        response["Vary"] = "X-Vigil-Parts, Cookie"
        return response

    def export(self, visit: Visit, uid: str) -> HttpResponse:
        """The board as a file: ours, or as Grafana reads it."""
        stored = _stored(visit, uid)
        grafana = visit.params.get("form") == "grafana"
        text = exporting.text(stored.board, uid) if grafana else document.text(stored.board)
        response = HttpResponse(text, content_type="application/json; charset=utf-8")
        name = f"{uid}{'-grafana' if grafana else ''}.json"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def history(self, visit: Visit, uid: str) -> Context:
        stored = _stored(visit, uid)
        rows = shelf.versions(visit.project_id, uid)
        wanted = visit.params.get("version", "")
        seen = shelf.version(visit.project_id, uid, int(wanted)) if wanted.isdigit() else None
        changes = editing.changes(seen, stored.board) if seen else []
        return {**_frame(visit, stored), "versions": rows, "seen": wanted if seen else "", "changes": changes}

    def settings(self, visit: Visit, uid: str, **more: Any) -> Context:
        stored = _stored(visit, uid)
        return {
            **_frame(visit, stored), "text": document.text(stored.board), "roles": ROLES,
            **editing.list_rows(stored.board), **more,
        }  # fmt: skip

    def panel(self, visit: Visit, uid: str, number: int, **more: Any) -> Context:
        """One panel with everything that can be set about it, and how it looks."""
        stored = _stored(visit, uid)
        panel = more.get("typed") or stored.board.panel(number)
        if panel is None:
            raise MissingError(_("There is no such panel on this board."))
        showing.settle(visit, stored.board)
        found = showing.view(visit, stored.board)
        cell = next((one for one in found.cells if one.panel.id == number), None)
        own = cell.own if cell else {}
        drawn = Cell(str(number), panel, 0, 0, panel.w, panel.h, own)
        answer = answering.one(found.asker, drawn) if panel.kind != "row" else None
        return {
            **_frame(visit, stored), "panel": panel, "face": editing.Face(drawn, answering.title(drawn, found.scope), answer, ""),
            "form": forms.of(panel), "under": editing.row_of(stored.board, number),
            "board_rows": [one for one in stored.board.panels if one.kind == "row"], "kinds": [kind for kind in document.KINDS if kind != "row"],
            "problems": more.get("problems", []),
        }  # fmt: skip

    def bring(self, visit: Visit, **more: Any) -> Context:
        return {"may_edit": visit.place.allows("editor"), **more}

    def act(
        self, visit: Visit, form: Form, *, uid: str = "", number: int = 0, **_place: Any
    ) -> HttpResponse | Context:
        author = Author(visit.person, visit.now)
        match form.get("do"):
            case "new":
                board = document.Board(form.get("title", "").strip() or str(_("A new board")))
                made = shelf.make(visit.project_id, board, author, note=_("made"))
                return redirect(f"{_path(visit, made)}?edit=1")
            case "import":
                return self._import(visit, form, author)
            case "copy":
                stored = _stored(visit, uid)
                board = stored.board
                if stored.entry.origin == "file" and not stored.entry.source:
                    board.shipped = uid
                board.title = _("%(title)s (copy)") % {"title": board.title}
                made = shelf.make(
                    visit.project_id, board, author, uid=shelf.free_uid(visit.project_id, f"{uid} copy"),
                    note=_("a copy of %(uid)s") % {"uid": uid},
                )  # fmt: skip
                # what was kept from viewers is kept from them in the copy, too
                shelf.allow(visit.project_id, made, stored.entry.view_role, "editor")
                return redirect(_path(visit, made))
            case "try" | "more":
                panel, problems = _typed(visit, form, _stored(visit, uid), number)
                return self.panel(visit, uid, number, typed=panel, problems=problems)
        stored = _stored(visit, uid)
        if not _may_edit(visit, stored):
            raise MissingError(_("This board is read-only for you; make a copy of it."))
        return self._change(visit, form, stored, author, number)

    def _change(
        self, visit: Visit, form: Form, stored: Stored, author: Author, number: int
    ) -> HttpResponse | Context:
        uid, board = stored.entry.uid, stored.board
        here = f"{_path(visit, uid)}?edit=1"
        if form.get("places"):
            # what was arranged and not kept yet goes along with whatever is done next
            _move(board, form["places"])
        match form.get("do"):
            case "layout":
                note = _("panels moved")
            case "add":
                fresh = editing.add(board, form.get("kind", "timeseries"))
                note, here = (
                    _("a panel added"),
                    f"{_path(visit, uid)}panel/{fresh}/" if form.get("kind") != "row" else here,
                )
            case "duplicate":
                editing.duplicate(board, _number(form, "panel"))
                note = _("a panel duplicated")
            case "remove":
                editing.remove(board, _number(form, "panel"))
                note = _("a panel removed")
            case "panel":
                return self._save_panel(visit, form, stored, author, number)
            case "restore":
                old = shelf.version(visit.project_id, uid, _number(form, "version"))
                if old is None:
                    raise MissingError(_("There is no such version."))
                board, note, here = old, _("version %(n)s again") % {"n": form["version"]}, _path(visit, uid)
            case "settings":
                return self._save_settings(visit, form, stored, author)
            case _:
                shelf.delete(visit.project_id, uid)
                return redirect(f"/p/{visit.place.slug}/dashboards/")
        shelf.save(visit.project_id, uid, board, author, note=note)
        return redirect(here)

    def _save_panel(
        self, visit: Visit, form: Form, stored: Stored, author: Author, number: int
    ) -> HttpResponse | Context:
        uid = stored.entry.uid
        panel, problems = _typed(visit, form, stored, number)
        if problems:
            return self.panel(visit, uid, number, typed=panel, problems=problems)
        editing.replace(stored.board, panel)
        if "under" in form:
            editing.under(stored.board, number, _number(form, "under"))
        note = _("panel “%(title)s” changed") % {"title": panel.title}
        seen = int(form["seen"]) if form.get("seen", "").isdigit() else None
        try:
            shelf.save(visit.project_id, uid, stored.board, author, note=note, seen=seen)
        except shelf.ConflictError as error:
            return self.panel(visit, uid, number, typed=panel, problems=[str(error)])
        return redirect(f"{_path(visit, uid)}?edit=1#panel-{number}")

    def _save_settings(
        self, visit: Visit, form: Form, stored: Stored, author: Author
    ) -> HttpResponse | Context:
        uid = stored.entry.uid
        before = shelf.version(visit.project_id, uid, _number(form, "seen")) or stored.board
        try:
            board = editing.settings(stored.board, form, before)
        except BadBoardError as error:
            return self.settings(visit, uid, refused=str(error), text=form.get("document", ""))  # fmt: skip
        shelf.save(visit.project_id, uid, board, author, note=_("settings changed"))
        if form.get("view_role") in ROLES and form.get("edit_role") in ROLES[2:]:
            shelf.allow(visit.project_id, uid, form["view_role"], form["edit_role"])
        return redirect(_path(visit, uid))

    def _import(self, visit: Visit, form: Form, author: Author) -> Context:
        try:
            value = document.parse(form.get("text", ""))
            if document.is_grafana(value):
                taken = importing.take(value)
            else:
                taken = importing.Taken(document.read(value), uid="", losses=[], renamed=[])
        except BadBoardError as error:
            return self.bring(visit, refused=str(error), text=form.get("text", ""))
        uid = shelf.free_uid(visit.project_id, taken.uid or taken.board.title)
        made = shelf.make(visit.project_id, taken.board, author, uid=uid, note=_("imported"))
        return self.bring(visit, taken=taken, uid=made)


def _stored(visit: Visit, uid: str) -> Stored:
    found = shelf.get(visit.project_id, visit.place.slug, uid)
    if found is None or not visit.place.allows(found.entry.view_role):
        raise MissingError(_("There is no such board in this project."))
    return found


def _panel(stored: Stored, number: int) -> document.Panel:
    found = stored.board.panel(number)
    if found is None:
        raise MissingError(_("There is no such panel on this board."))
    return found


def _typed(visit: Visit, form: Form, stored: Stored, number: int) -> tuple[document.Panel, list[str]]:
    """The panel as typed, and what is wrong with it as the board stands now."""
    showing.settle(visit, stored.board)
    return forms.panel(form, _panel(stored, number), showing.view(visit, stored.board).scope)


def _number(form: Form, name: str) -> int:
    """A number that the page itself sends; 0, which nothing has, for anything else."""
    text = form.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


def _move(board: document.Board, places: str) -> None:
    try:
        editing.move(board, places)
    except BadBoardError as error:
        raise SuspiciousOperation(str(error)) from error


def _may_edit(visit: Visit, stored: Stored) -> bool:
    return stored.entry.origin == "admin" and visit.place.allows(stored.entry.edit_role)


def _path(visit: Visit, uid: str) -> str:
    return f"/p/{visit.place.slug}/dashboards/{uid}/"


def _frame(visit: Visit, stored: Stored) -> Context:
    return {
        "entry": stored.entry, "board": stored.board, "path": _path(visit, stored.entry.uid),
        "may_edit": _may_edit(visit, stored), "may_copy": visit.place.allows("editor"),
    }  # fmt: skip


def _title(row: document.Panel | None, own: Any, found: View) -> str:
    return answering.title(Cell("", row, 0, 0, 0, 0, own), found.scope) if row else ""


def _link(visit: Visit, link: document.Link, found: View) -> str:
    return editing.address(link, found.scope, visit.span.query())


def _faces(cells: Any, found: View, answers: Any, visit: Visit) -> list[editing.Face]:
    return [
        editing.Face(
            cell, answering.title(cell, found.scope), answers.get(cell.key), visit.here(view=cell.key),
            [(link.title, editing.address(link, found.scope, visit.span.query())) for link in cell.panel.links],
        )
        for cell in cells
    ]  # fmt: skip


PAGE = Dashboards()
