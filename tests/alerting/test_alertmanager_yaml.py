"""An alertmanager.yml is read as Alertmanager reads it, and what can't be read is refused in words."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.alertmanager_yaml import BadConfigurationError, Plan, load

AMTOOL = shutil.which("amtool")
RECEIVERS = "receivers: [{name: a}, {name: b}]\n"


def routed(route: str, more: str = "") -> Plan:
    """A file whose root has one route."""
    return load(f"route:\n  receiver: a\n  routes: [{route}]\n{RECEIVERS}{more}")


def received(entry: str, shared: str = "{}") -> Plan:
    return load(f"global: {shared}\nroute: {{receiver: r}}\nreceivers: [{{name: r, {entry}}}]\n")


@pytest.mark.parametrize(
    "line, matchers",
    [
        ("match: {db: yes}", 'db="yes"'),
        ("match: {on: no}", 'on="no"'),
        ("match: {code: 007, big: 1_000, date: 2026-01-01}", 'code="007", big="1_000", date="2026-01-01"'),
        ("match_re: {zone: 1:30}", 'zone=~"1:30"'),
        ("matchers: ['zone=~[a-z]{2}']", 'zone=~"[a-z]{2}"'),
        ("matchers: ['team = a b']", 'team="a b"'),
        ("matchers: ['zone=~x{1,3}']", None),
        ("""matchers: ['{zone=~"x{1,3}", team!=c}']""", 'zone=~"x{1,3}", team!="c"'),
        ("matchers: ['url =~ https?://.*=x']", 'url=~"https?://.*=x"'),
        ("matchers: ['a=b', 'c != d']", 'a="b", c!="d"'),
        (r"""matchers: ['path=~\d+']""", r'path=~"\\d+"'),
        ("matchers: ['a=\"b']", None),
        ("matchers: ['a=b\"c']", None),
        ("matchers: [severity]", None),
        ("matchers: 'a=b'", None),
    ],
)
def test_matchers_are_read_as_alertmanager_reads_them(line: str, matchers: str | None) -> None:
    route = f"{{receiver: b, {line}}}"
    if matchers is None:
        with pytest.raises(BadConfigurationError, match=r"route\.routes\[0\]\.matchers"):
            routed(route)
    else:
        assert routed(route).roots[0].children[0].matchers == matchers


@pytest.mark.parametrize(
    "line, found",
    [
        ("group_by: []", ""), ("group_by: [x, y]", "x, y"), ("group_by: ['...']", "..."), ("group_by: [__none__]", "-"),
        ("group_by: null", ""), ("receiver: b", ""),
    ],
)  # fmt: skip
def test_an_empty_group_by_below_the_root_is_the_parents(line: str, found: str) -> None:
    assert routed(f"{{{line}}}").roots[0].children[0].group_by == found


@pytest.mark.parametrize(
    "word, go_on",
    [("true", True), ("on", True), ("yes", True), ("false", False), ('"false"', False), ("", False)],
)
def test_continue_is_yes_or_no(word: str, go_on: bool) -> None:
    assert routed(f"{{receiver: b, continue: {word}}}").roots[0].children[0].go_on is go_on


@pytest.mark.parametrize(
    "span",
    [
        "times: [{start_time: 17:00, end_time: 24:00}]", "times: [{start_time: '09:00', end_time: 17:30}]", "days_of_month: [1:5]",
        "years: [2026, 2028:2030]", "months: [1:3, may]", "weekdays: [monday:friday, Sunday]", "location: Asia/Shanghai",
    ],
)  # fmt: skip
def test_times_need_no_quotes(span: str) -> None:
    plan = routed(
        "{receiver: b, mute_time_intervals: [t]}",
        f"time_intervals: [{{name: t, time_intervals: [{{{span}}}]}}]",
    )
    assert list(plan.times) == ["t"]


@pytest.mark.parametrize(
    "smarthost, more, encryption",
    [
        ("mail.example:465", "", "tls"), ("mail.example:465", ", require_tls: false", "tls"), ("mail.example:587", "", "starttls"),
        ("mail.example:25", ", require_tls: no", "none"),
    ],
)  # fmt: skip
def test_port_465_is_tls_at_once(smarthost: str, more: str, encryption: str) -> None:
    plan = received(f"email_configs: [{{to: a@b.example, smarthost: '{smarthost}'{more}}}]")
    assert plan.contacts[0].settings["encryption"] == encryption


@pytest.mark.parametrize(
    "entry, shared, lost",
    [
        ("email_configs: [{to: a@b.c, auth_password_file: /x}]", "{}", "auth_password_file: Vigil reads no secret"),
        ("email_configs: [{to: a@b.c}]", "{smtp_auth_password_file: /x}", "smtp_auth_password_file: Vigil reads no"),
        ("email_configs: [{to: a@b.c}]", "{smtp_hello: h}", "global.smtp_hello: not taken over"),
        ("slack_configs: [{channel: '#a'}]", "{slack_api_url_file: /x}", "slack_api_url_file: Vigil reads no secret"),
        ("slack_configs: [{api_url_file: /x}]", "{}", "api_url_file: Vigil reads no secret from a file"),
        ("slack_configs: [{api_url: 'http://a', http_config: {proxy_url: x}}]", "{}", "http_config: not taken over"),
        ("webhook_configs: [{url: 'http://a', http_config: {authorization: {credentials_file: /x}}}]", "{}",
         "http_config.authorization.credentials_file: Vigil reads no secret"),
        ("webhook_configs: [{url: 'http://a', http_config: {basic_auth: {username: u, password_file: /x}}}]", "{}",
         "http_config.basic_auth.password_file: Vigil reads no secret"),
        ("webhook_configs: [{url: 'http://a', http_config: {tls_config: {}}}]", "{}", "http_config.tls_config: not taken"),
        ("webhook_configs: [{url: 'http://a', http_config: {oauth2: {}}}]", "{}", "http_config.oauth2: not taken over"),
        ("webhook_configs: [{url: 'http://a', http_config: {follow_redirects: on}}]", "{}", "follows no redirects"),
        ("pagerduty_configs: [{routing_key_file: /x}]", "{}", "routing_key_file: Vigil reads no secret from a file"),
        ("telegram_configs: [{bot_token_file: /x, chat_id: -5}]", "{}", "bot_token_file: Vigil reads no secret"),
        ("sns_configs: [{topic_arn: x}]", "{}", "sns_configs[0]: Vigil has no such receiver"),
    ],
)  # fmt: skip
def test_nothing_is_lost_in_silence(entry: str, shared: str, lost: str) -> None:
    assert any(lost in loss for loss in received(entry, shared).losses)


def test_another_word_than_bearer_is_kept() -> None:
    config = "{authorization: {type: GenieKey, credentials: k}}"
    plan = received(f"webhook_configs: [{{url: 'http://a', http_config: {config}}}]")
    assert plan.contacts[0].settings == {"url": "http://a", "bearer_token": "k", "scheme": "GenieKey"}


FILE = """
global: {resolve_timeout: 3m, smtp_smarthost: 'mail.example:587', smtp_from: v@b.example, slack_api_url: 'https://slack.example'}
route:
  receiver: a
  group_by: [alertname]
  group_wait: 5s
  routes:
  - {matchers: ['x="y"'], match: {a: b}, match_re: {c: d}, receiver: b, continue: true, mute_time_intervals: [t], routes: []}
