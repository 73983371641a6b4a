import datetime as dt
from typing import Any

import pytest
from django.test import Client

from monitor.alerting.models import Contact
from monitor.core import clock
from monitor.core.labels import Labels
from monitor.ingest import pipeline
from monitor.ingest.envelope import Batch, Generation
from monitor.rules.models import Origin, Rule, RuleEdit, RuleGroup
from monitor.store.samples import append
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_world import Look

EXPR = "p99 > 0.5"
PATH = "/p/shop/rules/"


@pytest.fixture
def rule(cast: Cast, client: Client) -> Rule:
    """A rule over half a day of samples: slow for two hours, three hours ago."""
    now = clock.now()
    slow = range(18 * 15, 20 * 15)
    points = [
        (
            Labels({"__name__": "p99", "version": "v2"}),
            clock.to_ms(now - dt.timedelta(minutes=4 * (360 - n))),
            0.8 if n in slow else 0.2,
        )
        for n in range(360)
    ]
    append.samples(cast.project.id, points, now=now)
    client.force_login(cast.ada)
    Contact.objects.create(
        project=cast.project, name="ops", kind="webhook", settings={"url": "http://127.0.0.1:9/x"}
    )
    group = RuleGroup.objects.create(project=cast.project, name="latency", interval_ms=300_000)
    return Rule.objects.create(
        group=group,
        name="Slow",
        expr=EXPR,
        for_ms=600_000,
        annotations={"summary": "{{ $labels.version }} slow"},
    )


def typed(**changes: str) -> dict[str, str]:
    return {
        "do": "save", "name": "Slow", "group": "latency", "kind": "alert", "expr": EXPR, "for_ms": "5m",
        "keep_firing_for_ms": "", "labels": "severity: critical", "annotations": "", **changes,
    }  # fmt: skip


def test_the_page_shows_groups_with_their_state_and_errors(look: Look, rule: Rule) -> None:
    RuleGroup.objects.update(missed=3)
    Rule.objects.update(health="err", last_error="line 1, column 5: unexpected")
    page = look("rules").content.decode()
    assert all(
        text in page for text in ("latency", "not asked yet", "column 5", "3 evaluations missed", "unknown")
    )


def test_a_rule_shows_what_it_would_have_done(client: Client, rule: Rule) -> None:
    context = client.get(f"{PATH}{rule.pk}/", {"days": "1"}).context
    tried = context["tried"]
    assert (tried.story.firings, len(tried.messages), context["contacts"][0][0]) == (1, 2, "ops")
    assert context["texts"] == [("v2", "v2 slow")]


def test_other_limits_and_holds_are_tried(client: Client, rule: Rule) -> None:
    tried = client.get(f"{PATH}{rule.pk}/", {"days": "1"}).context["tried"]
    assert {one.firings for one in tried.limits if one.limit > 0.79} == {0}
    assert [one.firings for one in tried.holds] == [1] * len(tried.holds)
    assert tried.holds[0].hours > tried.holds[-1].hours


def test_a_trial_goes_by_the_group_it_stands_in(client: Client, rule: Rule) -> None:
    RuleGroup.objects.update(
        labels={"team": "ml"}, limit=5, query_offset_ms=3_600_000, interval_ms=120_000,
        due_at=clock.now().replace(second=7, microsecond=0),
    )  # fmt: skip
    without = client.post(f"{PATH}new/", typed(do="replay", group="another"), follow=True).context["tried"]
    tried = client.post(f"{PATH}new/", typed(do="replay"), follow=True).context["tried"]
    (fired,) = [event for event in tried.story.events if event.to == "firing"]
    assert fired.alert.labels["team"] == "ml"
    assert (tried.interval, fired.at.second) == (dt.timedelta(minutes=2), 7)
    (before,) = [event for event in without.story.events if event.to == "firing"]
    assert dt.timedelta(minutes=50) < fired.at - before.at < dt.timedelta(minutes=70)
    Rule.objects.filter(pk=rule.pk).update(expr="p99 > 0.5 or label_replace(p99 > 0.5, 'x', 'y', '', '')")
    RuleGroup.objects.update(limit=1)
    assert (
        "exceeded limit of 1" in client.get(f"{PATH}{rule.pk}/", {"days": "1"}).context["tried"].story.error
    )


HOSTILE = {
    "NUL": "a\0b", "escaped NUL": 'summary: "a\\0b"', "half a pair": 'a: "a\\ud800b"', "long": "x" * 5000,
    "digits": "9" * 5000, "alias": "a: &a [*a]",
}  # fmt: skip
FIELDS = ("name", "group", "kind", "expr", "for_ms", "keep_firing_for_ms", "labels", "annotations")


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_that_is_typed_ends_in_a_failure(client: Client, rule: Rule, value: str) -> None:
    client.raise_request_exception = False
    found = {}
    for field in (*FIELDS, "days", "zone"):
        posted = client.post(f"{PATH}new/", typed(**{"days": "1", field: value}))
        found["save", field] = posted.status_code
    shown = client.get(f"{PATH}new/", {**typed(**dict.fromkeys(FIELDS, value)), "expr": EXPR, "days": "1"})
    found["get", ""] = shown.status_code
    for field in ("measure", "model", "version", "window", "op", "limit", "against", "stable", "least"):
        posted = client.post(PATH, {"do": "build", "measure": "errors", "against": "version", field: value})
        found["build", field] = posted.status_code
    found["import", "text"] = client.post(PATH, {"do": "import", "text": value}).status_code
    found["import", "partly"] = client.post(PATH, {"do": "import", "text": value, "partly": "1"}).status_code
    assert {place: status for place, status in found.items() if status >= 500} == {}


