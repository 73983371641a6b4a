import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.rules.yaml import (
    BadRuleFileError,
    GroupSpec,
    RuleSpec,
    dump,
    load,
    mapping_text,
    read,
    text_mapping,
)

# its three rules are the ones that teams on Paddle copy from each other
PADDLE = """
groups:
- name: paddle-model-alerts
  rules:
  - alert: HighModelErrorRate
    expr: rate(paddle_model_errors_total[5m]) / rate(paddle_model_requests_total[5m]) > 0.01
    for: 5m
    labels: {severity: critical}
    annotations:
      summary: High error rate in Paddle model service
      description: "Error rate is above 1% (current value: {{ $value }}) over last 5 minutes."
  - alert: HighModelLatency
    expr: histogram_quantile(0.99, sum(rate(paddle_model_latency_seconds_bucket[5m])) by (le, version)) > 0.5
    for: 10m
    labels: {severity: warning}
  - alert: LowModelQPS
    expr: |
      (
        avg by(job) (rate(paddle_model_requests_total[5m]))
        /
        avg by(job) (avg_over_time(rate(paddle_model_requests_total[5m])[7d:5m]))
      ) < 0.5
    for: 15m
    labels: {severity: warning}
"""
KUBERNETES = """
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: {name: gcs}
spec:
  groups:
  - {name: g, interval: 30s, rules: [{record: a:b, expr: sum(up)}]}
"""
BOMB = "\n".join(
    ["groups:", "- &a0 {name: a, labels: {a: b}}"]
    + [f"- &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=40).filter(
    str.strip
)
NAMES = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]{0,12}", fullmatch=True)
MAPPINGS = st.dictionaries(NAMES, TEXTS, max_size=3)
MS = st.integers(0, 10**10)
ALERTS = st.builds(
    RuleSpec,
    alert=NAMES,
    record=st.just(""),
    expr=TEXTS,
    for_ms=MS,
    keep_firing_for_ms=MS,
    labels=MAPPINGS,
    annotations=MAPPINGS,
    enabled=st.booleans(),
)
RECORDS = st.builds(
    RuleSpec, alert=st.just(""), record=NAMES, expr=TEXTS, labels=MAPPINGS, enabled=st.booleans()
)
GROUPS = st.builds(
    GroupSpec,
    name=TEXTS,
    rules=st.lists(ALERTS | RECORDS, max_size=3).map(tuple),
    interval_ms=st.none() | st.integers(1, 10**9),
    query_offset_ms=MS,
    limit=st.integers(0, 1000),
    labels=MAPPINGS,
    enabled=st.booleans(),
)


