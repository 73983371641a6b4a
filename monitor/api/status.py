"""``/api/v1/status/…`` as Prometheus' tools ask: what runs here, its limits, and what the series look like."""

import os
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpResponse
from django.urls import path

from monitor import query
from monitor.api import parameters
from monitor.api.auth import ApiRequest
from monitor.api.errors import refuse, reply
from monitor.api.prometheus import API_LEVEL, door
from monitor.core import clock
from monitor.core.labels import NAME
from monitor.core.version import version
from monitor.remote import listing

STARTED = clock.now()
ROWS = 10
MAX_ROWS = 10_000


def _build(_: ApiRequest) -> HttpResponse:
    python = "python" + sys.version.split()[0]
    known = {"version": API_LEVEL, "revision": f"vigil {version()}", "goVersion": python}
    return _told({**dict.fromkeys(("branch", "buildUser", "buildDate"), ""), **known})


def _flags(_: ApiRequest) -> HttpResponse:
    """The settings that have a name in Prometheus, with the values that hold here."""
    limits = query.Limits()
    host, port = settings.VIGIL_BIND
    return _told({
        "web.listen-address": f"{host}:{port}",
        "web.external-url": settings.VIGIL_PUBLIC_URL,
        "web.enable-remote-write-receiver": "true",
        "storage.tsdb.path": str(settings.VIGIL_DATA),
        "storage.tsdb.retention.time": f"{settings.VIGIL_RETENTION_DAYS}d",
        "query.timeout": f"{limits.seconds:g}s",
        "query.max-samples": str(limits.samples),
        "query.lookback-delta": f"{limits.lookback_ms // 60_000}m",
    })  # fmt: skip


def _runtime(_: ApiRequest) -> HttpResponse:
    """Of the process that answers; there may be several. Threads stand in the place of goroutines."""
    return _told({
        "startTime": STARTED.isoformat(), "CWD": str(settings.BASE_DIR), "hostname": os.uname().nodename,
        "serverTime": clock.now().isoformat(), "reloadConfigSuccess": True,
        "lastConfigTime": STARTED.isoformat(), "goroutineCount": threading.active_count(),
        "GOMAXPROCS": os.cpu_count() or 1,
        "storageRetention": f"{settings.VIGIL_RETENTION_DAYS}d",
    })  # fmt: skip


def _config(_: ApiRequest) -> HttpResponse:
    return refuse(
        404,
        "there is no configuration file to show: settings are environment variables (see /docs/configuration/),"
        " rules are at /api/v1/rules, scrape targets at /api/v1/targets",
    )


def _alertmanagers(_: ApiRequest) -> HttpResponse:
    """Alerts are routed here: the one Alertmanager is our own."""
    ours = {"url": settings.VIGIL_PUBLIC_URL.rstrip("/") + "/api/v2/alerts"}
    return _told({"activeAlertmanagers": [ours], "droppedAlertmanagers": []})


def _replay(_: ApiRequest) -> HttpResponse:
    """Nothing is replayed at a start: what was taken is in the database."""
    return _told({"min": 0, "max": 0, "current": 0})


def _series(request: ApiRequest) -> HttpResponse:
    """How many series there are, and where most of them come from."""
    rows = min(parameters.count(request, "limit") or ROWS, MAX_ROWS)
    start, end = parameters.span(request)
    names: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    values: dict[str, set[str]] = {}
    found = listing.series(request.project_id, [()], start, end)
    for labels in found:
        names[labels.get(NAME, "")] += 1
        for label, value in labels.items_sorted:
            pairs[f"{label}={value}"] += 1
            values.setdefault(label, set()).add(value)
    many = {label: len(one) for label, one in values.items()}
    size = {label: sum(len(value.encode()) for value in one) for label, one in values.items()}
    return _told({
        "headStats": {"numSeries": len(found), "numLabelPairs": len(pairs)},
        "seriesCountByMetricName": _most(names, rows),
        "labelValueCountByLabelName": _most(many, rows),
        "memoryInBytesByLabelName": _most(size, rows),
        "seriesCountByLabelValuePair": _most(pairs, rows),
    })  # fmt: skip


def _most(counts: Mapping[str, int], rows: int) -> list[dict[str, Any]]:
    chosen = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:rows]
    return [{"name": name, "value": count} for name, count in chosen]


def _told(data: Mapping[str, Any]) -> HttpResponse:
    return reply({"status": "success", "data": data})


urlpatterns = [
    path("api/v1/status/buildinfo", door(_build)),
    path("api/v1/status/flags", door(_flags)),
    path("api/v1/status/runtimeinfo", door(_runtime)),
    path("api/v1/status/config", door(_config)),
    path("api/v1/status/tsdb", door(_series)),
    path("api/v1/status/walreplay", door(_replay)),
    path("api/v1/alertmanagers", door(_alertmanagers)),
]
