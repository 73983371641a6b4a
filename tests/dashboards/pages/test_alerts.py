import datetime as dt

import pytest
from django.test import Client

from monitor.alerting import read, receive
from monitor.alerting.models import Inhibition, Silence
from monitor.changes.models import ChangeSearch
from monitor.core import clock
from monitor.core.alerts import Notice
from monitor.core.labels import Labels
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


@pytest.fixture
def noon(now: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> dt.datetime:
    """The page asks the clock what fires now."""
    monkeypatch.setattr(clock, "now", lambda: now)
    return now


def outside(cast: Cast, now: dt.datetime, **labels: str) -> None:
    notice = Notice(
        Labels(labels), now, now + dt.timedelta(hours=1), {"summary": "disk is full"}, source="outside"
    )
    receive.take_outside(cast.project.id, [notice], now=now)


def test_alerts_of_other_senders_are_shown(look: Look, cast: Cast, noon: dt.datetime) -> None:
    outside(cast, noon, alertname="Disk", severity="critical")
    (row,) = look("alerts").context["alarms"]
    assert (row.alarm.name, row.outside) == ("Disk", True)


def test_what_is_silenced_or_inhibited_is_shown_apart(look: Look, cast: Cast, noon: dt.datetime) -> None:
    for name in ("Down", "Slow", "Disk"):
        outside(cast, noon, alertname=name)
    Inhibition.objects.create(
        project=cast.project, source_matchers='alertname="Down"', target_matchers='alertname="Slow"'
    )
    read.silence(
        cast.project.id, 'alertname="Disk"', read.SilenceWish(dt.timedelta(hours=1), "ada", ""), now=noon
    )
    context = look("alerts").context
    assert [row.alarm.name for row in context["alarms"]] == ["Down"]
    assert {row.alarm.name: row.reasons for row in context["quiet"]} == {
        "Disk": ("silenced",), "Slow": ("inhibited by another alert",),
    }  # fmt: skip


def test_a_silence_shows_beforehand_what_it_catches(look: Look, cast: Cast, noon: dt.datetime) -> None:
    for name in ("Down", "Slow"):
        outside(cast, noon, alertname=name)
    context = look("alerts/silence", matchers='alertname=~"Sl.*"').context
    assert [one.labels["alertname"] for one in context["caught"]] == ["Slow"]


def test_matchers_that_can_not_be_read_are_shown_with_the_complaint(look: Look) -> None:
    assert "not a matcher" in look("alerts/silence", matchers="severity").context["problem"]


def test_a_silence_is_made_and_ended_on_the_page(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    client.post(
        "/p/shop/alerts/silence/", {"do": "silence", "matchers": 'a="b"', "hours": "2", "comment": "work"}
    )
    row = Silence.objects.get()
    assert (row.author, row.comment, row.matchers) == ("ada", "work", 'a="b"')
    client.post("/p/shop/alerts/", {"do": "end-silence", "id": str(row.pk)})
    row.refresh_from_db()
    assert row.ends_at <= clock.now()


@pytest.mark.parametrize("matchers, hours", [('a=""', "2"), ("", "2"), ('a="b"', "9999")])
def test_a_silence_that_makes_no_sense_is_not_made(
    client: Client, cast: Cast, matchers: str, hours: str
) -> None:
    client.force_login(cast.ada)
    answer = client.post("/p/shop/alerts/silence/", {"do": "silence", "matchers": matchers, "hours": hours})
    assert answer.context["problem"]
    assert not Silence.objects.exists()


@pytest.mark.parametrize("path, form", [
    ("silence/", {"do": "silence", "matchers": 'a="b"', "hours": "2"}), ("routing/", {"do": "import", "text": "route: {}"}),
    ("", {"do": "end-silence", "id": "x"}),
])  # fmt: skip
def test_who_may_only_look_changes_nothing(
    client: Client, cast: Cast, path: str, form: dict[str, str]
) -> None:
    client.force_login(cast.ben)
    assert client.post(f"/p/shop/alerts/{path}", form).status_code == 403


def test_a_file_is_brought_on_the_page_with_what_it_loses(client: Client, cast: Cast) -> None:
    client.force_login(cast.ada)
    text = "route: {receiver: a}\nreceivers: [{name: a, slack_configs: [{api_url: 'https://h/x', title: t}]}]"
    context = client.post("/p/shop/alerts/routing/", {"do": "import", "text": text}).context
    assert context["taken"].losses == ("receivers[0].slack_configs[0].title: Vigil writes its own texts",)
    assert [(depth, one.name) for depth, one in context["routes"]] == [(0, "a")]
    refused = client.post("/p/shop/alerts/routing/", {"do": "import", "text": "route: {}"}).context
    assert refused["refused"].startswith("route:")


def test_an_alert_from_outside_opens_with_its_sender(look: Look, cast: Cast, noon: dt.datetime) -> None:
    outside(cast, noon, alertname="DiskFull", severity="warning")
    (one,) = read.alerts(cast.project.id, now=noon)
    page = look(f"alerts/{one.fingerprint}")
    assert (page.status_code, page.context["alarm"].summary) == (200, "disk is full")
    assert "Sent from outside" in page.content.decode()


def test_an_alert_from_outside_that_is_over_opens_too(
    look: Look, cast: Cast, noon: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside(cast, noon, alertname="DiskFull", severity="warning")
    (one,) = read.alerts(cast.project.id, now=noon)
    monkeypatch.setattr(clock, "now", lambda: noon + dt.timedelta(hours=2))
    assert look(f"alerts/{one.fingerprint}").context["alarm"] is None


BODY = {
    "verdict": "found", "kind": "size", "measure": "llm_request_duration_seconds", "since": "2026-11-18T11:50:00+00:00",
    "until": "2026-11-18T12:00:00+00:00", "calls": 900, "baseline": 7000, "tried": 400,
    "slices": [{"parts": [["version", "v2"], ["route", "/a"]], "share": 0.87, "z": 12.0, "mixed": False, "calls": 55,
                "before": 0.8, "now": 2.4, "examples": []}],
    "deployments": [{"model": "qwen", "version": "v2", "first_at": "2026-11-18T11:48:00+00:00"}],
}  # fmt: skip


def searched(cast: Cast, now: dt.datetime, **changes: object) -> None:
    values = {"state": "done", "body": BODY, "took": 0.4, **changes}
    ChangeSearch.objects.create(
        project=cast.project, fingerprint=7, labels=LABELS, expr="x", starts_at=now, active_at=now, asked_at=now, **values
    )  # fmt: skip


@pytest.mark.usefixtures("fired")
def test_an_alert_opens_with_the_slice_that_changed(look: Look, cast: Cast, now: dt.datetime) -> None:
    searched(cast, now)
    page = look("alerts/0000000000000007")
    (line,) = page.context["changed"].lines
    assert (line.share, line.before, line.now, line.calls) == ("87%", "800\xa0ms", "2.4\xa0s", 55)
    assert "route=%2Fa" in line.link
    assert "First calls of a version nearby" in page.content.decode()


@pytest.mark.usefixtures("fired")
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "waiting", "body": {}}, "being looked through"),
        ({"state": "failed", "body": {}, "error": "no disk"}, "no disk"),
        ({"body": {**BODY, "verdict": "few", "slices": []}}, "too few calls"),
        ({"body": {**BODY, "verdict": "nothing", "slices": []}}, "Nothing stands out"),
    ],
)
def test_what_is_not_known_is_said(
    look: Look, cast: Cast, now: dt.datetime, changes: dict[str, object], said: str
) -> None:
    searched(cast, now, **changes)
    assert said in look("alerts/0000000000000007").content.decode()
