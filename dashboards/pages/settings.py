"""Settings: who may send (keys), whom we scrape (targets), and how to send the first call."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from dashboards.door import demand
from dashboards.pages.base import Context, Form, Page
from dashboards.visit import Visit
from monitor.ingest import projects, read, setup


class Settings(Page):
    name = "settings"
    title = lazy("Settings")
    question = lazy("How does data get in, and who may send it?")
    key = "s"
    timed = False
    routes: ClassVar = (("", "show", "pages/settings.html"),)

    def show(self, visit: Visit) -> Context:
        return {
            "keys": setup.list_keys(visit.project_id),
            "targets": read.targets(visit.project_id),
            "scopes": setup.SCOPES,
            "may_edit": visit.place.allows("admin"),
            "arrived": visit.versions,
            "origin": visit.origin,
        }

    def act(self, visit: Visit, form: Form, **_place: Any) -> HttpResponse | Context:
        demand(visit, "admin")
        try:
            return self._do(visit, form)
        except setup.SetupError as error:
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
            case "delete-demo" if visit.place.demo:
                projects.delete(visit.project_id, visit.now)
                return redirect("/")
        return redirect(visit.path)


def _number(form: Form, name: str) -> int:
    text = form.get(name, "")
    if not text.isdecimal():
        message = _("%(name)s: “%(text)s” is not a whole number") % {"name": name, "text": text}
        raise setup.SetupError(message)
    return int(text)


PAGE = Settings()
