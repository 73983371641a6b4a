"""Who is asking, and for which project. Programs bring an API key; people bring their session."""

import base64
import functools
import logging
from collections.abc import Callable, Sequence
from typing import Concatenate, ParamSpec, TypeAlias

from django.db.utils import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from monitor.api.errors import refuse
from monitor.core import clock
from monitor.ingest import keys
from monitor.store import access, troubles

P = ParamSpec("P")
View: TypeAlias = Callable[Concatenate[HttpRequest, P], HttpResponse]

log = logging.getLogger("vigil.api")
# all headers as one mapping cost more to make than this one is worth
HEADER = "HTTP_AUTHORIZATION"
HOW = "send `Authorization: Bearer KEY`, or the key as the password of basic auth"


class ApiRequest(HttpRequest):
    """A request that passed ``needs``: it knows its project."""

    project_id: int
    sender: str
    scopes: frozenset[str]


def needs(*scopes: str) -> Callable[[Callable[Concatenate[ApiRequest, P], HttpResponse]], View[P]]:
    """Let a view run only for a key with one of ``scopes``, or (reading only) for a signed-in member.

    Sets ``request.project_id``, ``request.sender`` and ``request.scopes``. Answers 401 or 403 otherwise.
    """

    def decorate(view: Callable[Concatenate[ApiRequest, P], HttpResponse]) -> View[P]:
        @csrf_exempt
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            try:
                refusal = _identify(request, scopes)
            except (DatabaseError, InterfaceError, keys.GoneError) as error:
                # whoever sent this may well be allowed to: never 401, which senders take for final
                return _unsure(error)
            try:
                return view(request, *args, **kwargs) if refusal is None else refusal  # type: ignore[arg-type] # it has its project now
            except (OperationalError, InterfaceError) as error:
                return _unsure(error)

        return guarded

    return decorate


def _unsure(error: Exception) -> HttpResponse:
    log.warning("the store does not answer: %s", error)
    said = str(error) if isinstance(error, keys.GoneError) else troubles.told(error)
    return refuse(503, f"the store can't answer now: {said}; send the same again")


def key_text(request: HttpRequest) -> str | None:
    """The key out of bearer or basic authorization; None when there is none to be read."""
    kind, _, rest = request.META.get(HEADER, "").partition(" ")
    if kind.lower() == "bearer":
        return rest.strip() or None
    if kind.lower() != "basic":
        return None
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2] or None
    except ValueError:
        # no base64, or of no text, or letters that no header may hold
        return None


def _identify(request: HttpRequest, scopes: Sequence[str]) -> HttpResponse | None:
    return _with_key(request, scopes) if HEADER in request.META else _with_session(request, scopes)


def _with_key(request: HttpRequest, scopes: Sequence[str]) -> HttpResponse | None:
    text = key_text(request)
    known = keys.find(text, now=clock.now()) if text else None
    if known is None:
        why = keys.why_not(text, now=clock.now())
        log.info("refused %s %s: %s", request.method, request.path, why)
        response = refuse(401, f"no valid API key: {why}; {HOW}")
        response["WWW-Authenticate"] = 'Basic realm="vigil"'
        return response
    if known.scopes.isdisjoint(scopes):
        lacking = " or ".join(repr(scope) for scope in scopes)
        return refuse(
            403, f"key {known.name!r} lacks the scope {lacking}; it has {', '.join(sorted(known.scopes))}"
        )
    seconds = keys.wait(known, now=clock.now())
    if seconds is not None:
        response = refuse(
            429, f"key {known.name!r} may come {known.per_minute} times a minute; come again later"
        )
        response["Retry-After"] = str(seconds)
        return response
    request.project_id = known.project_id  # type: ignore[attr-defined] # this makes it an ApiRequest
    request.sender = known.name  # type: ignore[attr-defined] # as above
    request.scopes = known.scopes  # type: ignore[attr-defined] # as above
    return None


def _with_session(request: HttpRequest, scopes: Sequence[str]) -> HttpResponse | None:
    if not request.user.is_authenticated or "query" not in scopes:
        response = refuse(401, f"no API key; {HOW}")
        response["WWW-Authenticate"] = 'Basic realm="vigil"'
        return response
    project = access.project_for(
        request.user, request.GET.get("project") or request.session.get("project", "")
    )
    if project is None:
        return refuse(403, "you are not a member of this project; ask one of its admins")
    request.project_id = project.id  # type: ignore[attr-defined] # this makes it an ApiRequest
    request.sender = request.user.get_username()  # type: ignore[attr-defined] # as above
    request.scopes = frozenset({"query"})  # type: ignore[attr-defined] # as above
    return None
