from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils.html import escape

from monitor.rules.models import Origin, Rule, RuleEdit, RuleGroup
from monitor.store.models import Membership, Role
from tests.fixtures.fix_cast import NOON, Cast

ADD = "/admin/monitor/rule/add/"
IMPORT = "/admin/monitor/rulegroup/import/"


@pytest.fixture
def group(cast: Cast, client: Client) -> RuleGroup:
    client.force_login(cast.ada)
    return RuleGroup.objects.create(project=cast.project, name="latency")


def typed(group: RuleGroup, **changes: Any) -> dict[str, Any]:
    return {
        "group": group.pk, "kind": "alert", "name": "Slow", "expr": "llm_p99 > 0.5", "for_ms": "5m",
        "keep_firing_for_ms": "", "labels": "severity: critical", "enabled": "on", "position": "0",
        "annotations": "summary: 'p99 is {{ $value }}'\n", **changes,
    }  # fmt: skip


def test_a_rule_is_stored_as_it_was_typed(client: Client, group: RuleGroup) -> None:
    assert client.post(ADD, typed(group)).status_code == 302
    rule = Rule.objects.get()
    assert (rule.for_ms, rule.labels, rule.annotations) == (
        300_000, {"severity": "critical"}, {"summary": "p99 is {{ $value }}"},
    )  # fmt: skip


def test_an_expression_that_does_not_parse_shows_the_place(client: Client, group: RuleGroup) -> None:
    page = client.post(ADD, typed(group, expr="sum(rate(x[5m]))\n  > 0.5 oops")).content.decode()
    assert "line 2, column 9: parse error: unexpected" in page
    assert escape("  > 0.5 oops\n        ^") in page
    assert not Rule.objects.exists()


@pytest.mark.parametrize(
    "changes, complaint",
    [
        ({"expr": "llm_p99[5m]"}, "needs an instant vector"),
        ({"for_ms": "soon"}, "not a duration"),
        ({"labels": "just text"}, "is not a mapping"),
        ({"labels": "bad-name: x"}, "is no label name"),
        ({"labels": "alertname: x"}, "is set by the rule itself"),
        ({"annotations": "summary: '{{ $valu }}'"}, "undefined variable $valu"),
        ({"annotations": "summary: '{{ humanise 1 }}'"}, "is not defined"),
        ({"annotations": "summary: {{ $value }} is high"}, "needs quotes"),
        ({"annotations": "summary: {{ $value }}"}, "needs quotes"),
        ({"kind": "record", "name": "not a metric"}, "is no metric name"),
    ],
)
def test_a_mistake_is_shown_beside_its_field(
    client: Client, group: RuleGroup, changes: dict[str, str], complaint: str
) -> None:
    page = client.post(ADD, typed(group, **changes)).content.decode()
    assert escape(complaint) in page
    assert not Rule.objects.exists()


def test_a_stored_rule_is_shown_as_people_write_it(client: Client, group: RuleGroup) -> None:
    client.post(ADD, typed(group))
    page = client.get(f"/admin/monitor/rule/{Rule.objects.get().pk}/change/").content.decode()
    assert 'value="5m"' in page
    assert "severity: critical" in page


def test_the_list_shows_state_and_error(client: Client, group: RuleGroup) -> None:
    Rule.objects.create(
        group=group, name="Slow", expr="x", state="unknown", health="err", last_error="too slow"
    )
    page = client.get("/admin/monitor/rule/").content.decode()
    assert all(word in page for word in ("unknown", "err", "too slow"))


def test_a_group_can_be_stored_and_opened(client: Client, cast: Cast, group: RuleGroup) -> None:
    Rule.objects.create(group=group, name="Slow", expr="x")
    inline = {"rules-TOTAL_FORMS": 0, "rules-INITIAL_FORMS": 0}
    page = {"project": cast.project.pk, "name": "new", "interval_ms": "15s", "limit": 0, "enabled": "on"}
    client.post("/admin/monitor/rulegroup/add/", {**page, **inline})
    assert RuleGroup.objects.get(name="new").interval_ms == 15_000
    assert client.get(f"/admin/monitor/rulegroup/{group.pk}/change/").status_code == 200


