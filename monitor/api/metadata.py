"""``/api/v1/metadata`` and ``/api/v1/targets/metadata``: what metrics are, as pages say or their names tell."""

from typing import Any

from django.http import HttpResponse
from django.urls import path

from monitor.api import parameters
from monitor.api.auth import ApiRequest
from monitor.api.errors import refuse, reply
from monitor.api.prometheus import door
from monitor.core.labels import NAME
from monitor.ingest.scraping import read
from monitor.remote import listing

COUNTED = ("_total", "_count", "_sum", "_bucket")
UNITS = ("seconds", "bytes", "ratio", "celsius")


def _metadata(request: ApiRequest) -> HttpResponse:
    """By metric; where neither a page nor a sender says a word about one, its name has to do."""
    wanted, limit = parameters.text(request, "metric"), parameters.count(request, "limit")
    per_metric = parameters.count(request, "limit_per_metric")
    known: dict[str, list[dict[str, str]]] = {}
    for fact in [*read.metadata(request.project_id), *read.pushed(request.project_id)]:
        entries = known.setdefault(fact.metric, [])
        entry = {"type": fact.type, "help": fact.help, "unit": fact.unit}
        if entry not in entries and not (per_metric and len(entries) >= per_metric):
            entries.append(entry)
    names = listing.label_values(request.project_id, NAME, (), 0, parameters.FAR_MS)
    unknown = [name for name in names if not any(part in known for part in _families(name))]
    elsewhere = listing.metadata(unknown)
    for name in unknown:
        known[name] = elsewhere.get(name) or [{"type": _type(name), "help": "", "unit": _unit(name)}]
    chosen = sorted(name for name in known if wanted in {"", name})
    shown = chosen[:limit] if limit else chosen
    return reply({"status": "success", "data": {name: known[name] for name in shown}})


def _families(name: str) -> list[str]:
    """The families that a series of this name may belong to."""
    return [name, *(name.removesuffix(end) for end in ("_count", "_sum", "_bucket") if name.endswith(end))]


def _type(name: str) -> str:
    return "counter" if name.endswith(COUNTED) else "unknown"


def _unit(name: str) -> str:
    stem = name.removesuffix("_total")
    return next((unit for unit in UNITS if stem.endswith(f"_{unit}")), "")


def _of_targets(request: ApiRequest) -> HttpResponse:
    """By target; ``match_target`` selects by the target's labels, ``metric`` by name."""
    wanted, limit = parameters.text(request, "metric"), parameters.count(request, "limit")
    chosen = parameters.text(request, "match_target")
    matchers = parameters.selected("match_target", chosen) if chosen else ()
    data: list[dict[str, Any]] = []
    for fact in read.metadata(request.project_id):
        if wanted not in {"", fact.metric}:
            continue
        if all(one.matches(fact.target.get(one.label, "")) for one in matchers):
            named = {} if wanted else {"metric": fact.metric}
            about = {"type": fact.type, "help": fact.help, "unit": fact.unit}
            data.append({"target": dict(fact.target), **named, **about})
    if not data:
        return refuse(404, "specified metadata not found", error_type="not_found")
    return reply({"status": "success", "data": data[:limit] if limit else data})


urlpatterns = [
    path("api/v1/metadata", door(_metadata)),
    path("api/v1/targets/metadata", door(_of_targets)),
]
