"""One error shape for every API: Prometheus'."""

import sys
from typing import Any

import msgspec
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import get_template
from django.views.decorators.csrf import csrf_exempt
from django.views.defaults import server_error
from redis.exceptions import RedisError

from monitor.store import troubles

ERROR_TYPES = {
    400: "bad_data", 401: "unauthorized", 403: "forbidden", 404: "not_found", 405: "bad_data",
    409: "conflict", 413: "too_large", 415: "bad_data", 422: "execution", 429: "too_many_requests",
    500: "internal", 503: "unavailable",
}  # fmt: skip
PROGRAMS = ("/api/", "/v1/", "/metrics")


def reply(content: Any, status: int = 200) -> HttpResponse:
    """JSON, encoded by msgspec."""
    return HttpResponse(msgspec.json.encode(content), status=status, content_type="application/json")


@csrf_exempt
def unknown_path(request: HttpRequest, **_: str) -> HttpResponse:
    """A path under ``/api/`` or ``/v1/`` that nobody serves: programs get JSON, never a page."""
    return refuse(404, f"{request.path} is not served here; see /docs/send/ for the paths that are")


def broken(request: HttpRequest) -> HttpResponse:
    """Something of ours failed: programs get JSON, people a page. The log has the trace.

    Where a server that we stand on is away, that is what is said.
    """
    away = _away(sys.exc_info()[1])
    if request.path.startswith(PROGRAMS):
        if away:
            return refuse(503, f"{away}; send the same again")
        return refuse(
            500, "something broke on our side; the server's log says what. Nothing of this request was stored"
        )
    if not away:
        return server_error(request)
    page = HttpResponse(get_template("503.html").render({"away": away}), status=503)
    page["Retry-After"] = "5"
    return page


def _away(error: BaseException | None) -> str:
    if isinstance(error, OperationalError | InterfaceError):
        return troubles.told(error)
    if isinstance(error, RedisError):
        return "the server of the queue and the caches (Valkey, REDIS_URL) does not answer"
    return ""


def refuse(status: int, error: str, **more: Any) -> HttpResponse:
    """An error that says what happened, where, and what to do."""
    kind = more.pop("error_type", None) or ERROR_TYPES.get(status, "internal")
    response = reply({"status": "error", "errorType": kind, "error": error, **more}, status)
    if status in {429, 503}:
        response["Retry-After"] = "5"
    return response