def test_a_rule_is_tried_before_it_is_saved(client: Client, rule: Rule) -> None:
    answer = client.post(f"{PATH}new/", typed(do="replay", expr="p99 > 0.1"), follow=True)
    assert answer.context["tried"].story.firings == 1
    assert Rule.objects.count() == 1


def test_saving_keeps_who_changed_what(client: Client, rule: Rule) -> None:
    answer = client.post(f"{PATH}{rule.pk}/", typed(expr="p99 > 0.7"))
    assert answer.status_code == 302
    edit = RuleEdit.objects.get()
    assert (edit.by, edit.before["expr"], edit.after["expr"]) == ("ada", EXPR, "p99 > 0.7")
    assert "p99 &gt; 0.7" in client.get(PATH).content.decode()


def test_a_new_rule_may_begin_a_new_group(client: Client, rule: Rule) -> None:
    client.post(f"{PATH}new/", typed(name="Other", group="fresh"))
    assert Rule.objects.get(name="Other").group.name == "fresh"


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"expr": "sum("}, "line 1, column"),
        ({"for_ms": "<b>soon"}, "&lt;b&gt;soon"),
        ({"annotations": "summary: {{ $value }}"}, "quotes"),
        ({"group": ""}, "group"),
    ],
)
def test_a_mistake_is_said_and_nothing_is_saved(
    client: Client, rule: Rule, changes: dict[str, str], complaint: str
) -> None:
    page = client.post(f"{PATH}new/", typed(name="Other", **changes)).content.decode()
    assert complaint in page
    assert Rule.objects.count() == 1


def test_a_mistake_in_the_expression_is_marked_at_its_place(client: Client, rule: Rule) -> None:
    context = client.get(f"{PATH}new/", {"expr": "sum(p99) > oops oops"}).context
    assert context["after"].startswith("oops")


def test_a_rule_is_built_without_promql(client: Client, rule: Rule) -> None:
    answer = client.post(
        PATH, {"do": "build", "measure": "p95", "window": "15m", "against": "week", "least": "0"}
    )
    assert "offset+1w" in answer["location"]
    assert client.get(answer["location"]).status_code == 200


def test_a_rule_for_few_calls_does_not_ask_for_many(client: Client, rule: Rule, cast: Cast) -> None:
    now = clock.now()
    calls = [Generation(model="qwen", started_ms=clock.to_ms(now) - 1_000 * step) for step in range(12)]
    pipeline.take(cast.project.id, Batch(generations=calls), now=now)
    page = client.get(PATH)
    assert dict(page.context["busiest"])["15m"] == 12
    built = client.post(PATH, {"do": "build", "measure": "errors", "window": "15m", "against": "value"})
    assert "%3E%3D+6&" in built["location"]


@pytest.mark.parametrize("changes", [{"limit": "much"}, {"against": "version"}])
def test_a_wish_that_makes_no_rule_is_said(client: Client, rule: Rule, changes: dict[str, str]) -> None:
    answer = client.post(
        PATH, {"do": "build", "measure": "p95", "window": "15m", "against": "value", **changes}
    )
    assert answer.context["unbuilt"]


def test_a_rule_file_is_taken_with_a_report_of_what_is_left_out(client: Client, rule: Rule) -> None:
    text = "groups: [{name: g, source_tenants: [a], rules: [{alert: A, expr: up == 0}, {alert: B, expr: nosuch(up)}]}]"
    taken = client.post(PATH, {"do": "import", "text": text, "partly": "1"}).context["taken"]
    assert (taken.groups, taken.rules, len(taken.lost)) == (1, 1, 2)
    assert client.post(PATH, {"do": "import", "text": text}).context["refused"]


def test_all_rules_can_be_downloaded(client: Client, rule: Rule) -> None:
    answer = client.get(f"{PATH}export/")
    assert "alert: Slow" in answer.content.decode()
    assert "shop-rules.yml" in answer["content-disposition"]


def test_rules_are_switched_copied_and_deleted(client: Client, rule: Rule) -> None:
    for do in ("off", "clone"):
        client.post(f"{PATH}{rule.pk}/", {"do": do})
    assert list(Rule.objects.order_by("pk").values_list("name", "enabled")) == [
        ("Slow", False),
        ("SlowCopy", False),
    ]
    client.post(f"{PATH}{rule.pk}/", {"do": "delete"})
    assert [edit.name for edit in RuleEdit.objects.filter(after={})] == ["Slow"]


def test_a_test_message_goes_to_whom_the_rule_would_tell(client: Client, rule: Rule) -> None:
    page = client.post(f"{PATH}{rule.pk}/", {"do": "test"}, follow=True).content.decode()
    assert "on its way to ops" in page


def test_rules_of_a_file_are_read_only(client: Client, rule: Rule) -> None:
    RuleGroup.objects.update(origin=Origin.FILE, source="/etc/rules.yml")
    for form in (typed(expr="p99 > 9"), {"do": "off"}, {"do": "delete"}):
        client.post(f"{PATH}{rule.pk}/", form)
    assert Rule.objects.get().expr == EXPR


@pytest.mark.parametrize("do", ["save", "import", "clone", "off", "delete", "test"])
def test_a_viewer_may_look_and_try_but_change_nothing(
    cast: Cast, client: Client, rule: Rule, do: str
) -> None:
    client.force_login(cast.ben)
    assert client.get(f"{PATH}{rule.pk}/").status_code == 200
    assert client.post(f"{PATH}{rule.pk}/", typed(do=do, text="groups: []")).status_code == 403


def test_a_rule_of_another_project_is_not_there(cast: Cast, client: Client, rule: Rule) -> None:
    client.force_login(cast.cy)
    answer: Any = client.get(f"/p/other/rules/{rule.pk}/")
    assert answer.status_code == 404