def test_groups_are_downloaded_as_a_rule_file(client: Client, group: RuleGroup) -> None:
    Rule.objects.create(group=group, name="Slow", expr="x > 1", for_ms=60_000)
    answer = client.post("/admin/monitor/rulegroup/", {"action": "download", "_selected_action": [group.pk]})
    assert answer.content.decode() == (
        "groups:\n- name: latency\n  interval: 1m\n  rules:\n  - alert: Slow\n    expr: x > 1\n    for: 1m\n"
    )


def test_rules_out_of_a_file_are_read_only(client: Client, group: RuleGroup) -> None:
    RuleGroup.objects.update(origin=Origin.FILE)
    rule = Rule.objects.create(group=group, name="Slow", expr="x > 1")
    answer = client.post(f"/admin/monitor/rule/{rule.pk}/change/", typed(group, name="Other"))
    assert (answer.status_code, Rule.objects.get().name) == (403, "Slow")


def test_an_editor_sees_only_the_rules_of_own_projects(client: Client, cast: Cast, group: RuleGroup) -> None:
    mine = RuleGroup.objects.create(project=cast.other, name="mine")
    for each, name in ((group, "TheirRule"), (mine, "MyRule")):
        Rule.objects.create(group=each, name=name, expr="x > 1")
    cast.cy.is_staff = True
    cast.cy.save()
    cast.cy.user_permissions.set(Permission.objects.filter(content_type__app_label="monitor"))
    client.force_login(cast.cy)
    page = client.get("/admin/monitor/rule/").content.decode()
    assert ("MyRule" in page, "TheirRule" in page) == (True, False)
    client.post(ADD, typed(group))
    assert not Rule.objects.filter(name="Slow").exists()


def test_a_viewer_can_change_nothing(client: Client, cast: Cast, group: RuleGroup) -> None:
    Membership.objects.filter(user=cast.cy).update(role=Role.VIEWER)
    cast.cy.is_staff = True
    cast.cy.save()
    cast.cy.user_permissions.set(Permission.objects.filter(content_type__app_label="monitor"))
    client.force_login(cast.cy)
    client.post(ADD, typed(RuleGroup.objects.create(project=cast.other, name="mine")))
    assert not Rule.objects.exists()


def test_the_choice_of_groups_names_their_project(client: Client, group: RuleGroup) -> None:
    assert "Shop / latency" in client.get(ADD).content.decode()


def test_who_changed_what_stands_beside_the_rule(client: Client, group: RuleGroup) -> None:
    client.post(ADD, typed(group))
    rule = Rule.objects.get()
    client.post(f"/admin/monitor/rule/{rule.pk}/change/", typed(group, expr="llm_p99 > 0.7"))
    page = client.get(f"/admin/monitor/rule/{rule.pk}/change/").content.decode()
    assert "ada: made" in page
    assert "ada: changed expr" in page


def test_saving_says_that_the_series_do_not_exist(client: Client, group: RuleGroup) -> None:
    page = client.post(ADD, typed(group), follow=True).content.decode()
    assert "llm_p99, so this can" in page


@pytest.mark.parametrize(
    "action, found",
    [
        ("switch_off", [("Slow", False)]),
        ("clone", [("Slow", True), ("SlowCopy", False)]),
        ("delete_selected", []),
    ],
)
def test_rules_are_switched_copied_and_deleted_together(
    client: Client, group: RuleGroup, action: str, found: list[tuple[str, bool]]
) -> None:
    rule = Rule.objects.create(group=group, name="Slow", expr="x > 1")
    client.post("/admin/monitor/rule/", {"action": action, "_selected_action": [rule.pk], "post": "yes"})
    assert list(Rule.objects.order_by("name").values_list("name", "enabled")) == found
    assert RuleEdit.objects.get().by == "ada"


