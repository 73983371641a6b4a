"""Makes a project in the browser: a name, its short form in addresses, and whether the rules of the house come along."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.text import slugify
from django.utils.translation import gettext as _

from monitor.core import clock
from monitor.ingest import setup
from monitor.people import read as people
from monitor.rules import sets
from monitor.rules.history import Author


@login_required
def view(request: HttpRequest) -> HttpResponse:
    """The form; after it the settings of the new project, where keys are made."""
    if not people.may_create(request.user):
        raise PermissionDenied(_("Projects are made by the admins of the whole installation."))
    typed = {name: request.POST.get(name, "").strip() for name in ("name", "slug")}
    if request.method != "POST":
        return shown(request, typed)
    slug = typed["slug"] or slugify(typed["name"])
    if not slug:
        return shown(request, typed, _("Give it a short name of Latin letters, digits and hyphens."))
    try:
        number = people.create(slug, typed["name"], now=clock.now())
    except people.BadProjectError as error:
        return shown(request, typed, str(error))
    if request.POST.get("rules"):
        sets.place(number, Author(request.user.get_username(), clock.now()), on=True)
        setup.watch_itself(number)
    return redirect(f"/p/{slug}/settings/")


def shown(request: HttpRequest, typed: dict[str, str], problem: str = "") -> HttpResponse:
    context = {"typed": typed, "problem": problem, "may_create": True}
    return HttpResponse(
        render_to_string("pages/no_project.html", context, request), status=400 if problem else 200
    )
