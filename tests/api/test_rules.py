import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.test import Client

from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.labels import Labels
from monitor.promql.errors import DeadlineError
from monitor.rules import evaluate
from monitor.rules.facts import Answer
from monitor.rules.models import Rule, RuleGroup
from tests.fixtures.fix_cast import NOON, Cast

Get = Callable[..., Any]


def answer(_: int, exprs: Sequence[str], __: dt.datetime) -> list[Answer]:
    """One broken question, and one value for the others."""
    broken = Answer(error=DeadlineError("query timed out"))
    return [broken if expr == "slow" else Answer([(Labels({"version": "v2"}), 0.75)]) for expr in exprs]


def nothing(_: int, __: Sequence[object]) -> None:
    """Neither series nor notices are looked at here."""


@pytest.fixture
def get(client: Client, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Get:
    monkeypatch.setattr(clock, "now", lambda: NOON)
    group = RuleGroup.objects.create(project=cast.project, name="latency", interval_ms=30_000)
    Rule.objects.create(
        group=group, name="Slow", expr="llm_p99 > 0.5", for_ms=300_000,
        labels={"severity": "critical"}, annotations={"summary": "at {{ $value }}"},
    )  # fmt: skip
    Rule.objects.create(group=group, name="job:p99", expr="llm_p99", kind="record", position=1)
    Rule.objects.create(group=group, name="Broken", expr="slow", position=2)
    told: Callable[[int, Sequence[Notice]], None] = nothing
    evaluate.run_due(evaluate.World(answer, nothing, told), now=NOON)

    def ask(path: str, key: str = cast.query_key, **parameters: Any) -> Any:
        return client.get(f"/api/v1/{path}", parameters, headers={"authorization": f"Bearer {key}"})

    return ask


def test_rules_are_told_as_prometheus_tells_them(get: Get) -> None:
    (group,) = get("rules").json()["data"]["groups"]
    first, second, third = group["rules"]
    assert (group["name"], group["interval"], group["lastEvaluation"]) == (
        "latency",
        30,
        "2026-11-18T12:00:00Z",
    )
    assert {name: first[name] for name in ("state", "name", "query", "duration", "health", "type")} == {
        "state": "pending", "name": "Slow", "query": "llm_p99 > 0.5", "duration": 300, "health": "ok", "type": "alerting",
    }  # fmt: skip
    assert (second["type"], "state" in second) == ("recording", False)
    assert (third["health"], third["state"], third["lastError"]) == ("err", "unknown", "query timed out")


def test_an_alert_has_labels_texts_and_its_value(get: Get) -> None:
    assert get("alerts").json()["data"]["alerts"] == [
        {
            "labels": {"alertname": "Slow", "severity": "critical", "version": "v2"},
            "annotations": {"summary": "at 0.75"},
            "state": "pending",
            "activeAt": "2026-11-18T12:00:00Z",
            "value": "7.5e-01",
        }
    ]


@pytest.mark.parametrize(
    "parameters, names",
    [
        ({"type": "record"}, ["job:p99"]),
        ({"type": "alert"}, ["Slow", "Broken"]),
        ({"rule_name[]": "Slow"}, ["Slow"]),
        ({"rule_group[]": "nosuch"}, []),
        ({"match[]": '{severity="critical"}'}, ["Slow"]),
    ],
)
def test_the_answer_can_be_narrowed(get: Get, parameters: dict[str, str], names: list[str]) -> None:
    groups = get("rules", **parameters).json()["data"]["groups"]
    assert [rule["name"] for group in groups for rule in group["rules"]] == names


def test_groups_come_in_pages(get: Get, cast: Cast) -> None:
    for name in ("memory", "zeal"):
        other = RuleGroup.objects.create(project=cast.project, name=name, interval_ms=30_000)
        Rule.objects.create(group=other, name=name, expr="1", kind="record")
    whole = [group["name"] for group in get("rules").json()["data"]["groups"]]
    seen: list[str] = []
    token: dict[str, str] = {}
    for _ in whole:
        data = get("rules", group_limit="1", **token).json()["data"]
        seen += [group["name"] for group in data["groups"]]
        token = {"group_next_token": data["groupNextToken"]} if "groupNextToken" in data else {}
    assert (seen, token) == (whole, {})


@pytest.mark.parametrize(
    "parameters",
    [{"group_limit": "0"}, {"group_next_token": "x"}, {"group_limit": "1", "group_next_token": "x"}],
)
def test_a_page_that_is_not_there_is_refused(get: Get, parameters: dict[str, str]) -> None:
    assert get("rules", **parameters).status_code == 400


def test_another_project_sees_none_of_it(get: Get, cast: Cast) -> None:
    assert get("rules", cast.other_key).json()["data"]["groups"] == []
    assert get("alerts", cast.other_key).json()["data"]["alerts"] == []


@pytest.mark.parametrize("parameters", [{"type": "both"}, {"match[]": "{"}, {"exclude_alerts": "x"}])
def test_what_makes_no_sense_is_refused(get: Get, parameters: dict[str, str]) -> None:
    assert get("rules", **parameters).status_code == 400


def test_without_a_key_there_is_no_answer(get: Get) -> None:
    assert get("rules", "vgl_wrong").status_code == 401


def test_rules_that_nobody_evaluates_any_more_are_unknown(get: Get, monkeypatch: pytest.MonkeyPatch) -> None:
    for minutes, states in ((4, ["pending", "unknown"]), (6, ["unknown", "unknown"])):
        monkeypatch.setattr(clock, "now", lambda: NOON + dt.timedelta(minutes=minutes))  # noqa: B023 — asked at once
        (group,) = get("rules").json()["data"]["groups"]
        assert [one["state"] for one in group["rules"] if "state" in one] == states
