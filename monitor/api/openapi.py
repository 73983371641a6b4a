"""The REST interfaces as OpenAPI 3.1. Records come from the structures that read them; the table here says the rest.

A test compares the table with the addresses that are served.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from django.http import HttpRequest, HttpResponse
from django.urls import path

from monitor.api import generations
from monitor.api.alertmanager import PostedAlert, PostedSilence
from monitor.api.errors import reply
from monitor.api.releases import FlaggerHook, PostedDecision, PostedDeploy, PostedRelease
from monitor.core.version import version
from monitor.ingest.protocols.native import WireGeneration, WirePoint, WireScore

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
PROTOBUF = "application/x-protobuf"
Schema = dict[str, Any]

MOMENT: Schema = {"type": "string", "description": "Unix seconds or RFC 3339", "examples": ["1795269600"]}
TEXT: Schema = {"type": "string"}
TEXTS: Schema = {"type": "array", "items": TEXT}
MATCHERS: Schema = {"type": "array", "items": {"type": "string"}, "examples": [["up"]]}
COUNT: Schema = {"type": "integer", "minimum": 0}
PARAMETERS: dict[str, Schema] = {
    "query": {"type": "string", "description": "PromQL", "examples": ["sum(rate(llm_requests_total[5m]))"]},
    "time": MOMENT, "start": MOMENT, "end": MOMENT,
    "step": {"type": "string", "description": "seconds or a duration such as 30s", "examples": ["30s"]},
    "timeout": {"type": "string", "description": "a duration; the query stops after it"},
    "lookback_delta": {"type": "string", "description": "a duration"},
    "limit": COUNT | {"description": "how many series at most; 0: all"},
    "stats": TEXT, "match[]": MATCHERS | {"description": "series selectors"}, "metric": TEXT,
    "rule_name[]": TEXTS, "rule_group[]": TEXTS, "file[]": TEXTS,
    "exclude_alerts": {"type": "boolean"}, "group_limit": {"type": "integer", "minimum": 1}, "group_next_token": TEXT,
    "type": {"enum": ["alert", "record"]}, "state": {"enum": ["active", "dropped", "any"]},
    "filter": MATCHERS | {"description": "label matchers"}, "active": {"type": "boolean"},
    **dict.fromkeys((*generations.NAMES, "canary"), TEXT), "version": TEXT,
    "q": TEXT | {"description": "what prompt or output must hold"}, "errors": {"type": "boolean"},
    "slower": {"type": "number", "minimum": 0, "description": "seconds"},
    "before": TEXT | {"description": "`next` of the page before"},
    "silenced": {"type": "boolean"}, "inhibited": {"type": "boolean"}, "receiver": TEXT,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. ``body`` names a schema; ``kinds`` are the content types it may come in."""

    method: str
    path: str
    scope: str
    says: str
    parameters: Sequence[str] = ()
    body: str = ""
    kinds: Sequence[str] = (JSON,)
    required: Sequence[str] = ()
    tag: str = ""


_SPAN = ("start", "end")
CALLS = ("q", "version", "errors", "slower", "start", "end", "before", "limit")
_INSTANT = ("query", "time", "timeout", "lookback_delta", "limit", "stats")
_RANGE = ("query", "start", "end", "step", "timeout", "lookback_delta", "limit", "stats")


def _asked(where: str, says: str, parameters: Sequence[str], required: Sequence[str] = ()) -> list[Operation]:
    """Questions in Prometheus' manner: in the address, or as a posted form."""
    return [
        Operation("get", where, "query", says, parameters, required=required, tag="Questions"),
        Operation("post", where, "query", says, parameters, "form", (FORM,), required, tag="Questions"),
    ]


def _sent(where: str, says: str, body: str, kinds: Sequence[str]) -> Operation:
    return Operation("post", where, "ingest", says, body=body, kinds=kinds, tag="Sending")


