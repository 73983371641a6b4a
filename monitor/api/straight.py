"""Programs with a key go straight to their door: sessions, languages and the headers of pages are not for them.

Under the server not even Django's handler stands before them; where there is none, as in tests, a middleware is
the way.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.core.handlers.exception import convert_exception_to_response
from django.core.handlers.wsgi import WSGIRequest
from django.db import connections
from django.http import HttpRequest, HttpResponse

from monitor.api import generations, ingest, prometheus, status

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

Handler = Callable[[HttpRequest], HttpResponse]


def _guarded(view: Callable[..., HttpResponse]) -> Handler:
    """What a view raises becomes an answer, as under Django's handler."""
    return cast("Handler", convert_exception_to_response(view))


VIEWS: dict[str, Handler] = {
    f"/{one.pattern}": _guarded(one.callback)
    for one in (*ingest.urlpatterns, *generations.urlpatterns, *prometheus.urlpatterns, *status.urlpatterns)
    if "<" not in str(one.pattern)
}
BEFORE, BEHIND = "/api/v1/label/", "/values"


def straight(onwards: Handler) -> Handler:
    """The outermost middleware: it saves a small request more than half of what Python spends on it."""

    def middleware(request: HttpRequest) -> HttpResponse:
        view = _view(request.META)
        return onwards(request) if view is None else _whole(view(request))

    return middleware


def door(onwards: "WSGIApplication") -> "WSGIApplication":
    """Django's application, and past it the way of programs."""

    def application(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        view = _view(environ)
        if view is None:
            return onwards(environ, start_response)
        response = _whole(view(WSGIRequest(environ)))
        start_response(f"{response.status_code} {response.reason_phrase}", list(response.items()))
        for connection in connections.all(initialized_only=True):
            connection.close_if_unusable_or_obsolete()
        return [response.content]

    return application


def _whole(response: HttpResponse) -> HttpResponse:
    if not response.has_header("Content-Length"):
        response["Content-Length"] = str(len(response.content))
    return response


def _view(environ: Mapping[str, Any]) -> Handler | None:
    """Where a request with a key goes that needs nothing else."""
    if "HTTP_AUTHORIZATION" not in environ:
        return None
    path: str = environ["PATH_INFO"]
    return VIEWS.get(path) or _of_label(path)


def _of_label(path: str) -> Handler | None:
    """The values of the label that the path names."""
    if not (path.startswith(BEFORE) and path.endswith(BEHIND)):
        return None
    name = path[len(BEFORE) : -len(BEHIND)]
    if not name or "/" in name or not name.isascii():
        return None
    return _guarded(partial(prometheus.label_values, name=name))
