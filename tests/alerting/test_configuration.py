from collections.abc import Callable
from typing import Any

import pytest
import yaml

from monitor.alerting import alertmanager_yaml, configuration, exporting, policy
from monitor.alerting.models import AlertGroup, AlertPolicy, Contact, Inhibition, Route, TimeInterval
from tests.fixtures.fix_alerting import Pager
from tests.fixtures.fix_cast import NOON, Cast
from tests.fixtures.fix_outside import Outside

FILE = """
global:
  resolve_timeout: 3m
  smtp_smarthost: mail.example:587
  smtp_from: vigil@example.org
  slack_api_url: https://slack.example/hook
templates: ['*.tmpl']
route:
  receiver: everyone
  group_by: [alertname, 集群]
  routes:
  - matchers: ['severity="critical"', 'team=~"a|b"']
    receiver: pager
    continue: true
    group_wait: 5s
    mute_time_intervals: [night]
    routes:
    - match: {db: "yes"}
      match_re: {zone: "x.*"}
      receiver: blackhole
  - matchers: [severity = "warning"]
    receiver: chat
    group_by: ['...']
    active_time_intervals: [office]
inhibit_rules:
- source_matchers: ['severity="critical"']
  target_match: {severity: warning}
  equal: [service, zone]
time_intervals:
- name: night
  time_intervals: [{times: [{start_time: '00:00', end_time: '06:00'}], location: Asia/Shanghai}]
- name: office
  time_intervals: [{weekdays: ['monday:friday']}]
receivers:
- name: everyone
  email_configs: [{to: 'a@example.org, b@example.org', html: '{{ x }}'}]
- name: pager
  webhook_configs:
  - {url: 'http://127.0.0.1:1/one', send_resolved: false, max_alerts: 5}
  - {url: 'http://127.0.0.1:1/two', http_config: {authorization: {credentials: t0ken}, proxy_url: 'http://p'}}
- name: chat
  slack_configs: [{channel: '#ops', title: hello}]
  opsgenie_configs: [{api_key: k}]
- name: blackhole
"""


@pytest.fixture
def taken(cast: Cast) -> configuration.Taken:
    return configuration.take(cast.project.pk, FILE, now=NOON)


def tree(cast: Cast) -> list[Any]:
    def seen(way: Any) -> Any:
        return [
            way.key,
            way.group_by,
            way.wait.total_seconds(),
            way.go_on,
            [seen(child) for child in way.children],
        ]

    return [seen(way) for way in policy.ways_of(cast.project.pk)]


def test_routes_become_a_tree(taken: configuration.Taken, cast: Cast) -> None:
    by = ("alertname", "集群")
    critical = '{}/{severity="critical",team=~"a|b"}'
    assert tree(cast) == [
        ["{}", by, 30.0, False, [
            [critical, by, 5.0, True, [[critical + '/{db="yes",zone=~"x.*"}', by, 5.0, False, []]]],
            ['{}/{severity="warning"}', ("...",), 30.0, False, []],
        ]],
    ]  # fmt: skip


def test_contacts_get_their_settings_and_what_is_global(taken: configuration.Taken, cast: Cast) -> None:
    rows = {row.name: row for row in Contact.objects.all()}
    assert set(rows) == {"everyone", "pager", "pager 2", "chat", "blackhole"}
    assert (rows["pager 2"].receiver, rows["pager 2"].settings["bearer_token"]) == ("pager", "t0ken")
    assert rows["chat"].settings["url"] == "https://slack.example/hook"
    assert rows["everyone"].settings["to"] == ["a@example.org", "b@example.org"]
    assert [rows[name].send_resolved for name in ("pager", "pager 2", "chat")] == [False, True, False]
    assert not rows["blackhole"].enabled


def test_what_is_lost_is_named_with_its_place(taken: configuration.Taken) -> None:
    assert taken.losses == (
        "templates: Vigil writes its own texts",
        "receivers[0].email_configs[0].html: Vigil writes its own texts",
        "receivers[1].webhook_configs[1].http_config.proxy_url: not taken over",
        "receivers[2].slack_configs[0].title: Vigil writes its own texts",
        "receivers[2].opsgenie_configs[0]: Vigil has no such receiver; reach it by a webhook or by Apprise",
    )


