"""Which methods a path takes: HEAD goes wherever GET does, OPTIONS is told without a key, others get 405 and ``Allow``.

Nothing is said of other origins: pages of other sites have no business here.
"""

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse

from monitor.api.errors import refuse

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def takes(
    *methods: str, refused: Callable[[int, str], HttpResponse] = refuse
) -> Callable[[View[P]], View[P]]:
    """Let a view be asked by these methods only; it never sees HEAD or OPTIONS."""
    allowed = ", ".join([*methods, *(["HEAD"] if "GET" in methods else []), "OPTIONS"])

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            if request.method in methods:
                return view(request, *args, **kwargs)
            if request.method == "HEAD" and "GET" in methods:
                return _head(request, functools.partial(view, request, *args, **kwargs))
            if request.method == "OPTIONS":
                response = HttpResponse(status=204)
            else:
                response = refused(405, f"{request.method} is not taken here; use {' or '.join(methods)}")
            response["Allow"] = allowed
            return response

        return guarded

    return decorate


def _head(request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
    """What GET would be answered; the server sends its headers alone."""
    request.method = "GET"
    try:
        return view()
    finally:
        request.method = "HEAD"
