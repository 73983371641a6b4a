from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils.html import escape

from monitor.rules.models import Origin, Rule, RuleGroup
from monitor.store.models import Membership, Role
from tests.fixtures.fix_cast import Cast

ADD = "/admin/monitor/rule/add/"


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
