"""Alertmanager's API v2: senders bring alerts, amtool and dashboards ask and silence. Errors are JSON texts, as there."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from monitor.alerting import exporting, matching, policy, receive, silencing, standing
from monitor.alerting.models import Silence
from monitor.alerting.silencing import FIRST, LAST
from monitor.alerting.standing import Standing, Wish
from monitor.api import bodies
from monitor.api.auth import ApiRequest, needs
from monitor.api.errors import reply
from monitor.api.methods import takes
from monitor.api.packing import packed
from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.labels import Labels, Matcher, Op

# the Alertmanager whose API this is
API_LEVEL = "0.28.0"
STARTED = clock.now()
ORDER = {"active": 0, "pending": 1, "expired": 2}
OPS: dict[tuple[bool, bool], Op] = {
    (False, True): "=",
    (False, False): "!=",
    (True, True): "=~",
    (True, False): "!~",
}
YEAR_ONE = 1


class BadRequestError(ValueError):
    """A request that can't be read; whoever sent it can mend it."""


class PostedAlert(msgspec.Struct, rename="camel"):
    labels: dict[str, str]
    annotations: dict[str, str] | None = None
    starts_at: str = ""
    ends_at: str = ""
    link: str = msgspec.field(default="", name="generatorURL")


class PostedMatcher(msgspec.Struct, rename="camel"):
    name: str
    value: str
    is_regex: bool
    is_equal: bool = True


class PostedSilence(msgspec.Struct, rename="camel"):
    matchers: list[PostedMatcher]
    starts_at: str
    ends_at: str
    created_by: str
    comment: str
    id: str | None = ""


