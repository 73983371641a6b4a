"""``GET /api/v1/rules`` and ``/api/v1/alerts``: rules with their state, in Prometheus' shape."""

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import HttpResponse, QueryDict
from django.urls import path

from monitor.api.auth import ApiRequest, needs
from monitor.api.errors import refuse, reply
from monitor.api.methods import takes
from monitor.api.packing import packed
from monitor.core import clock, durations
from monitor.core.labels import Matcher
from monitor.promql.errors import QueryError
from monitor.promql.parse import selector
from monitor.rules import read
from monitor.rules.go_format import scientific
from monitor.rules.read import AlertRow, GroupRow, RuleRow

NEVER = "0001-01-01T00:00:00Z"
MEANT = {"1": True, "t": True, "true": True, "0": False, "f": False, "false": False, "": False}
KINDS = frozenset({"alert", "record"})


@takes("GET")
@needs("query")
def rules(request: ApiRequest) -> HttpResponse:
    """All groups; ``type``, ``rule_name[]``, ``rule_group[]``, ``file[]``, ``match[]`` narrow the answer, and
    ``group_limit`` with ``group_next_token`` parts it into pages.
    """
    kind = request.GET.get("type", "").lower()
    if kind not in {"", *KINDS}:
        return refuse(400, f'not supported value "{kind}": type is alert or record')
    try:
        matchers = [selector(text) for text in request.GET.getlist("match[]")]
    except QueryError as error:
        return refuse(400, f'invalid parameter "match[]": {error.message}')
    without = MEANT.get(request.GET.get("exclude_alerts", "").lower())
    if without is None:
        return refuse(400, 'invalid parameter "exclude_alerts": true or false')
    alerts: dict[int, list[AlertRow]] = {}
    if not without:
        for alert in read.alerts(request.project_id):
            alerts.setdefault(alert.rule_id or 0, []).append(alert)
    found = []
    for group in read.groups(request.project_id, now=clock.now()):
        chosen = [rule for rule in group.rules if _wanted(rule, group, kind, request.GET, matchers)]
        if chosen:
            found.append((group, chosen))
    try:
        page, following = _page(found, request.GET)
    except BadPageError as error:
        return refuse(400, str(error))
    data: dict[str, Any] = {"groups": [_group(group, chosen, alerts) for group, chosen in page]}
    return reply({"status": "success", "data": data | ({"groupNextToken": following} if following else {})})


class BadPageError(ValueError):
    """``group_limit`` or ``group_next_token`` name no page."""


Chosen = Sequence[tuple[GroupRow, list[RuleRow]]]


def _page(found: Chosen, asked: QueryDict) -> tuple[Chosen, str]:
    """The groups of this page, and the token of the next one; empty where this is the last."""
    limit, token = asked.get("group_limit", ""), asked.get("group_next_token", "")
    if not limit:
        if token:
            message = 'invalid parameter "group_limit": pages by group_next_token need it'
            raise BadPageError(message)
        return found, ""
    if not (limit.isascii() and limit.isdecimal() and int(limit) > 0):
        message = f'invalid parameter "group_limit": {limit!r} is not a whole number of at least 1'
        raise BadPageError(message)
    tokens = [_token(group) for group, _ in found]
    if token and token not in tokens:
        message = f'invalid parameter "group_next_token": {token!r} is no group here; were rules changed?'
        raise BadPageError(message)
    first = tokens.index(token) if token else 0
    last = first + int(limit)
    return found[first:last], tokens[last] if last < len(tokens) else ""


def _token(group: GroupRow) -> str:
    told = f"{group.source or group.origin};{group.name}"
    return hashlib.sha1(told.encode(), usedforsecurity=False).hexdigest()


@takes("GET")
@needs("query")
def alerts(request: ApiRequest) -> HttpResponse:
    """What is pending or firing."""
    found = [_alert(alert) for alert in read.alerts(request.project_id)]
    return reply({"status": "success", "data": {"alerts": found}})


def _wanted(
    rule: RuleRow, group: GroupRow, kind: str, asked: QueryDict, matchers: Sequence[Iterable[Matcher]]
) -> bool:
    names, groups, files = (asked.getlist(name) for name in ("rule_name[]", "rule_group[]", "file[]"))
    return (
        rule.enabled
        and kind in {"", rule.kind}
        and (not names or rule.name in names)
        and (not groups or group.name in groups)
        and (not files or (group.source or group.origin) in files)
        and (not matchers or any(_has(rule.labels, one) for one in matchers))
    )


def _has(labels: Mapping[str, str], matchers: Iterable[Matcher]) -> bool:
    return all(matcher.matches(labels.get(matcher.label, "")) for matcher in matchers)


def _group(
    group: GroupRow, chosen: Iterable[RuleRow], alerts: Mapping[int, list[AlertRow]]
) -> dict[str, Any]:
    return {
        "name": group.name,
        "file": group.source or group.origin,
        "rules": [_rule(rule, alerts.get(rule.id, ())) for rule in chosen],
        "interval": group.interval_seconds,
        "limit": group.limit,
        "evaluationTime": group.last_duration or 0.0,
        "lastEvaluation": _moment(group.evaluated_at),
    }


def _rule(rule: RuleRow, alerts: Iterable[AlertRow]) -> dict[str, Any]:
    common = {
        "name": rule.name,
        "query": rule.expr,
        "labels": dict(rule.labels),
        "health": rule.health,
        "evaluationTime": rule.last_duration or 0.0,
        "lastEvaluation": _moment(rule.evaluated_at),
        **({"lastError": rule.last_error} if rule.last_error else {}),
    }
    if rule.kind == "record":
        return {**common, "type": "recording"}
    return {
        "state": rule.state,
        **common,
        "duration": durations.parse(rule.hold) / 1000,
        "keepFiringFor": durations.parse(rule.keep_firing_for) / 1000,
        "annotations": dict(rule.annotations),
        "alerts": [_alert(alert) for alert in alerts],
        "type": "alerting",
    }


def _alert(alert: AlertRow) -> dict[str, Any]:
    return {
        "labels": dict(alert.labels),
        "annotations": dict(alert.annotations),
        "state": alert.state,
        "activeAt": _moment(alert.active_at),
        "value": scientific(alert.value),
    }


def _moment(moment: dt.datetime | None) -> str:
    return NEVER if moment is None else moment.isoformat().replace("+00:00", "Z")


urlpatterns = [path("api/v1/rules", packed(rules)), path("api/v1/alerts", packed(alerts))]
