"""Relabelling: Prometheus' own cases, and rules that are refused."""

from typing import Any

import pytest

from monitor.core.labels import Labels
from monitor.ingest.scraping import relabel

SMALL = {"a": "foo", "b": "bar", "c": "baz"}


@pytest.mark.parametrize(
    "labels, rules, after",
    [
        (SMALL, [{"source_labels": ["a"], "regex": "f(.*)", "target_label": "d", "separator": ";", "replacement": "ch${1}-ch${1}"}], SMALL | {"d": "choo-choo"}),
        (SMALL, [
            {"source_labels": ["a", "b"], "regex": "f(.*);(.*)r", "target_label": "a", "replacement": "b${1}${2}m"},
            {"source_labels": ["c", "a"], "regex": "(b).*b(.*)ba(.*)", "target_label": "d", "replacement": "$1$2$2$3"},
        ], {"a": "boobam", "b": "bar", "c": "baz", "d": "boooom"}),
        ({"a": "foo"}, [{"source_labels": ["a"], "regex": ".*o.*", "action": "drop"}, {"source_labels": ["a"], "target_label": "d"}], None),
        ({"a": "foo"}, [{"source_labels": ["a"], "regex": "o", "action": "drop"}], {"a": "foo"}),
        (SMALL, [{"source_labels": ["a"], "regex": "f|foo", "action": "keep"}], SMALL),
        (SMALL, [{"source_labels": ["a"], "regex": "no-match", "action": "keep"}], None),
        (SMALL, [{"source_labels": ["a"], "regex": "no-match", "target_label": "b", "replacement": "x"}], SMALL),
        (SMALL, [{"source_labels": ["a"], "regex": "(f).*", "target_label": "b", "replacement": "$2"}], {"a": "foo", "c": "baz"}),
        (SMALL, [{"source_labels": ["c"], "target_label": "d", "action": "hashmod", "modulus": 1000}], SMALL | {"d": "976"}),
        ({"a": "foo\nbar"}, [{"source_labels": ["a"], "target_label": "b", "action": "hashmod", "modulus": 1000}], {"a": "foo\nbar", "b": "734"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [{"regex": "(b.*)", "replacement": "bar_${1}", "action": "labelmap"}], {"a": "foo", "b1": "bar", "b2": "baz", "bar_b1": "bar", "bar_b2": "baz"}),
        ({"a": "foo", "__meta_my_bar": "aaa", "__meta_my_baz": "bbb", "__meta_other": "ccc"}, [{"regex": "__meta_(my.*)", "action": "labelmap"}], {"a": "foo", "__meta_my_bar": "aaa", "__meta_my_baz": "bbb", "__meta_other": "ccc", "my_bar": "aaa", "my_baz": "bbb"}),
        ({"a": "some-name-value"}, [{"source_labels": ["a"], "regex": "some-([^-]+)-([^,]+)", "target_label": "${1}", "replacement": "${2}"}], {"a": "some-name-value", "name": "value"}),
        ({"a": "some-name-value"}, [{"source_labels": ["a"], "regex": "some-([^-]+)-([^,]+)", "target_label": "${3}", "replacement": "${2}"}], {"a": "some-name-value"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [{"regex": "(b.*)", "action": "labelkeep"}], {"b1": "bar", "b2": "baz"}),
        ({"a": "foo", "b1": "bar", "b2": "baz"}, [{"regex": "(b.*)", "action": "labeldrop"}], {"a": "foo"}),
        ({"foo": "bAr123Foo"}, [{"source_labels": ["foo"], "target_label": "u", "action": "uppercase"}, {"source_labels": ["foo"], "target_label": "l", "action": "Lowercase"}], {"foo": "bAr123Foo", "u": "BAR123FOO", "l": "bar123foo"}),
        ({"__port": "1234", "port": "1234"}, [{"source_labels": ["port"], "target_label": "__port", "action": "keepequal"}], {"__port": "1234", "port": "1234"}),
        ({"__port": "1234", "port": "5678"}, [{"source_labels": ["port"], "target_label": "__port", "action": "keepequal"}], None),
        ({"__port": "1234", "port": "1234"}, [{"source_labels": ["port"], "target_label": "__port", "action": "dropequal"}], None),
        ({"a": "foo"}, [{"target_label": "env", "replacement": "prod"}], {"a": "foo", "env": "prod"}),
        ({"a": "foo"}, [{"source_labels": ["a"], "target_label": "a", "replacement": ""}], {}),
        ({"a": "line\nbreak"}, [{"source_labels": ["a"], "regex": "line.break", "action": "keep"}], {"a": "line\nbreak"}),
        ({"a": "x1"}, [{"source_labels": ["a"], "regex": "(?P<letter>.)(.)", "target_label": "b", "replacement": "$letter$$2-$2x-${2}x-${"}], {"a": "x1", "b": "x$2--1x-${"}),
        ({"p": "8080"}, [{"source_labels": ["p"], "regex": 8080, "target_label": "q", "replacement": 1}], {"p": "8080", "q": "1"}),
    ],
)  # fmt: skip
def test_rules_do_what_prometheus_does(
    labels: dict[str, str], rules: list[dict[str, Any]], after: dict[str, str] | None
) -> None:
    found = relabel.apply(labels, relabel.rules(rules, "relabel_configs"))
    assert found == (None if after is None else Labels(after))


@pytest.mark.parametrize(
    "rule, says",
    [
        ({"action": "shout"}, "relabel_configs[0].action: 'shout' is not known"),
        ({"regex": "("}, "relabel_configs[0].regex: '(' is no RE2 expression"),
        ({"regex": "a(?=b)", "target_label": "x"}, "relabel_configs[0].regex"),
        ({"action": "replace"}, "relabel_configs[0].target_label: missing"),
        ({"action": "hashmod", "target_label": "x"}, "relabel_configs[0].modulus: missing"),
        ({"action": "hashmod", "target_label": "x", "modulus": -1}, "relabel_configs[0].modulus: -1"),
        ({"action": "labeldrop", "regex": "a", "source_labels": ["b"]}, "relabel_configs[0].source_labels: labeldrop takes only regex"),
        ({"action": "keepequal", "target_label": "a", "regex": "b"}, "relabel_configs[0].regex: keepequal takes only source_labels and target_label"),
        ({"sauce_labels": ["a"]}, "relabel_configs[0].sauce_labels: no such key"),
        ({"source_labels": "job"}, "relabel_configs[0].source_labels: is not a list"),
        ({"replacement": ["a"]}, "relabel_configs[0].replacement: is not a text"),
        ("keep", "relabel_configs[0]: is not a mapping"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_work_is_refused_at_its_key(rule: object, says: str) -> None:
    with pytest.raises(relabel.BadRuleError) as caught:
        relabel.rules([rule], "relabel_configs")
    assert str(caught.value).startswith(says)