def by_method(**views: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """One view per method; what can't be read is answered with 400 and the reason."""

    @takes(*views, refused=lambda status, why: reply(why, status))
    @csrf_exempt
    def view(request: HttpRequest, /, **place: str) -> HttpResponse:
        try:
            return views[request.method or ""](request, **place)
        except bodies.BodyError as error:
            return reply(str(error), error.status)
        except (BadRequestError, silencing.BadSilenceError, matching.BadMatchersError) as error:
            return reply(str(error), 400)
        except silencing.NoSilenceError as error:
            return reply(str(error), 404)

    return view


@needs("query")
def get_alerts(request: ApiRequest) -> HttpResponse:
    now = clock.now()
    found = standing.alerts(request.project_id, _wish(request), now=now)
    return reply([_alert(one, now) for one in found])


@needs("ingest")
def post_alerts(request: ApiRequest) -> HttpResponse:
    """The good ones are taken even if others are bad; then 400 says what was wrong with those."""
    now = clock.now()
    timeout = policy.resolve_timeout(request.project_id)
    notices, complaints = [], []
    for number, posted in enumerate(_body(request, list[PostedAlert])):
        try:
            notices.append(_notice(posted, timeout, now))
        except BadRequestError as error:
            complaints.append(f"alert {number}: {error}")
    receive.take_outside(request.project_id, notices, now=now)
    return reply("; ".join(complaints), 400) if complaints else HttpResponse(status=200)


@needs("query")
def get_groups(request: ApiRequest) -> HttpResponse:
    now = clock.now()
    found = standing.groups(request.project_id, _wish(request), now=now)
    return reply(
        [
            {
                "alerts": [_alert(one, now) for one in group.alerts],
                "labels": dict(group.labels),
                "receiver": {"name": group.receiver},
            }
            for group in found
        ]
    )


@needs("query")
def get_silences(request: ApiRequest) -> HttpResponse:
    now = clock.now()
    wanted = _filters(request)
    rows = [row for row in Silence.objects.filter(project_id=request.project_id) if _fits(row, wanted)]
    rows.sort(key=lambda row: (ORDER[silencing.state_of(row, now)], row.ends_at))
    return reply([_silence(row, now) for row in rows])


@needs("manage")
def post_silence(request: ApiRequest) -> HttpResponse:
    posted = _body(request, PostedSilence)
    wanted = silencing.Wanted(
        matchers=tuple(_matcher(one) for one in posted.matchers),
        starts_at=_required("startsAt", posted.starts_at),
        ends_at=_required("endsAt", posted.ends_at),
        author=posted.created_by,
        comment=posted.comment,
        id=posted.id or "",
    )
    return reply({"silenceID": silencing.save(request.project_id, wanted, now=clock.now())})


@needs("query")
def get_silence(request: ApiRequest, identity: str) -> HttpResponse:
    return reply(_silence(silencing.find(request.project_id, identity), clock.now()))


@needs("manage")
def delete_silence(request: ApiRequest, identity: str) -> HttpResponse:
    silencing.expire(request.project_id, identity, now=clock.now())
    return HttpResponse(status=200)


@needs("query")
def get_receivers(request: ApiRequest) -> HttpResponse:
    return reply([{"name": name} for name in standing.receivers(request.project_id)])


@needs("query")
def get_status(request: ApiRequest) -> HttpResponse:
    """``config``: what is in force, as Alertmanager would have it written; secrets are hidden."""
    version = {
        "branch": "",
        "buildDate": "",
        "buildUser": "",
        "goVersion": "",
        "revision": "vigil",
        "version": API_LEVEL,
    }
    return reply(
        {
            "cluster": {"name": "", "status": "disabled", "peers": []},
            "config": {"original": exporting.give(request.project_id)},
            "uptime": _moment(STARTED),
            "versionInfo": version,
        }
    )


def _body(request: HttpRequest, shape: Any) -> Any:
    raw = bodies.read(request, settings.VIGIL_MAX_BODY_BYTES)
    try:
        return msgspec.json.decode(raw, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"the body can't be read: {error}"
        raise BadRequestError(message) from error


def _notice(posted: PostedAlert, timeout: dt.timedelta, now: dt.datetime) -> Notice:
    starts, ends = _parsed("startsAt", posted.starts_at), _parsed("endsAt", posted.ends_at)
    labels = Labels({name: _clean(value) for name, value in posted.labels.items()})
    if not labels:
        message = "at least one label pair required"
        raise BadRequestError(message)
    for name in (*posted.labels, *(posted.annotations or {})):
        if not name or "\x00" in name:
            message = f"a label or annotation {'with NUL in its' if name else 'without a'} name"
            raise BadRequestError(message)
    starts = starts or min(ends or now, now)
    if ends is not None and ends < starts:
        message = "start time must be before end time"
        raise BadRequestError(message)
    return Notice(
        labels=labels,
        starts_at=starts,
        ends_at=ends or now + timeout,
        annotations={name: _clean(value) for name, value in (posted.annotations or {}).items()},
        link=_clean(posted.link),
        source="outside",
        timeout=ends is None,
    )


def _clean(text: str) -> str:
    """PostgreSQL stores no NUL."""
    return text.replace("\x00", "")


def _required(name: str, text: str) -> dt.datetime:
    found = _parsed(name, text)
    if found is None:
        message = f"{name}: missing; send a time like 2026-01-31T12:00:00Z"
        raise BadRequestError(message)
    return found


def _parsed(name: str, text: str) -> dt.datetime | None:
    """None for no time and for Go's zero time."""
    if not text:
        return None
    try:
        found = msgspec.convert(text, dt.datetime)
    except msgspec.ValidationError as error:
        message = f"{name}: {text!r} is no RFC 3339 time; send one like 2026-01-31T12:00:00Z"
        raise BadRequestError(message) from error
    aware = found if found.tzinfo else found.replace(tzinfo=dt.UTC)
    if aware.year == YEAR_ONE:
        return None
    if aware < FIRST or (aware > LAST and name != "endsAt"):
        message = f"{name}: {text!r} is out of range; send a time between {FIRST.year} and {LAST.year}"
        raise BadRequestError(message)
    # "never ends" is often written as the last second of all
    return min(aware, LAST).astimezone(dt.UTC)


def _wish(request: HttpRequest) -> Wish:
    wanted = {name: _flag(request, name) for name in ("active", "silenced", "inhibited", "muted")}
    _flag(request, "unprocessed")  # every alert is judged when it is asked for
    pattern = request.GET.get("receiver", "")
    return Wish(
        _filters(request),
        receiver=_matcher_of("receiver", "=~", pattern).matches if pattern else None,
        **wanted,
    )


def _flag(request: HttpRequest, name: str) -> bool:
    text = request.GET.get(name, "true").lower()
    if text not in {"true", "false", "1", "0"}:
        message = f"{name}: {text!r} is neither true nor false"
        raise BadRequestError(message)
    return text in {"true", "1"}


def _filters(request: HttpRequest) -> tuple[Matcher, ...]:
    return tuple(one for text in request.GET.getlist("filter") for one in matching.of_line(text))


def _matcher(posted: PostedMatcher) -> Matcher:
    if not posted.name:
        message = "a matcher without a name"
        raise BadRequestError(message)
    return _matcher_of(posted.name, OPS[posted.is_regex, posted.is_equal], posted.value)


def _matcher_of(name: str, op: Op, value: str) -> Matcher:
    try:
        return Matcher(name, op, value)
    except ValueError as error:
        raise BadRequestError(str(error)) from error


def _fits(row: Silence, wanted: tuple[Matcher, ...]) -> bool:
    """Whether what the silence asks for fulfils the filter; a filter on a label that it does not name is no hit."""
    values = {one.label: one.value for one in matching.parse(row.matchers)}
    return matching.all_match(wanted, values)


def _alert(one: Standing, now: dt.datetime) -> dict[str, Any]:
    """Ours fire until further notice; who asks is told the time after which to ask again."""
    return {
        "annotations": dict(one.annotations),
        "endsAt": _moment(one.ends_at or now + policy.RESOLVE_TIMEOUT),
        "fingerprint": one.fingerprint,
        "receivers": [{"name": name} for name in one.receivers],
        "startsAt": _moment(one.starts_at),
        "status": {
            "inhibitedBy": list(one.inhibited_by),
            "mutedBy": list(one.muted_by),
            "silencedBy": list(one.silenced_by),
            "state": one.state,
        },
        "updatedAt": _moment(one.updated_at),
        "generatorURL": standing.link_of(one, settings.VIGIL_PUBLIC_URL),
        "labels": dict(one.labels),
    }


def _silence(row: Silence, now: dt.datetime) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "status": {"state": silencing.state_of(row, now)},
        "updatedAt": _moment(row.updated_at),
        "comment": row.comment,
        "createdBy": row.author,
        "endsAt": _moment(row.ends_at),
        "matchers": [
            {
                "isEqual": one.op in {"=", "=~"},
                "isRegex": "~" in one.op,
                "name": one.label,
                "value": one.value,
            }
            for one in matching.parse(row.matchers)
        ],
        "startsAt": _moment(row.starts_at),
    }


def _moment(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


urlpatterns = [
    path("api/v2/alerts", packed(by_method(GET=get_alerts, POST=post_alerts))),
    path("api/v2/alerts/groups", packed(by_method(GET=get_groups))),
    path("api/v2/silences", packed(by_method(GET=get_silences, POST=post_silence))),
    path("api/v2/silence/<str:identity>", packed(by_method(GET=get_silence, DELETE=delete_silence))),
    path("api/v2/receivers", packed(by_method(GET=get_receivers))),
    path("api/v2/status", packed(by_method(GET=get_status))),
]
