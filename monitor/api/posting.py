"""Forms are read before anything else, a few at a time: who sends one slowly holds up other forms and nothing more.

A body is read by the thread that answers. Anybody may post to the sign-in, and a server without this is out of threads
once as many have begun a form and never end it. Interfaces look at the key first (see ``auth`` and ``gate``).
"""

import threading
from collections.abc import Callable

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError

from monitor.api.errors import PROGRAMS

# of the sixteen threads of a process
PLACES = 6
PATIENCE_SECONDS = 0.5
_places = threading.BoundedSemaphore(PLACES)


def posting(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """The middleware."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD", "OPTIONS"} or request.path_info.startswith(PROGRAMS):
            return get_response(request)
        if not _places.acquire(timeout=PATIENCE_SECONDS):
            return _refused(503, "Too many forms are being sent at once; send it again in a moment.")
        try:
            _ = request.body
        except RequestDataTooBig:
            return _refused(413, "The form is too large.")
        except UnreadablePostError:
            return _refused(400, "The form ended early.")
        finally:
            _places.release()
        return get_response(request)

    return middleware


def _refused(status: int, says: str) -> HttpResponse:
    headers = {"Retry-After": "5"} if status == 503 else {}
    return HttpResponse(says, status=status, content_type="text/plain; charset=utf-8", headers=headers)
