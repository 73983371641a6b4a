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
TEXTS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00\r\x85\u2028\u2029\ufeff"), min_size=1, max_size=40
).filter(str.strip)
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
)
RECORDS = st.builds(RuleSpec, alert=st.just(""), record=NAMES, expr=TEXTS, labels=MAPPINGS)
GROUPS = st.builds(
    GroupSpec,
    name=TEXTS,
    rules=st.lists(ALERTS | RECORDS, max_size=3).map(tuple),
    interval_ms=st.none() | st.integers(1, 10**9),
    query_offset_ms=MS,
    limit=st.integers(0, 1000),
    labels=MAPPINGS,
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
        ("groups: [{name: a, limit: -1}]", "`limit`: '-1' is not a whole number"),
        ("[" * 5000, "nested too deeply"),
        ("groups: &a [*a]", "a group is not a mapping"),
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
