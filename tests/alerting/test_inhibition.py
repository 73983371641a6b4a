import random

import pytest

from monitor.alerting import matching
from monitor.alerting.inhibition import Inhibitor, Rule

CRITICAL, WARNING = matching.parse('severity="critical"'), matching.parse('severity="warning"')
SERVICE = Rule(CRITICAL, WARNING, ("service",))


def quiet(rule: Rule, target: dict[str, str], *sources: dict[str, str]) -> str:
    return Inhibitor([rule], [(str(number), source) for number, source in enumerate(sources)]).by(target)


@pytest.mark.parametrize("target, expected", [
    ({"severity": "warning", "service": "a"}, "0"),
    ({"severity": "warning", "service": "b"}, ""),
    ({"severity": "warning"}, ""),
    ({"severity": "info", "service": "a"}, ""),
    ({"severity": "critical", "service": "a"}, ""),
])  # fmt: skip
def test_a_target_is_quiet_while_a_source_with_the_same_labels_fires(
    target: dict[str, str], expected: str
) -> None:
    assert quiet(SERVICE, target, {"severity": "critical", "service": "a"}) == expected


def test_a_label_that_both_lack_is_equal() -> None:
    assert quiet(SERVICE, {"severity": "warning"}, {"severity": "critical"}) == "0"


def test_an_alert_does_not_quiet_itself_nor_its_like() -> None:
    rule = Rule(matching.parse('job="a"'), matching.parse('job="a"'))
    one, other = {"job": "a", "x": "1"}, {"job": "a", "x": "2"}
    assert [quiet(rule, each, one, other) for each in (one, other)] == ["", ""]


def test_what_is_source_and_target_is_quieted_by_a_mere_source() -> None:
    rule = Rule(matching.parse('job=~"a|b"'), matching.parse('job="a"'))
    assert quiet(rule, {"job": "a"}, {"job": "a", "x": "1"}, {"job": "b"}) == "1"


def test_without_rules_nothing_is_quiet() -> None:
    assert Inhibitor([], [("0", {"severity": "critical"})]).by({"severity": "warning"}) == ""


def test_the_index_agrees_with_looking_at_every_pair() -> None:
    dice = random.Random(7)
    rules = [
        Rule(matching.parse('a="1"'), matching.parse('b=~"1|2"'), ("c",)),
        Rule(matching.parse('b!="0"'), matching.parse('a="1"'), ("a", "c")),
    ]
    alerts = [{name: str(dice.randrange(3)) for name in "abc"} for _ in range(40)]
    for _ in range(40):
        firing = [(str(number), labels) for number, labels in enumerate(dice.sample(alerts, 3))]
        inhibitor = Inhibitor(rules, firing)
        for target in alerts:
            assert bool(inhibitor.by(target)) == any(
                pair(rule, source, target) for rule in rules for _, source in firing
            )


def pair(rule: Rule, source: dict[str, str], target: dict[str, str]) -> bool:
    """One rule, one source, one target, as Alertmanager's documentation says it."""
    both = matching.all_match(rule.source, target) and matching.all_match(rule.target, source)
    return (
        matching.all_match(rule.source, source)
        and matching.all_match(rule.target, target)
        and all(source.get(name, "") == target.get(name, "") for name in rule.equal)
        and not both
    )