def test_times_inhibitions_and_the_timeout_are_taken(taken: configuration.Taken, cast: Cast) -> None:
    row = Inhibition.objects.get()
    assert (row.source_matchers, row.target_matchers, row.equal) == (
        'severity="critical"',
        'severity="warning"',
        "service, zone",
    )
    assert AlertPolicy.objects.get().resolve_timeout == "3m"
    assert [row.mute_intervals.get().name for row in Route.objects.filter(name="pager")] == ["night"]


def test_what_is_written_reads_as_the_same(taken: configuration.Taken, cast: Cast) -> None:
    before, contacts = (
        tree(cast),
        list(Contact.objects.order_by("name").values("name", "kind", "settings", "receiver")),
    )
    again = configuration.take(cast.project.pk, exporting.give(cast.project.pk, secrets=True), now=NOON)
    assert tree(cast) == before
    assert list(Contact.objects.order_by("name").values("name", "kind", "settings", "receiver")) == contacts
    assert again.losses == ()


def test_a_hidden_secret_is_the_one_we_have(taken: configuration.Taken, cast: Cast) -> None:
    text = exporting.give(cast.project.pk)
    assert "t0ken" not in text
    configuration.take(cast.project.pk, text, now=NOON)
    assert Contact.objects.get(name="pager 2").settings["bearer_token"] == "t0ken"


def test_reading_a_file_again_tells_nobody_again(pager: Pager, outside: Callable[[], Outside]) -> None:
    text = f"""
route: {{receiver: ops, group_wait: 1s, group_interval: 1s}}
receivers: [{{name: ops, webhook_configs: [{{url: '{pager.service.url}'}}]}}]
"""
    for at in (0, 10, 20):
        configuration.take(pager.cast.project.pk, text, now=pager.moment(at))
        pager.fire(at=at)
        pager.run(at=at + 2)
    assert pager.heard == ["firing Slow"]
    assert (Route.objects.count(), AlertGroup.objects.count()) == (1, 1)


def test_a_project_without_routes_writes_one_that_tells_everyone(pager: Pager) -> None:
    Contact.objects.create(
        project=pager.cast.project, name="ding", kind="dingtalk", settings={"url": "https://x.example"}
    )
    text = exporting.give(pager.cast.project.pk)
    found = yaml.safe_load(text)
    assert [one["receiver"] for one in found["route"]["routes"]] == ["ding", "ops"]
    assert "# contact 'ding': Alertmanager has nothing like it (dingtalk)" in text
    alertmanager_yaml.load(text)


def test_several_top_routes_become_children_of_one(pager: Pager) -> None:
    for name in ("a", "b"):
        Route.objects.create(project=pager.cast.project, name=name, matchers=f'team="{name}"').contacts.add(
            pager.contact
        )
    plan = alertmanager_yaml.load(exporting.give(pager.cast.project.pk))
    assert [child.matchers for child in plan.roots] == ['team="a"', 'team="b"']


@pytest.mark.parametrize("change, complaint", [
    (("receiver: pager", "receiver: nosuch"), "route.routes[0].receiver: 'nosuch' is not among the receivers"),
    (("[night]", "[nosuch]"), "'nosuch' is not among the time intervals"),
    (("group_wait: 5s", "group_wait: soon"), "route.routes[0].group_wait: not a duration"),
    (('severity = "warning"', "severity"), "route.routes[1].matchers[0]: not a matcher"),
    (("'06:00'", "'00:00'"), "time_intervals[0]: (night) interval 0:"),
    (("- name: chat", "- name: pager"), "receivers[2].name: a second 'pager'"),
    (("receiver: everyone", "continue: true"), "route.receiver: missing"),
    (("route:", "way:"), "route: missing"),
    (("receivers:", "receivers: {"), "not YAML"),
])  # fmt: skip
def test_a_file_that_alertmanager_would_refuse_changes_nothing(
    cast: Cast, change: tuple[str, str], complaint: str
) -> None:
    with pytest.raises(alertmanager_yaml.BadConfigurationError) as caught:
        configuration.take(cast.project.pk, FILE.replace(*change, 1), now=NOON)
    assert complaint in str(caught.value)
    assert (Route.objects.count(), TimeInterval.objects.count()) == (0, 0)
