"""Settings: who may send (keys), whom we scrape (targets), and how to send the first call."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards import exports
from dashboards.door import demand
from dashboards.pages.base import Context, Form, MissingError, Page
from dashboards.visit import Visit
from monitor import unattended
from monitor.ingest import choices, setup
from monitor.ingest.scraping import read
from monitor.people import projects, trail

KINDS: Mapping[str, str | Promise] = {
    "phone": lazy("phone numbers"), "email": lazy("e-mail addresses"), "resident_id": lazy("Chinese resident ids"),
    "card": lazy("bank cards"), "uscc": lazy("unified social credit codes"), "plate": lazy("licence plates"),
    "passport": lazy("passports"), "iban": lazy("account numbers (IBAN)"), "ip": lazy("network addresses"),
    "secret": lazy("keys, tokens and passwords"),
}  # fmt: skip
MODES: Mapping[str, str | Promise] = {
    "mask": lazy("mask: ‹phone:1›"), "hash": lazy("hash: ‹phone:kfgm…›, the same in every call"),
    "drop": lazy("drop: cut out"), "keep": lazy("keep: stored as it is"),
}  # fmt: skip


FIRST_SECONDS = 3
# changes on one page; the files hold more
SHOWN = 500


class Settings(Page):
    name = "settings"
    title = lazy("Settings")
    question = lazy("How does data get in, and who may send it?")
    key = "s"
    timed = False
    routes: ClassVar = (
        ("", "show", "pages/settings.html"),
        ("jobs/", "jobs", "pages/jobs.html"),
        ("audit/", "audit", "pages/audit.html"),
        ("audit/<str:form>/", "audit_file", ""),
    )
    acts: ClassVar = dict.fromkeys(
        ("create-key", "revoke-key", "add-target", "remove-target", "choose-redaction", "add-pattern",
         "remove-pattern", "delete-demo"),
        "admin",
    )  # fmt: skip

    def show(self, visit: Visit) -> Context:
        series = not visit.versions and read.has_series(visit.project_id)
        return {
            # who has just sent a first call waits for the answer
            "seconds": None if visit.versions or series else FIRST_SECONDS,
            "keys": setup.list_keys(visit.project_id),
            "targets": read.targets(visit.project_id),
            "scopes": setup.SCOPES,
            "may_edit": visit.place.allows("admin"),
            "arrived": visit.versions,
            "series": series,
            "origin": visit.origin,
            **redaction(visit),
        }

    def jobs(self, visit: Visit) -> Context:
        """Everything that runs unattended: when it last ran, and what went wrong."""
        demand(visit, "admin")
        try:
            return {"jobs": unattended.jobs(visit.now)}
        except unattended.UnknownError as error:
            return {"jobs": [], "problem": str(error)}

    def audit(self, visit: Visit) -> Context:
        """Who changed what in this project."""
        demand(visit, "admin")
        return {"entries": _changes(visit)[:SHOWN], "timed": True}

    def audit_file(self, visit: Visit, form: str) -> HttpResponse:
        """The same for the archive: ``csv``, or ``ndjson`` with what was before and after."""
        demand(visit, "admin")
        if form not in exports.FORMS:
            raise MissingError(_("An export is a file of the kind csv or ndjson."))
        return exports.answer(f"{visit.place.slug}-audit", form, [one.flat() for one in _changes(visit)])

    def act(self, visit: Visit, form: Form, **_place: Any) -> HttpResponse | Context:
        try:
            return self._do(visit, form)
        except (setup.SetupError, choices.BadPatternError) as error:
            return self.show(visit) | {"problem": str(error)}

    def _do(self, visit: Visit, form: Form) -> HttpResponse | Context:
        match form.get("do"):
            case "create-key":
                wanted = [scope for scope in setup.SCOPES if form.get(f"scope-{scope}")]
                text = setup.create_key(visit.project_id, form.get("name", ""), wanted, now=visit.now)
                return self.show(visit) | {"new_key": text}
            case "revoke-key":
                setup.revoke_key(visit.project_id, _number(form, "id"), now=visit.now)
            case "add-target":
                interval = _number(form, "interval")
                setup.add_target(visit.project_id, form.get("job", ""), form.get("url", ""), interval)
            case "remove-target":
                setup.remove_target(visit.project_id, _number(form, "id"))
            case "choose-redaction":
                choices.choose(visit.project_id, {kind: form.get(f"mode-{kind}", "") for kind in KINDS})
            case "add-pattern":
                mode = form.get("mode", "mask")
                choices.add(visit.project_id, form.get("name", ""), form.get("pattern", ""), mode)
            case "remove-pattern":
                choices.remove(visit.project_id, _number(form, "id"))
            case "delete-demo" if visit.place.demo:
                projects.delete(visit.project_id, visit.now)
                return redirect("/")
        return redirect(visit.path)


def redaction(visit: Visit) -> Context:
    """What becomes of what is found in texts, and the project's own patterns."""
    found = choices.chosen(visit.project_id)
    return {
        "redactions": [
            # the example shows what will stand in place of just this kind
            (
                kind,
                name,
                found.modes[kind],
                [(mode, str(text).replace("phone", kind)) for mode, text in MODES.items()],
            )
            for kind, name in KINDS.items()
        ],
        "patterns": found.patterns,
        "modes": MODES,
    }


def _changes(visit: Visit) -> list[trail.Entry]:
    # a span that ends now ends a few seconds before it, for the sake of series; a change just made is wanted
    end = visit.now if visit.span.quick else visit.span.end
    return trail.entries(visit.project_id, visit.span.start, end)


def _number(form: Form, name: str) -> int:
    text = form.get(name, "")
    if not text.isdecimal():
        message = _("%(name)s: “%(text)s” is not a whole number") % {"name": name, "text": text}
        raise setup.SetupError(message)
    return int(text)


PAGE = Settings()
