import datetime as dt

import pytest

from dashboards.pages import alerts
from monitor.rules.models import AlertChange, Rule, RuleAlert, RuleGroup
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look

LABELS = {"alertname": "Slow", "severity": "critical", "model": "qwen", "version": "v2"}


@pytest.fixture
def fired(cast: Cast, now: dt.datetime) -> RuleAlert:
    """A rule that has fired for ten minutes, after five minutes of pending."""
    group = RuleGroup.objects.create(project=cast.project, name="speed")
    expr = "histogram_quantile(0.99, sum by (model, version) (rate(llm_request_duration_seconds[5m]))) > 2"
    rule = Rule.objects.create(group=group, name="Slow", expr=expr, labels={"severity": "critical"})
    since = {"pending": now - dt.timedelta(minutes=15), "firing": now - dt.timedelta(minutes=10)}
    for state, at in since.items():
        AlertChange.objects.create(
            project=cast.project, rule=rule, fingerprint=7, labels=LABELS, to=state, at=at, value=3.5
        )
    return RuleAlert.objects.create(
        project=cast.project, rule=rule, fingerprint=7, labels=LABELS, value=3.5, state="firing",
        annotations={"summary": "v2 is slow"}, active_at=since["pending"], fired_at=since["firing"],
    )  # fmt: skip


def test_what_fires_stands_on_the_overview_and_makes_its_version_bad(
    look: Look, world: object, fired: RuleAlert
) -> None:
    answer = look("overview")
    assert "v2 is slow" in answer.content.decode()
    assert next(row.state for row in answer.context["rows"] if row.version == "v2") == "bad"


def test_history_becomes_stretches_that_meet(look: Look, fired: RuleAlert) -> None:
    pending, firing = look("alerts").context["timeline"].figure["data"]
    assert pending["base"][0] + pending["x"][0] == firing["base"][0]


def test_an_alert_opens_with_its_series_and_the_limit(look: Look, world: object, fired: RuleAlert) -> None:
    chart = look("alerts/0000000000000007").context["chart"]
    assert [trace["name"] for trace in chart.figure["data"]] == ['{model="qwen", version="v2"}']
    assert chart.figure["layout"]["shapes"][0]["y0"] == 2.0


def test_an_alert_leads_to_its_calls(look: Look, fired: RuleAlert) -> None:
    link = look("alerts/0000000000000007").context["calls"]
    assert "model=qwen" in link
    assert "version=v2" in link


def test_an_alert_that_never_was_is_not_found(look: Look) -> None:
    assert look("alerts/abc").status_code == 404


def test_without_rules_the_page_says_that_nothing_can_fire(look: Look) -> None:
    assert "no alert rules yet" in look("alerts").content.decode()


@pytest.mark.parametrize("expr, left, limit", [
    ("a / b > 0.01", "a / b", "0.01"), ("x < 1e-3", "x", "1e-3"), ("(a > 0.5)", None, None), ("up == 0", "up", "0"),
])  # fmt: skip
def test_a_trailing_comparison_is_told_from_the_rest(expr: str, left: str | None, limit: str | None) -> None:
    match = alerts.LIMIT.match(expr)
    assert (match["left"], match["limit"]) == (left, limit) if left and match else left is None