NATIVE = (JSON, "application/x-ndjson")
OTLP = (PROTOBUF, JSON)
OPERATIONS: tuple[Operation, ...] = (
    _sent("/api/v1/generations", "Calls of models; each is stored once, whatever is retried", "generations", NATIVE),
    _sent("/api/v1/scores", "Marks of people, rules and references for calls", "scores", NATIVE),
    _sent("/api/v1/points", "Plain numbers as series", "points", NATIVE),
    _sent("/api/v1/import/prometheus", "Series in Prometheus' text format", "text", ("text/plain",)),
    _sent("/v1/traces", "OTLP/HTTP: spans of model calls become generations", "otlp", OTLP),
    _sent("/v1/metrics", "OTLP/HTTP: metrics become series", "otlp", OTLP),
    _sent("/v1/logs", "OTLP/HTTP: events of model calls add their content", "otlp", OTLP),
    _sent("/api/v1/write", "Prometheus remote-write 1.0 and 2.0, snappy", "binary", (PROTOBUF,)),
    *_asked("/api/v1/query", "PromQL at one time", _INSTANT, ("query",)),
    *_asked("/api/v1/query_range", "PromQL over a range of time", _RANGE, ("query", "start", "end", "step")),
    *_asked("/api/v1/query_exemplars", "Exemplars; none are kept, the answer is empty", ("query", *_SPAN), ("query",)),
    *_asked("/api/v1/series", "Series that match", ("match[]", *_SPAN, "limit"), ("match[]",)),
    *_asked("/api/v1/labels", "Names of labels", ("match[]", *_SPAN, "limit")),
    *_asked("/api/v1/label/{name}/values", "Values of one label", ("match[]", *_SPAN, "limit")),
    *_asked("/api/v1/format_query", "PromQL, laid out", ("query",), ("query",)),
    *_asked("/federate", "The newest sample of each series that matches, as a text page to be scraped", ("match[]",),
            ("match[]",)),
    *_asked("/api/v1/metadata", "Type, help and unit of metrics", ("metric", "limit")),
    *_asked("/api/v1/targets/metadata", "Metadata by scrape target", ("metric", "limit")),
    *(
        Operation("get", where, "query", says, parameters, tag="State")
        for where, says, parameters in (
            ("/api/v1/rules", "Rule groups with their states",
             ("type", "rule_name[]", "rule_group[]", "file[]", "match[]", "exclude_alerts", "group_limit",
              "group_next_token")),
            ("/api/v1/alerts", "Alerts that rules hold active", ()),
            ("/api/v1/targets", "Scrape targets with their states", ("state",)),
            ("/api/v1/scrape_pools", "Names of scrape jobs", ()),
            ("/api/v1/status/buildinfo", "The level of Prometheus' API that is answered", ()),
            ("/api/v1/status/flags", "Limits of questions", ()),
            ("/api/v1/status/runtimeinfo", "How the process is", ()),
            ("/api/v1/status/config", "Not served: configuration is in the product; always 404", ()),
            ("/api/v1/status/tsdb", "Counts of series and labels", ()),
            ("/api/v1/status/walreplay", "Nothing is replayed at a start: always 0", ()),
            ("/api/v1/alertmanagers", "Where alerts go: to Vigil itself", ()),
        )
    ),
    Operation("get", "/api/v1/generations", "query", "Stored calls, the newest first", (*generations.NAMES, *CALLS),
              tag="Calls"),
    Operation("get", "/api/v1/generations/{generation}", "query", "One call whole, with its marks", tag="Calls"),
    Operation("get", "/api/v1/releases", "query", "Releases", ("model", "canary"), tag="Releases"),
    Operation("post", "/api/v1/releases", "manage", "Open a release", body="PostedRelease", tag="Releases"),
    Operation("post", "/api/v1/deploys", "ingest", "A version was deployed: may open a release", body="PostedDeploy",
              tag="Releases"),
    Operation("get", "/api/v1/releases/{identity}", "query", "One release", tag="Releases"),
    Operation("get", "/api/v1/releases/{identity}/verdict", "query", "May this version go on?", tag="Releases"),
    Operation("get", "/api/v1/releases/{identity}/evidence", "query", "All that the verdict rests on", tag="Releases"),
    Operation("post", "/api/v1/releases/{identity}/flagger", "query", "Webhook for Flagger: 200 = go on",
              body="FlaggerHook", tag="Releases"),
    Operation("post", "/api/v1/releases/{identity}/{kind}", "manage", "Decide: approve, hold, resume, rollback or close",
              body="PostedDecision", tag="Releases"),
    Operation("get", "/api/v2/alerts", "query", "Alerts", ("filter", "active", "silenced", "inhibited", "receiver"),
              tag="Alertmanager v2"),
    Operation("post", "/api/v2/alerts", "ingest", "Alerts of another Prometheus", body="alerts", tag="Alertmanager v2"),
    Operation("get", "/api/v2/alerts/groups", "query", "Alerts as they are grouped",
              ("filter", "active", "silenced", "inhibited", "receiver"), tag="Alertmanager v2"),
    Operation("get", "/api/v2/silences", "query", "Silences", ("filter",), tag="Alertmanager v2"),
    Operation("post", "/api/v2/silences", "manage", "Make or change a silence", body="PostedSilence",
              tag="Alertmanager v2"),
    Operation("get", "/api/v2/silence/{identity}", "query", "One silence", tag="Alertmanager v2"),
    Operation("delete", "/api/v2/silence/{identity}", "manage", "End a silence", tag="Alertmanager v2"),
    Operation("get", "/api/v2/receivers", "query", "Receivers", tag="Alertmanager v2"),
    Operation("get", "/api/v2/status", "query", "How the alerting is", tag="Alertmanager v2"),
)  # fmt: skip
ERROR: Schema = {
    "type": "object", "required": ["status", "errorType", "error"],
    "properties": {"status": {"const": "error"}, "errorType": TEXT, "error": TEXT | {"description": "what happened, where, and what to do"}},
}  # fmt: skip
# OTLP has a form of its own for what it refuses
OTLP_ERROR: Schema = {
    "type": "object", "required": ["code", "message"], "properties": {"code": {"type": "integer"}, "message": TEXT}
}  # fmt: skip
BYTES: Schema = {"type": "string", "format": "binary"}
ANSWERS = {
    "200": "done; what was sent is stored", "201": "made", "409": "is in the way of something that is there",
    "400": "could not be read", "401": "no valid key",
    "403": "the key lacks the scope", "404": "does not exist", "405": "not by this method", "413": "too large",
    "415": "content type not read here", "422": "can't be executed", "429": "too often; see Retry-After",
    "503": "the store can't take it now; see Retry-After",
}  # fmt: skip


