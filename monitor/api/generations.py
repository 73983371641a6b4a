"""``GET /api/v1/generations``: stored calls by what they say of themselves and what was said in them, newest first.

Pages go by the last id of the one before, so a page costs the same however far back it is. What is posted to the
same path is taken in as ever.
"""

import math
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from monitor.api import ingest, parameters
from monitor.api.auth import ApiRequest, needs
from monitor.api.errors import refuse, reply
from monitor.api.methods import takes
from monitor.api.packing import packed
from monitor.api.parameters import BadParameterError
from monitor.api.refusals import in_own_words
from monitor.core import clock
from monitor.ingest import calls

LIMIT, MOST = 50, 500
DAY_MS = 86_400_000
NAMES = (
    "model", "environment", "route", "tenant", "topic", "language", "grounding", "error", "session",
)  # fmt: skip
OTHERS = ("q", "version", "errors", "slower", "start", "end", "before", "limit", "project")


@needs("query")
def listed(request: ApiRequest) -> HttpResponse:
    """One page, and what to pass as ``before`` for the next one; null where there is none."""
    try:
        wanted = _wanted(request)
        limit, before = _limit(request), _before(request)
    except BadParameterError as error:
        return refuse(400, str(error))
    found, more = calls.page(wanted, before=before, limit=limit)
    return reply({
        "status": "success", "data": {"generations": [_told(one) for one in found], "next": more or None},
    })  # fmt: skip


@takes("GET")
@needs("query")
def detail(request: ApiRequest, generation: UUID) -> HttpResponse:
    """One call whole, with its marks."""
    found = calls.one(request.project_id, generation)
    if found is None:
        return refuse(
            404, f"no generation {generation} is stored in this project; it may be older than what is kept"
        )
    scores = [asdict(mark) for mark in found.scores]
    more = {"operation": found.operation, "provider": found.provider, "span_id": found.span_id}
    return reply(
        {"status": "success", "data": {**_told(found.summary), **more, **found.detail, "scores": scores}}
    )


def _wanted(request: HttpRequest) -> calls.Filter:
    """The filter that the address asks for; a name that is none is said, not passed over."""
    for name in request.GET:
        if name not in {*NAMES, *OTHERS}:
            message = f'invalid parameter "{name}": known are {", ".join(sorted([*NAMES, *OTHERS]))}'
            raise BadParameterError(message)
    now = clock.now()
    end = parameters.moment(request, "end", clock.to_ms(now))
    # a day, where nobody says how far back
    start = parameters.moment(request, "start", end - DAY_MS)
    if end < start:
        message = 'invalid parameter "end": end timestamp must not be before start time'
        raise BadParameterError(message)
    return calls.Filter(
        request.project_id,  # type: ignore[attr-defined] # it passed the door
        clock.from_ms(start), clock.from_ms(end),
        **{name: request.GET.get(name, "") for name in NAMES},
        version=request.GET.get("version"), errors_only=request.GET.get("errors", "") in {"1", "true"},
        text=request.GET.get("q", "").replace("\x00", ""), least_seconds=_slower(request),
    )  # fmt: skip


def _slower(request: HttpRequest) -> float | None:
    given = request.GET.get("slower", "")
    if not given:
        return None
    try:
        seconds = float(given)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        message = f'invalid parameter "slower": {given[:40]!r} is no number of seconds'
        raise BadParameterError(message)
    return seconds


def _limit(request: HttpRequest) -> int:
    limit = parameters.count(request, "limit") or LIMIT
    if limit > MOST:
        message = f'invalid parameter "limit": at most {MOST} a page; pass "before" for the next one'
        raise BadParameterError(message)
    return limit


def _before(request: HttpRequest) -> str:
    given = request.GET.get("before", "")
    if given and calls.identity(given) is None:
        message = (
            f'invalid parameter "before": {given[:80]!r} is none; pass what the page before gave as "next"'
        )
        raise BadParameterError(message)
    return given


def _told(one: calls.GenerationSummary) -> dict[str, Any]:
    """By the names under which calls are sent; ``generation`` is our own id."""
    content = asdict(one)
    return {"generation": content.pop("id"), "id": content.pop("client_id"), **content}


_take = in_own_words("native", ingest.door("native"))


@takes("GET", "POST")
@csrf_exempt
def either(request: HttpRequest) -> HttpResponse:
    return packed(listed)(request) if request.method == "GET" else _take(request)


urlpatterns = [
    path("api/v1/generations", either),
    path("api/v1/generations/<uuid:generation>", packed(detail)),
]
