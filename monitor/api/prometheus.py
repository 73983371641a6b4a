"""Prometheus' HTTP API over a project's series: what Grafana, Argo Rollouts and promtool speak."""

from collections.abc import Callable, Sequence
from functools import cache

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpResponse
from django.urls import path
from prometheus_client import Histogram

from monitor import meters, query
from monitor.api import parameters
from monitor.api.auth import ApiRequest, needs
from monitor.api.encode import encode_result
from monitor.api.errors import refuse, reply
from monitor.api.leaving import watched
from monitor.api.methods import takes
from monitor.api.packing import packed
from monitor.api.parameters import BadParameterError
from monitor.core import clock
from monitor.promql.errors import QueryError
from monitor.remote import listing
from monitor.store.deadline import StoppedError

STATUS = {"bad_data": 400, "execution": 422, "timeout": 503, "canceled": 503, "unavailable": 503}
# the level of the API we answer at; clients choose their features by it
API_LEVEL = "3.5.0"
CUT = "results truncated due to limit"


def door(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A view for GET and POST that answers every failure in Prometheus' shape."""
    name = view.__name__.strip("_")

    @takes("GET", "POST")
    @packed
    @needs("query")
    def guarded(request: ApiRequest, /, **names: str) -> HttpResponse:
        try:
            limited = query.within(parameters.limits(request))
            with _seconds(name).time(), watched(request), query.holding(until_end=True), limited:
                return view(request, **names)
        except BadParameterError as error:
            return refuse(400, str(error))
        except (RequestDataTooBig, TooManyFieldsSent) as error:
            return refuse(413, f"the form is too large: {error}")
        except StoppedError:
            return refuse(
                503, "the store did not answer in time; ask again, or for less", error_type="timeout"
            )
        except QueryError as error:
            prefix = 'invalid parameter "query": ' if error.position is not None else ""
            return refuse(STATUS[error.kind], prefix + error.message, error_type=error.kind)

    return guarded


@cache
def _seconds(name: str) -> Histogram:
    return meters.queries.labels(name)


def _instant(request: ApiRequest) -> HttpResponse:
    at = parameters.moment(request, "time", clock.to_ms(clock.now()))
    limits, expr = parameters.limits(request), parameters.required(request, "query")
    return _answer(request, lambda: query.instant(request.project_id, expr, at, limits=limits))


def _range(request: ApiRequest) -> HttpResponse:
    start, end, step = parameters.grid(request)
    limits, expr = parameters.limits(request), parameters.required(request, "query")
    return _answer(request, lambda: query.range(request.project_id, expr, start, end, step, limits=limits))


def _answer(request: ApiRequest, ask: Callable[[], query.Result]) -> HttpResponse:
    limit, stats = parameters.count(request, "limit"), parameters.text(request, "stats")
    began = clock.monotonic()
    result = ask()
    seconds = clock.monotonic() - began
    if limit and result.kind in {"vector", "matrix"} and _rows(result) > limit:
        result = result.first(limit)
    query.writing(result.values.size if result.raw is None else result.samples)
    body = encode_result(result, _stats(result, seconds) if stats else None)
    return HttpResponse(body, content_type="application/json")


def _rows(result: query.Result) -> int:
    return len(result.labels if result.raw is None else result.raw)


def _stats(result: query.Result, seconds: float) -> dict[str, dict[str, float]]:
    """Prometheus' names; reading and evaluating are one time here, and nothing waits in a queue."""
    parts = ("resultSortTime", "queryPreparationTime", "execQueueTime")
    whole = ("evalTotalTime", "innerEvalTime", "execTotalTime")
    return {
        "timings": {**dict.fromkeys(parts, 0.0), **dict.fromkeys(whole, seconds)},
        "samples": {"totalQueryableSamples": result.samples, "peakSamples": result.samples},
    }


def _series(request: ApiRequest) -> HttpResponse:
    sets = parameters.matchers(request)
    if not sets:
        message = "no match[] parameter provided"
        raise BadParameterError(message)
    found = listing.series(request.project_id, sets, *parameters.span(request))
    return _listed(request, [dict(labels.items_sorted) for labels in found])


def _labels(request: ApiRequest) -> HttpResponse:
    sets, span = parameters.matchers(request), parameters.span(request)
    return _listed(request, listing.label_names(request.project_id, sets, *span))


def _label_values(request: ApiRequest, name: str) -> HttpResponse:
    sets, span = parameters.matchers(request), parameters.span(request)
    plain = parameters.label_name(name)
    return _listed(request, listing.label_values(request.project_id, plain, sets, *span))


def _listed(request: ApiRequest, data: Sequence[object]) -> HttpResponse:
    limit = parameters.count(request, "limit")
    if limit and len(data) > limit:
        return reply({"status": "success", "data": data[:limit], "warnings": [CUT]})
    return reply({"status": "success", "data": data})


def _exemplars(request: ApiRequest) -> HttpResponse:
    """None are kept; a right question gets an empty answer, a wrong one its error."""
    expr = parameters.required(request, "query")
    parameters.span(request)
    fault = query.check(expr)
    if fault is not None:
        message = f'invalid parameter "query": {fault.message}'
        raise BadParameterError(message)
    return reply({"status": "success", "data": []})


def _format(request: ApiRequest) -> HttpResponse:
    return reply({"status": "success", "data": query.pretty(parameters.required(request, "query"))})


label_values = door(_label_values)
urlpatterns = [
    path("api/v1/query", door(_instant)),
    path("api/v1/query_range", door(_range)),
    path("api/v1/query_exemplars", door(_exemplars)),
    path("api/v1/series", door(_series)),
    path("api/v1/labels", door(_labels)),
    path("api/v1/label/<str:name>/values", label_values),
    path("api/v1/format_query", door(_format)),
]
