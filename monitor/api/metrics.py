"""``GET /metrics``: how Vigil itself is doing, for a key with the query scope, or for anybody on loopback."""

import ipaddress
import shutil

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path

from monitor import meters
from monitor.api import auth
from monitor.api.errors import refuse
from monitor.core import clock
from monitor.ingest import keys
from monitor.remote import read

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def metrics(request: HttpRequest) -> HttpResponse:
    try:
        allowed = _allowed(request)
    except keys.GoneError as error:
        return refuse(503, f"{error}; ask again")
    if not allowed:
        return refuse(401, f"/metrics wants an API key from other machines; {auth.HOW}")
    return HttpResponse(meters.told() + _stock().encode(), content_type=CONTENT_TYPE)


def _allowed(request: HttpRequest) -> bool:
    text = auth.key_text(request)
    if text is not None:
        known = keys.find(text, now=clock.now())
        return known is not None and "query" in known.scopes
    # a proxy on this machine speaks for others, so its word for loopback does not count
    forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
    return not forwarded and ipaddress.ip_address(request.META.get("REMOTE_ADDR") or "0.0.0.0").is_loopback  # noqa: S104 — an unknown address


def _stock() -> str:
    """What is in the store right now, cheap to ask."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM monitor_series),"
            " (SELECT count(*) FROM monitor_sample_batch), pg_database_size(current_database())"
        )
        series, batches, size = cursor.fetchone()
    return "".join((
        _gauge("vigil_series", "Series in the store.", series),
        _gauge("vigil_sample_batches", "Batches not yet sealed into chunks.", batches),
        _gauge("vigil_database_bytes", "Size of the database.", size),
        _disk(),
        _queue(),
    ))  # fmt: skip


def _gauge(name: str, about: str, value: object) -> str:
    return f"# HELP {name} {about}\n# TYPE {name} gauge\n{name} {value}\n"


def _disk() -> str:
    """Room where the embedded database lies; another server's disk is not ours to see."""
    if not settings.EMBEDDED_DATABASE:
        return ""
    usage = shutil.disk_usage(settings.VIGIL_DATA)
    return _gauge("vigil_disk_free_bytes", "Room left under VIGIL_DATA.", usage.free) + _gauge(
        "vigil_disk_size_bytes", "Size of the disk under VIGIL_DATA.", usage.total
    )


def _queue() -> str:
    """What waits for a series store elsewhere, where there is one."""
    waiting = read.waiting()
    if waiting is None:
        return ""
    age = (clock.now() - waiting.oldest).total_seconds() if waiting.oldest else 0.0
    return _gauge("vigil_queue_samples", "Samples that wait for the series store.", waiting.samples) + _gauge(
        "vigil_queue_oldest_seconds", "How long the oldest of them has waited.", f"{max(age, 0.0):.3f}"
    )


urlpatterns = [path("metrics", metrics)]