def test_the_rules_of_a_file_are_read_as_they_are() -> None:
    (group,) = load(PADDLE)
    assert [(rule.alert, rule.for_ms // 60_000, rule.labels["severity"]) for rule in group.rules] == [
        ("HighModelErrorRate", 5, "critical"), ("HighModelLatency", 10, "warning"), ("LowModelQPS", 15, "warning"),
    ]  # fmt: skip


def test_a_kubernetes_rule_object_is_read_too() -> None:
    assert load(KUBERNETES) == [GroupSpec("g", (RuleSpec("", "a:b", "sum(up)"),), interval_ms=30_000)]


def test_a_label_that_looks_like_a_yes_stays_the_text_it_is() -> None:
    (group,) = load("groups: [{name: g, rules: [{alert: A, expr: up, labels: {page: yes, team: 007}}]}]")
    assert group.rules[0].labels == {"page": "yes", "team": "007"}


@given(st.lists(GROUPS, max_size=3, unique_by=lambda group: group.name))
def test_what_is_written_is_read_back_the_same(groups: list[GroupSpec]) -> None:
    assert load(dump(groups)) == groups


@given(st.lists(GROUPS, max_size=3, unique_by=lambda group: group.name))
def test_a_prometheus_reads_only_what_is_on(groups: list[GroupSpec]) -> None:
    """Without our marks the file is what its comments leave."""
    on = [
        replace(group, rules=tuple(r for r in group.rules if r.enabled)) for group in groups if group.enabled
    ]
    plain = re.sub(r"(?m)^#.*\n", "", dump(groups))
    assert load(plain) == on


def test_what_is_merged_in_gives_way_to_what_stands_there() -> None:
    text = """
groups:
- name: a
  labels: &team {team: ml, page: "on"}
  rules:
  - &base {alert: A, expr: up, for: 5m, labels: &more {<<: *team, team: infra}}
  - {<<: *base, alert: B, labels: {<<: [*team, *more], severity: info}}
"""
    (group,) = load(text)
    first, second = group.rules
    assert (second.alert, second.expr, second.for_ms) == ("B", "up", 300_000)
    assert (first.labels, second.labels) == (
        {"team": "infra", "page": "on"}, {"team": "ml", "page": "on", "severity": "info"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "found"), [("0x10", 16), ("010", 8), ("1_000", 1000), ("1e3", 1000), ("-1", 0), ("~", 0)]
)
def test_a_whole_number_is_read_in_every_spelling(limit: str, found: int) -> None:
    assert load(f"groups: [{{name: a, limit: {limit}}}]")[0].limit == found


def test_a_plain_null_is_nothing_and_a_quoted_one_is_a_text() -> None:
    text = "groups: [{name: a, labels: null, rules: [{alert: A, expr: up, for: ~, labels: {x: null, y: 'null', z: }}]}]"
    (rule,) = load(text)[0].rules
    assert (rule.for_ms, rule.labels) == (0, {"x": "", "y": "null", "z": ""})


def test_what_the_rule_sets_itself_is_left_out_and_said() -> None:
    found = read(
        "groups: [{name: a, rules: [{alert: A, expr: up, labels: {alertname: B, x: y}}, {record: r, expr: up, for: }]}]"
    )
    assert found.groups[0].rules[0].labels == {"x": "y"}
    assert found.lost == ["line 1: the label 'alertname' is left out: the rule sets it itself"]


@given(MAPPINGS)
def test_labels_survive_the_form(values: dict[str, str]) -> None:
    assert text_mapping(mapping_text(values), "labels") == values


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("groups: [", "line 1, column 10: not YAML"),
        ("groups:\n- name: a\n  rulez: []", "line 3: 'rulez' is unknown"),
        ("groups:\n- rules: []", "line 2: a group has no `name`"),
        ("groups:\n- name: a\n  rules:\n  - expr: up", "line 4: a rule of group 'a' needs either"),
        ("groups:\n- name: a\n  rules:\n  - alert: x", "line 4: the rule 'x' has no `expr`"),
        (
            "groups:\n- name: a\n  rules:\n  - {alert: x, expr: up, for: soon}",
            "line 4: `for`: not a duration: 'soon'",
        ),
        (
            "groups:\n- name: a\n  rules:\n  - {record: x, expr: up, for: 5m}",
            "line 4: the recording rule 'x'",
        ),
        ("groups:\n- name: a\n- name: a", "two groups are called 'a'"),
        ("groups: [{name: a, name: b}]", "'name' stands twice"),
        ("groups: {a: b}", "groups is not a list"),
        ("- a", "the file is not a mapping"),
        ("groups: [{name: a, limit: few}]", "`limit`: 'few' is not a whole number"),
        ("groups: [{name: a, limit: '5'}]", "`limit`: '5' is not a whole number"),
        ("groups: [{name: a, limit: 99999999999}]", "`limit`: '99999999999' is not a whole number"),
        ("groups: [{name: a, limit: " + "9" * 5000 + "}]", "is not a whole number"),
        ("groups: [{name: a, interval: " + "9" * 5000 + "s}]", "`interval`: not a duration"),
        ("groups: [{name: a, interval: 293y}]", "`interval`: duration out of range"),
        ("[" * 5000, "nested too deeply"),
        ("groups: &a [*a]", "line 1: an alias leads into what it stands in"),
        ("groups:\n- &a {<<: *a, name: b}", "line 2: an alias leads into what it stands in"),
        ("groups: [{<<: 5, name: b}]", "line 1: << takes a mapping"),
        ("groups:\n- name: a\n  rules:\n  - alert: x\0y", r"line 4: the character U\+0000 can't stand"),
        ('groups:\n- name: a\n  rules:\n  - {alert: "x\\0y", expr: up}', "line 4: `alert` holds a character"),
        ('groups:\n- name: "a\\ud800b"', "line 2: `name` holds a character"),
        (BOMB, "aliases make more than"),
        ("x: " + "y" * 1_000_001, "larger than"),
    ],
)
def test_a_bad_file_is_refused_with_the_line(text: str, complaint: str) -> None:
    with pytest.raises(BadRuleFileError, match=complaint.replace("[", r"\[")):
        load(text)


@given(st.text(max_size=80))
def test_no_text_does_more_harm_than_a_refusal(text: str) -> None:
    try:
        load(text)
    except BadRuleFileError as error:
        assert str(error)  # noqa: PT017 — both answers are fine
