"""One view for every protocol: find the key, decode, take, say how many were taken and why others weren't."""

from collections.abc import Callable
from contextlib import nullcontext
from functools import cache

from django.conf import settings
from django.http import HttpResponse
from django.urls import URLPattern, path
from prometheus_client import Counter, Histogram

from monitor import meters
from monitor.api import bodies
from monitor.api.auth import ApiRequest, needs
from monitor.api.errors import refuse
from monitor.api.gate import BusyError, Gate, Ticket
from monitor.api.methods import takes
from monitor.api.refusals import in_own_words
from monitor.core import clock
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Source
from monitor.ingest.protocols import PROTOCOLS
from monitor.ingest.protocols.base import MalformedError, Protocol
from monitor.remote import read
from monitor.store.calls.writing import APPROACH

# a process has sixteen threads: pages and questions keep some of them, whatever is sent
GATE = Gate(requests=12, size=2 * settings.VIGIL_MAX_BODY_BYTES, patience=1.0)
# where calls come in, and what a request with a single one, or a few, is at most
CALLS = frozenset({"/api/v1/generations", "/v1/traces"})
FEW_BYTES = 32_000


def door(name: str) -> Callable[..., HttpResponse]:
    """The view of one protocol."""

    @takes("POST")
    @needs("ingest")
    def view(request: ApiRequest) -> HttpResponse:
        protocol = PROTOCOLS[name]()
        source = Source(request.META.get("HTTP_USER_AGENT", ""), name)
        kind = (request.content_type or "").lower()
        if kind and protocol.content_types and kind not in protocol.content_types:
            pipeline.unreadable(request.project_id, source, 415, now=clock.now())
            return refuse(
                415, f"content type {kind!r} is not read here; send {' or '.join(protocol.content_types)}"
            )
        full = read.full(now=clock.now())
        if full is not None:
            return refuse(503, full)
        try:
            announced = _announced(request)
            few = announced < FEW_BYTES and request.path in CALLS
            with GATE.passed(announced) as ticket, APPROACH.coming() if few else nullcontext():
                return _take(request, name, protocol, source, ticket)
        except BusyError as error:
            meters.busy.inc()
            return refuse(503, f"too much at once: {error}; nothing was taken, send the same again")

    return view


def _take(request: ApiRequest, name: str, protocol: Protocol, source: Source, ticket: Ticket) -> HttpResponse:
    headers = bodies.Headers(request)
    body = b""
    try:
        body = bodies.read(request, settings.VIGIL_MAX_BODY_BYTES, as_is=protocol.unpacks)
        ticket.grow(len(body))
        batch = protocol.decode(body, headers)
    except (bodies.BodyError, MalformedError) as error:
        pipeline.unreadable(request.project_id, source, error.status, now=clock.now(), body=body)
        return refuse(error.status, str(error))
    batch.source = Source(batch.source.sender or source.sender, batch.source.dialect or source.dialect)
    with _seconds(name).time():
        duplicates = pipeline.take(request.project_id, batch, now=clock.now(), body=body)
    _count(name, batch, duplicates)
    said = protocol.answer(batch, headers, duplicates=duplicates)
    return HttpResponse(said.body, status=said.status, content_type=said.content_type, headers=said.headers)


def _announced(request: ApiRequest) -> int:
    """How many bytes the sender says it brings; a body of unknown length may be as large as any."""
    declared = request.META.get("CONTENT_LENGTH") or ""
    if not declared.isdecimal():
        return settings.VIGIL_MAX_BODY_BYTES
    return min(int(declared), settings.VIGIL_MAX_BODY_BYTES)


def _count(name: str, batch: Batch, duplicates: int) -> None:
    counted = (batch.records - duplicates, duplicates, len(batch.rejected))
    for counter, n in zip(_counters(name), counted, strict=True):
        if n:
            counter.inc(n)


@cache
def _counters(name: str) -> tuple[Counter, ...]:
    """They are there, at zero, from the first request on."""
    return tuple(meters.records.labels(name, outcome) for outcome in ("stored", "duplicate", "rejected"))


@cache
def _seconds(name: str) -> Histogram:
    return meters.requests.labels(name)


def _routes() -> list[URLPattern]:
    return [
        path(where.lstrip("/"), in_own_words(name, door(name)))
        for name in PROTOCOLS
        for where in PROTOCOLS[name].paths
    ]


urlpatterns = _routes()
