"""Prometheus' HTTP API over a project's series: what Grafana, Argo Rollouts and promtool speak."""

import datetime as dt
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.http import HttpResponse
from django.urls import path

from monitor import meters, query
from monitor.api.auth import ApiRequest, needs
from monitor.api.encode import encode_result
from monitor.api.errors import refuse, reply
from monitor.core import clock, durations
from monitor.core.labels import NAME, Matcher
from monitor.promql.errors import QueryError
from monitor.promql.parse import selector
from monitor.store import select

STATUS = {"bad_data": 400, "execution": 422, "timeout": 503, "canceled": 503}
# the level of the API we answer at; clients choose their features by it
API_LEVEL = "3.5.0"
_FAR_MS = 253_402_300_799_000


class BadParameterError(ValueError):
    """A parameter that can't be read; whoever asks can mend it."""


def door(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view for GET and POST that answers every failure in Prometheus' shape."""

    @needs("query")
    def guarded(request: ApiRequest, /, **names: str) -> HttpResponse:
        if request.method not in {"GET", "POST"}:
            return refuse(405, f"{request.method} is not taken here; use GET or POST")
        try:
            with meters.queries.labels(view.__name__.strip("_")).time():
                return view(request, **names)
        except BadParameterError as error:
            return refuse(400, str(error))
        except QueryError as error:
            prefix = 'invalid parameter "query": ' if error.position is not None else ""
            return refuse(STATUS[error.kind], prefix + error.message, error_type=error.kind)

    return guarded


def _instant(request: ApiRequest) -> HttpResponse:
    at = _moment(request, "time", clock.to_ms(clock.now()))
    result = query.instant(request.project_id, _expression(request), at, limits=_limits(request))
    return _answer(request, result)


def _range(request: ApiRequest) -> HttpResponse:
    start, end = _moment(request, "start"), _moment(request, "end")
    if end < start:
        message = 'invalid parameter "end": end timestamp must not be before start time'
        raise BadParameterError(message)
    step = _step(_required(request, "step"))
    result = query.range(request.project_id, _expression(request), start, end, step, limits=_limits(request))
    return _answer(request, result)


def _answer(request: ApiRequest, result: query.Result) -> HttpResponse:
    limit = _count(request, "limit")
    if limit and result.kind in {"vector", "matrix"} and len(result.labels) > limit:
        result = result.first(limit)
    return HttpResponse(encode_result(result), content_type="application/json")


def _series(request: ApiRequest) -> HttpResponse:
    sets = _matchers(request)
    if not sets:
        message = "no match[] parameter provided"
        raise BadParameterError(message)
    found = select.series(request.project_id, sets, *_span(request))
    return _listed(request, [dict(labels.items_sorted) for labels in found])


def _labels(request: ApiRequest) -> HttpResponse:
    names = select.label_names(request.project_id, _matchers(request), *_span(request))
    return _listed(request, names)


def _label_values(request: ApiRequest, name: str) -> HttpResponse:
    values = select.label_values(request.project_id, name, _matchers(request), *_span(request))
    return _listed(request, values)


def _listed(request: ApiRequest, data: Sequence[object]) -> HttpResponse:
    limit = _count(request, "limit")
    if limit and len(data) > limit:
        return reply(
            {"status": "success", "data": data[:limit], "warnings": ["results truncated due to limit"]}
        )
    return reply({"status": "success", "data": data})


def _metadata(request: ApiRequest) -> HttpResponse:
    """Types by naming convention: pushed series carry no other word about themselves."""
    wanted = _parameter(request, "metric")
    names = select.label_values(request.project_id, NAME, (), 0, _FAR_MS)
    chosen = sorted(name for name in names if wanted in {"", name})
    limit = _count(request, "limit")
    data = {
        name: [{"type": _type(name), "help": "", "unit": _unit(name)}]
        for name in (chosen[:limit] if limit else chosen)
    }
    return reply({"status": "success", "data": data})


def _type(name: str) -> str:
    return "counter" if name.endswith(("_total", "_count", "_sum", "_bucket")) else "unknown"


def _unit(name: str) -> str:
    stem = name.removesuffix("_total")
    return next((unit for unit in ("seconds", "bytes", "ratio", "celsius") if stem.endswith(f"_{unit}")), "")


def _format(request: ApiRequest) -> HttpResponse:
    return reply({"status": "success", "data": query.pretty(_expression(request))})


def _build(_: ApiRequest) -> HttpResponse:
    data = {
        "version": API_LEVEL, "revision": "vigil", "branch": "", "buildUser": "", "buildDate": "",
        "goVersion": "",
    }  # fmt: skip
    return reply({"status": "success", "data": data})


def _parameter(request: ApiRequest, name: str, default: str = "") -> str:
    return request.POST.get(name) or request.GET.get(name) or default


def _required(request: ApiRequest, name: str) -> str:
    value = _parameter(request, name)
    if not value:
        message = f'invalid parameter "{name}": missing'
        raise BadParameterError(message)
    return value


def _expression(request: ApiRequest) -> str:
    return _required(request, "query")


def _count(request: ApiRequest, name: str) -> int:
    value = _parameter(request, name, "0")
    if not value.isdecimal():
        message = f'invalid parameter "{name}": {value!r} is not a whole number of at least 0'
        raise BadParameterError(message)
    return int(value)


def _moment(request: ApiRequest, name: str, default: int | None = None) -> int:
    """Unix milliseconds of a parameter in seconds or RFC 3339."""
    text = _parameter(request, name)
    if not text and default is not None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = _rfc3339(name, text)
    if not math.isfinite(seconds) or abs(seconds) * 1000 > _FAR_MS:
        message = f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp'
        raise BadParameterError(message)
    return round(seconds * 1000)


def _rfc3339(name: str, text: str) -> float:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        message = f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp'
        raise BadParameterError(message) from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    return clock.to_ms(aware) / 1000


def _step(text: str) -> int:
    milliseconds = _duration("step", text)
    if milliseconds <= 0:
        message = (
            'invalid parameter "step": zero or negative query resolution step widths are not accepted.'
            " Try a positive integer"
        )
        raise BadParameterError(message)
    return milliseconds


def _duration(name: str, text: str) -> int:
    """Milliseconds of seconds or a duration such as 5m."""
    try:
        return round(float(text) * 1000)
    except (ValueError, OverflowError):
        pass
    try:
        return durations.parse(text)
    except durations.BadDurationError as error:
        message = f'invalid parameter "{name}": cannot parse "{text}" to a valid duration'
        raise BadParameterError(message) from error


def _limits(request: ApiRequest) -> query.Limits:
    limits = query.Limits()
    timeout = _parameter(request, "timeout")
    if not timeout:
        return limits
    return replace(limits, seconds=min(limits.seconds, _duration("timeout", timeout) / 1000))


def _span(request: ApiRequest) -> tuple[int, int]:
    return _moment(request, "start", 0), _moment(request, "end", _FAR_MS)


def _matchers(request: ApiRequest) -> list[tuple[Matcher, ...]]:
    texts = request.POST.getlist("match[]") + request.GET.getlist("match[]")
    try:
        return [selector(text) for text in texts]
    except QueryError as error:
        message = f'invalid parameter "match[]": {error.message}'
        raise BadParameterError(message) from error


urlpatterns = [
    path("api/v1/query", door(_instant)),
    path("api/v1/query_range", door(_range)),
    path("api/v1/series", door(_series)),
    path("api/v1/labels", door(_labels)),
    path("api/v1/label/<str:name>/values", door(_label_values)),
    path("api/v1/metadata", door(_metadata)),
    path("api/v1/format_query", door(_format)),
    path("api/v1/status/buildinfo", door(_build)),
]