def document(version: str) -> Schema:
    """The whole description; ``version`` is the product's."""
    paths: dict[str, Schema] = {}
    for one in OPERATIONS:
        paths.setdefault(one.path, {})[one.method] = _operation(one)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Vigil", "version": version, "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"}},
        "security": [{"bearer": []}, {"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "an API key"},
                "basic": {"type": "http", "scheme": "basic", "description": "an API key as password, any name"},
            },
            "schemas": _schemas(),
        },
    }  # fmt: skip


def _schemas() -> dict[str, Schema]:
    _, made = msgspec.json.schema_components(
        [
            WireGeneration,
            WirePoint,
            WireScore,
            PostedAlert,
            PostedSilence,
            PostedRelease,
            PostedDeploy,
            FlaggerHook,
            PostedDecision,
        ],
        ref_template="#/components/schemas/{name}",
    )
    lists = {
        name: {"type": "object", "required": [name], "properties": {name: _many(record)}}
        for name, record in (
            ("generations", "WireGeneration"),
            ("scores", "WireScore"),
            ("points", "WirePoint"),
        )
    }
    return {**made, **lists, "Error": ERROR, "alerts": _many("PostedAlert"), "otlp": {"type": "object"}}


def _many(record: str) -> Schema:
    return {"type": "array", "items": _ref(record)}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _operation(one: Operation) -> Schema:
    made: Schema = {
        "summary": one.says, "tags": [one.tag], "operationId": f"{one.method}{one.path.replace('/', '_')}",
        "description": f"Needs a key with the scope `{one.scope}`.",
        "responses": {
            status: {"description": says} | ({} if status < "300" else {"content": _refusal(one)})
            for status, says in ANSWERS.items()
        },
    }  # fmt: skip
    places = [part[1:-1] for part in one.path.split("/") if part.startswith("{")]
    in_path = [{"name": name, "in": "path", "required": True, "schema": TEXT} for name in places]
    form = one.body == "form"
    asked = [] if form else [_parameter(name, needed=name in one.required) for name in one.parameters]
    if in_path or asked:
        made["parameters"] = in_path + asked
    if one.body:
        made["requestBody"] = {
            "required": True, "content": {kind: {"schema": _body(one, kind)} for kind in one.kinds}
        }  # fmt: skip
    return made


def _refusal(one: Operation) -> Schema:
    """What says what is wrong, by its kind."""
    if one.body == "otlp":
        return {JSON: {"schema": OTLP_ERROR}, PROTOBUF: {"schema": BYTES}}
    if one.path.startswith("/api/v2/"):
        # Alertmanager answers a bare text; who has no key is told as everywhere
        return {JSON: {"schema": {"anyOf": [TEXT | {"description": "what is wrong"}, _ref("Error")]}}}
    return {JSON: {"schema": _ref("Error")}}


def _parameter(name: str, *, needed: bool) -> Schema:
    return {"name": name, "in": "query", "required": needed, "schema": PARAMETERS[name]}


def _body(one: Operation, kind: str) -> Schema:
    if one.body == "form":
        fields = {name: PARAMETERS[name] for name in one.parameters}
        return {"type": "object", "properties": fields, "required": list(one.required)}
    if kind != JSON:
        return BYTES if kind == PROTOBUF else {"type": "string"}
    return _ref(one.body)


def docs(_request: HttpRequest) -> HttpResponse:
    """``GET /api/docs``: for everybody; it says nothing of any project."""
    return reply(document(version()))


urlpatterns = [path("api/docs", docs)]