inhibit_rules: [{source_matchers: [a=b], target_match: {c: d}, equal: [e]}]
time_intervals:
- {name: t, time_intervals: [{times: [{start_time: '01:00', end_time: '02:00'}], weekdays: [monday], location: UTC}]}
receivers:
- name: a
  webhook_configs: [{url: 'http://a.example', max_alerts: 5, http_config: {basic_auth: {username: u, password: p}}}]
- name: b
  email_configs: [{to: 'a@b.example', send_resolved: true}]
  wechat_configs: [{corp_id: c, api_secret: s, agent_id: '5', to_user: 'a|b'}]
"""
TREE: Any = yaml.safe_load(FILE)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in pairs for place in places(one, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(copy[path[0]], path[1:], new)
    return copy


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        5,
        -1,
        "",
        "x",
        "\0",
        "\ud800",
        "x" * 400,
        [],
        [[]],
        [None],
        ["x"],
        {},
        {"x": 1},
        {"x": {}},
        True,
        2.5,
        "9000y",
        "0s",
    ]
)


@given(
    st.sampled_from(places(TREE)),
    ODD | st.recursive(ODD, lambda one: st.lists(one) | st.dictionaries(st.text(), one)),
)
def test_no_shape_is_a_surprise(path: tuple[Any, ...], odd: Any) -> None:
    text = yaml.safe_dump(changed(TREE, path, odd), allow_unicode=True)
    try:
        load(text)
    except BadConfigurationError as error:
        assert str(error)  # noqa: PT017 — it may as well be taken


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("route: &self {receiver: a, routes: [*self]}\n" + RECEIVERS, "route.routes[0]: *self names what it stands in"),
        ("route: {receiver: a, routes: [{mute_time_intervals: [t]}]}\ntime_intervals: [{name: t, time_intervals: [{times: 5}]}]\n" + RECEIVERS,
         "time_intervals[0]: (t) interval 0: each of times needs start_time"),
        ("route: {receiver: r}\nreceivers: [{name: r, webhook_configs: [{url: 'http://a', http_config: 5}]}]",
         "receivers[0].webhook_configs[0].http_config: expected names with values, found a text"),
        ("route: {receiver: a, group_wait: 9000y}\n" + RECEIVERS, "route.group_wait: duration out of range"),
        (f"route: {{receiver: a, group_wait: {'9' * 5000}s}}\n" + RECEIVERS, "route.group_wait: not a duration"),
        ("route: {receiver: a, group_interval: 0s}\n" + RECEIVERS, "route.group_interval: can't be zero"),
        ("route: {receiver: a, group_by: ['...', b]}\n" + RECEIVERS, "route.group_by: ... stands alone"),
        ("route: {receiver: a}\nroute: {receiver: b}\n" + RECEIVERS, "route: stands here twice"),
        (RECEIVERS, "route: missing"),
        ("", "the file: expected names with values, found nothing"),
        ("- a", "the file: expected names with values, found a list"),
        ("[" * 100_000, "nested too deeply"),
        ("a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(f"{b}: &{b} [{','.join(['*' + a] * 10)}]\n" for a, b in zip("abcde", "bcdef", strict=True)),
         "more than 100000 values"),
        ("receivers: [{password: 's3cr3t", "not YAML"),
        ("a: \ud800", "half a character"),
    ],
)  # fmt: skip
def test_what_can_not_be_read_is_refused_with_its_place(text: str, complaint: str) -> None:
    with pytest.raises(BadConfigurationError) as caught:
        load(text)
    assert complaint in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.skipif(AMTOOL is None, reason="needs amtool: apt-get install prometheus-alertmanager")
@pytest.mark.parametrize(
    "change",
    [
        ("", ""), ("receiver: a\n", "receiver: nosuch\n"), ("group_wait: 5s", "group_wait: 5"), ("group_wait: 5s", "group_interval: 0s"),
        ("group_by: [alertname]", "group_by: ['...', x]"), ("group_by: [alertname]", "group_by: [x, x]"), ("group_by: [alertname]", "continue: on"),
        ("group_by: [alertname]", "mute_time_intervals: [t]"), ("continue: true", "continue: maybe"), ("'x=\"y\"'", "x=~a.*b"),
        ("'x=\"y\"'", "'x = y z'"), ("'x=\"y\"'", "x"), ("'x=\"y\"'", "'x=\"y'"), ("'x=\"y\"'", "'x=~\"(\"'"), ("{a: b}", "{a: yes, on: 007}"),
        ("'01:00'", "01:00"), ("'02:00'", "24:00"), ("'02:00'", "25:00"), ("[monday]", "[monday:friday]"), ("[monday]", "[moonday]"),
        ("location: UTC", "location: Asia/Nowhere"), ("[t], routes", "[u], routes"), ("resolve_timeout: 3m", "resolve_timeout: 3"), ("- name: b", "- name: a"), ("username: u, password: p", "username: u, password_file: /x"),
        ("route:", "way:"), ("basic_auth: {", "bearer_token: x, basic_auth: {"), ("equal: [e]", "equal: e"),
    ],
)  # fmt: skip
def test_what_alertmanager_refuses_is_refused_and_what_it_takes_is_taken(
    change: tuple[str, str], tmp_path: Path
) -> None:
    assert AMTOOL is not None
    assert change[0] in FILE
    path = tmp_path / "alertmanager.yml"
    path.write_text(FILE.replace(*change, 1) if change[0] else FILE)
    theirs = subprocess.run([AMTOOL, "check-config", str(path)], check=False, capture_output=True, text=True)
    try:
        load(path.read_text())
        taken = True
    except BadConfigurationError:
        taken = False
    assert taken == (theirs.returncode == 0), theirs.stdout + theirs.stderr
