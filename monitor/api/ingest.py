"""One view for every protocol: find the key, decode, take, say how many were taken and why others weren't."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpResponse
from django.urls import URLPattern, path

from monitor import meters
from monitor.api import bodies
from monitor.api.auth import ApiRequest, needs
from monitor.api.errors import refuse
from monitor.api.refusals import in_own_words
from monitor.core import clock
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch
from monitor.ingest.protocols import PROTOCOLS
from monitor.ingest.protocols.base import MalformedError
from monitor.remote import read


def door(name: str) -> Callable[..., HttpResponse]:
    """The view of one protocol."""

    @needs("ingest")
    def view(request: ApiRequest) -> HttpResponse:
        if request.method != "POST":
            return refuse(405, f"{request.method} is not taken here; POST the records")
        protocol = PROTOCOLS[name]()
        kind = (request.content_type or "").lower()
        if kind and protocol.content_types and kind not in protocol.content_types:
            return refuse(
                415, f"content type {kind!r} is not read here; send {' or '.join(protocol.content_types)}"
            )
        full = read.full(now=clock.now())
        if full is not None:
            return refuse(503, full)
        headers = {key.lower(): value for key, value in request.headers.items()} | {"x-path": request.path}
        try:
            body = bodies.read(request, settings.VIGIL_MAX_BODY_BYTES, as_is=protocol.unpacks)
            batch = protocol.decode(body, headers)
        except bodies.BodyError as error:
            return refuse(error.status, str(error))
        except MalformedError as error:
            return refuse(error.status, str(error))
        with meters.requests.labels(name).time():
            duplicates = pipeline.take(request.project_id, batch, now=clock.now())
        _count(name, batch, duplicates)
        said = protocol.answer(batch, headers, duplicates=duplicates)
        return HttpResponse(
            said.body, status=said.status, content_type=said.content_type, headers=said.headers
        )

    return view


def _count(name: str, batch: Batch, duplicates: int) -> None:
    taken = batch.records
    meters.records.labels(name, "stored").inc(taken - duplicates)
    meters.records.labels(name, "duplicate").inc(duplicates)
    meters.records.labels(name, "rejected").inc(len(batch.rejected))


def _routes() -> list[URLPattern]:
    return [
        path(where.lstrip("/"), in_own_words(name, door(name)))
        for name in PROTOCOLS
        for where in PROTOCOLS[name].paths
    ]


urlpatterns = _routes()
