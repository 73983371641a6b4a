"""``GET /api/v1/targets``: what is scraped and how it goes, in Prometheus' shape."""

import datetime as dt
from typing import Any

from django.http import HttpResponse
from django.urls import path

from monitor.api.auth import ApiRequest, needs
from monitor.api.errors import reply
from monitor.api.methods import takes
from monitor.api.packing import packed
from monitor.core import durations
from monitor.ingest.scraping import read

NEVER = "0001-01-01T00:00:00Z"


@takes("GET")
@needs("query")
def targets(request: ApiRequest) -> HttpResponse:
    """Active and dropped targets; ``state`` and ``scrapePool`` narrow the answer as in Prometheus."""
    state, pool = request.GET.get("state", "any"), request.GET.get("scrapePool", "")
    found = [one for one in read.targets(request.project_id) if pool in {"", one.job}]
    active = [_active(one) for one in found if one.enabled] if state in {"any", "active", ""} else []
    left_out = [one for one in read.dropped(request.project_id) if pool in {"", one.job}]
    dropped: list[dict[str, Any]] = []
    if state in {"any", "dropped", ""}:
        dropped = [_dropped(one) for one in found if not one.enabled]
        dropped += [{"discoveredLabels": dict(one.discovered), "scrapePool": one.job} for one in left_out]
    data = {
        "activeTargets": active,
        "droppedTargets": dropped,
        "droppedTargetCounts": _counts(found, left_out),
    }
    return reply({"status": "success", "data": data})


def _active(one: read.TargetState) -> dict[str, Any]:
    return {
        "discoveredLabels": _discovered(one),
        "labels": dict(one.labels),
        "scrapePool": one.job,
        "scrapeUrl": one.url,
        "globalUrl": one.url,
        "lastError": one.last_error,
        "lastScrape": _moment(one.last_scrape),
        "lastScrapeDuration": one.last_duration_seconds or 0.0,
        "health": one.health,
        "scrapeInterval": durations.text(one.interval_seconds * 1000),
        "scrapeTimeout": durations.text(round(one.timeout_seconds * 1000)),
    }


def _dropped(one: read.TargetState) -> dict[str, Any]:
    return {"discoveredLabels": _discovered(one), "scrapePool": one.job}


def _discovered(one: read.TargetState) -> dict[str, str]:
    if one.discovered:
        return dict(one.discovered)
    scheme, _, rest = one.url.partition("://")
    address, _, path_and_query = rest.partition("/")
    return {
        **one.labels,
        "__address__": address,
        "__scheme__": scheme,
        "__metrics_path__": "/" + path_and_query.partition("?")[0],
        "__scrape_interval__": durations.text(one.interval_seconds * 1000),
    }


def _counts(found: list[read.TargetState], left_out: list[read.DroppedTarget]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found:
        counts[one.job] = counts.get(one.job, 0) + (not one.enabled)
    for other in left_out:
        counts[other.job] = counts.get(other.job, 0) + 1
    return counts


def _moment(moment: dt.datetime | None) -> str:
    return NEVER if moment is None else moment.isoformat().replace("+00:00", "Z")


@takes("GET")
@needs("query")
def pools(request: ApiRequest) -> HttpResponse:
    """The jobs that targets belong to."""
    jobs = sorted({one.job for one in read.targets(request.project_id)})
    return reply({"status": "success", "data": {"scrapePools": jobs}})


urlpatterns = [path("api/v1/targets", packed(targets)), path("api/v1/scrape_pools", pools)]