def test_a_rule_file_is_imported_with_a_report(client: Client, cast: Cast, group: RuleGroup) -> None:
    text = "groups: [{name: g, source_tenants: [a], rules: [{alert: A, expr: up == 0}, {alert: B, expr: nosuch(up)}]}]"
    page = client.post(IMPORT, {"project": cast.project.pk, "text": text, "partly": "on"}).content.decode()
    assert all(word in page for word in ("1 groups with 1 rules", "source_tenants", "line 1: B"))
    assert "Import a rule file" in client.get("/admin/monitor/rulegroup/").content.decode()


@pytest.mark.parametrize("text, complaint", [("groups: [", "not YAML"), ("", "Paste a rule file")])
def test_a_file_that_is_no_rule_file_is_refused_with_the_place(
    client: Client, cast: Cast, group: RuleGroup, text: str, complaint: str
) -> None:
    assert complaint in client.post(IMPORT, {"project": cast.project.pk, "text": text}).content.decode()


def test_deleting_a_group_keeps_what_its_rules_were(client: Client, group: RuleGroup) -> None:
    Rule.objects.create(group=group, name="Slow", expr="x > 1")
    client.post(f"/admin/monitor/rulegroup/{group.pk}/delete/", {"post": "yes"})
    assert RuleEdit.objects.get().before["expr"] == "x > 1"


HOSTILE = {
    "NUL": "a\0b", "escaped NUL": 'summary: "a\\0b"', "half a pair": 'a: "a\\ud800b"', "long": "x" * 5000,
    "digits": "9" * 5000, "alias": "a: &a [*a]",
}  # fmt: skip


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE.keys())
def test_nothing_that_is_typed_ends_in_a_failure(client: Client, group: RuleGroup, value: str) -> None:
    client.raise_request_exception = False
    lines = {"rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0"}
    whole = {"project": group.project_id, "name": "g", "interval_ms": "1m", "query_offset_ms": "", "limit": "0",
             "labels": "", "enabled": "on", **lines}  # fmt: skip
    found = {name: client.post(ADD, {**typed(group), name: value}).status_code for name in typed(group)}
    for name in whole:
        posted = client.post("/admin/monitor/rulegroup/add/", {**whole, name: value})
        found[f"group {name}"] = posted.status_code
    for name in ("project", "text", "partly"):
        sent = {"project": group.project_id, "text": "groups: []", name: value}
        found[f"import {name}"] = client.post(IMPORT, sent).status_code
    for path in ("rule", "rulegroup"):
        found[f"search {path}"] = client.get(f"/admin/monitor/{path}/", {"q": value}).status_code
    assert {place: status for place, status in found.items() if status >= 500} == {}


def test_another_interval_counts_from_now(client: Client, group: RuleGroup) -> None:
    RuleGroup.objects.update(due_at=NOON)
    path = f"/admin/monitor/rulegroup/{group.pk}/change/"
    whole = {"project": group.project_id, "name": "latency", "query_offset_ms": "", "limit": "0", "labels": "",
             "enabled": "on", "rules-TOTAL_FORMS": "0", "rules-INITIAL_FORMS": "0"}  # fmt: skip
    assert client.post(path, {**whole, "interval_ms": "1m"}).status_code == 302
    assert RuleGroup.objects.get().due_at == NOON
    assert client.post(path, {**whole, "interval_ms": "10s"}).status_code == 302
    assert RuleGroup.objects.get().due_at is None


def test_the_expression_is_completed_with_the_series_of_the_groups_project(
    client: Client, group: RuleGroup
) -> None:
    page = client.get(ADD).content.decode()
    assert 'data-promql="/p/shop/dashboards/words/"' in page
    assert f"{{&quot;{group.pk}&quot;: &quot;/p/shop/dashboards/words/&quot;}}" in page
    assert 'src="/static/js/promql.js" type="module"' in page
