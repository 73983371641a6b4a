"""From a request to a page and back: access, time, rendering, and answers that hold only what changed."""

import hashlib
from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.gzip import gzip_page

from dashboards import span
from dashboards.boards.variables import SEPARATOR
from dashboards.pages import PAGES
from dashboards.pages.base import MissingError, Page
from dashboards.visit import Visit
from monitor.core import clock
from monitor.people import read as people

PARTS_HEADER = "x-vigil-parts"
View = Callable[..., HttpResponse]


def door(page: Page, method: str, template: str) -> View:
    """The view of one route of a page."""

    @login_required
    @gzip_page
    def view(request: HttpRequest, slug: str, **place: Any) -> HttpResponse:
        visit = enter(request, slug)
        try:
            if request.method == "POST":
                form = request.POST.dict()
                hold_to(visit, page, form.get("do", ""))
                answer = page.act(visit, form, **place)
            else:
                answer = getattr(page, method)(visit, **place)
        except MissingError as error:
            raise Http404(str(error)) from error
        if isinstance(answer, HttpResponse):
            return answer
        return respond(request, visit, template, {"page": page, **answer})

    return view


def enter(request: HttpRequest, slug: str) -> Visit:
    """The visit of a signed-in person; a stranger to the project gets 404, as if it did not exist."""
    place = people.place(request.user, slug)
    if place is None:
        message = _("There is no project “%(slug)s”, or you are not a member of it.") % {"slug": slug}
        raise Http404(message)
    if request.session.get("project") != slug:
        request.session["project"] = slug
    now = clock.now()
    # a variable of a board may have several values; they travel as one
    params = {
        name: SEPARATOR.join(values) if name.startswith(("var-", "was-")) else values[-1]
        for name, values in request.GET.lists()
        if values
    }
    return Visit(
        place=place, places=people.places(request.user), span=span.read(params, now), now=now,
        path=request.path, params=params, person=request.user.get_username(), origin=f"{request.scheme}://{request.get_host()}",
        asked_parts=request.headers.get(PARTS_HEADER, ""),
    )  # fmt: skip


def hold_to(visit: Visit, page: Page, act: str) -> None:
    """Refuse a form that the page does not have, and a visitor below the role that it needs."""
    if act not in page.acts:
        message = _("This page has no form “%(act)s”.") % {"act": act}
        raise SuspiciousOperation(message)
    demand(visit, page.acts[act])


def demand(visit: Visit, least: str) -> None:
    """Refuse a visitor below that role."""
    if not visit.place.allows(least):
        message = _("This needs the role “%(role)s” in this project; ask one of its admins.") % {
            "role": least
        }
        raise PermissionDenied(message)


def respond(request: HttpRequest, visit: Visit, template: str, context: dict[str, Any]) -> HttpResponse:
    """The whole page; or, for a refresh, only the parts whose content the browser does not have yet."""
    menu = [PAGES[name] for name in PAGES]
    html = render_to_string(template, {"visit": visit, "menu": menu, **context}, request)
    known = request.headers.get(PARTS_HEADER)
    if known is None:
        response = HttpResponse(html)
        response["Cache-Control"] = "private, no-cache"
        return response
    return changes(visit, known, request.headers.get("if-none-match", ""))


def changes(visit: Visit, known: str, etag: str) -> HttpResponse:
    """The parts that differ from ``known`` (``name=digest,…``), for htmx to put in place; 304 when none does."""
    digests = ",".join(f"{name}={digest}" for name, (digest, _html) in sorted(visit.parts.items()))
    mine = f'"{hashlib.blake2b(digests.encode(), digest_size=8).hexdigest()}"'
    if mine in etag:
        response: HttpResponse = HttpResponseNotModified()
    else:
        have = set(known.split(","))
        fresh = [html for name, (digest, html) in visit.parts.items() if f"{name}={digest}" not in have]
        response = HttpResponse("".join(fresh))
    response["ETag"] = mine
    response["Cache-Control"] = "private, no-cache"
    response["Vary"] = "X-Vigil-Parts, Cookie"
    return response


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The first page of the project last looked at."""
    place = people.place(request.user, str(request.session.get("project", ""))) or people.place(
        request.user, ""
    )
    if place is None:
        context = {"may_create": people.may_create(request.user)}
        return HttpResponse(render_to_string("pages/no_project.html", context, request))
    return redirect(f"/p/{place.slug}/overview/")


@login_required
def board(request: HttpRequest, uid: str = "", **_rest: str) -> HttpResponse:
    """A board, or their list, by the address that Grafana gives it, as links on imported boards do."""
    place = people.place(request.user, str(request.session.get("project", ""))) or people.place(
        request.user, ""
    )
    if place is None:
        return redirect("/")
    asked = request.META.get("QUERY_STRING", "")
    path = f"{uid}/" if uid else ""
    return redirect(f"/p/{place.slug}/dashboards/{path}{'?' if asked else ''}{asked}")


@login_required
def project(request: HttpRequest, slug: str) -> HttpResponse:
    return redirect(f"/p/{enter(request, slug).place.slug}/overview/")
