"""The sets of rules that come with the product: good rules, each with its page in the runbook."""

import re
from functools import partial
from pathlib import Path

import pytest

from monitor.alerting import receive
from monitor.beat import SCHEDULE
from monitor.promql import parse
from monitor.rules import evaluate, exchange, read, sets, yaml
from monitor.rules.history import Author
from monitor.rules.models import RuleGroup
from tests.fixtures.fix_cast import NOON, Cast

RUNBOOKS = Path(__file__).parents[2] / "templates" / "docs"
ALERTS = [
    rule
    for name in (*sets.SETS, *sets.ON_DEMAND)
    for group in yaml.load(sets.text(name))
    for rule in group.rules
    if rule.alert
]


@pytest.mark.parametrize("name", [*sets.SETS, *sets.ON_DEMAND])
def test_a_set_is_evaluated_without_error(cast: Cast, name: str) -> None:
    exchange.take(cast.project.id, yaml.load(sets.text(name)), exchange.Terms(Author("ada", NOON)))
    evaluate.run_due(evaluate.stored(partial(receive.take, now=NOON), now=NOON), now=NOON)
    rules = read.rules(cast.project.id)
    assert {rule.health for rule in rules} == {"ok"}
    assert {rule.name for rule in rules if rule.state != "inactive"} <= {"Watchdog", "VigilNotScraped"}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule.name)
@pytest.mark.parametrize("file", ["runbooks.md", "runbooks.zh.md"])
def test_every_alert_has_its_page_in_the_runbook(rule: yaml.RuleSpec, file: str) -> None:
    parse.parse(rule.expr)
    assert rule.annotations["runbook_url"].endswith(f"/docs/runbooks/#{rule.name.lower()}")
    headings = re.findall(r"^## (\w+)$", (RUNBOOKS / file).read_text(), re.MULTILINE)
    assert rule.name in headings


def test_every_job_that_often_runs_is_looked_after_by_a_rule_or_by_the_sign_of_life() -> None:
    (rule,) = [rule for rule in ALERTS if rule.name == "VigilJobStopped"]
    found = re.search(r'task=~"([^"]+)"', rule.expr)
    assert found is not None
    often = {one["task"].rpartition(".")[2] for one in SCHEDULE.values() if one["schedule"] <= 300}
    assert set(found[1].split("|")) | {"evaluate_rules"} == often


@pytest.mark.parametrize("on", [True, False])
def test_a_project_may_begin_with_the_sets_on_or_off(cast: Cast, on: bool) -> None:
    sets.place(cast.project.id, Author("ada", NOON), on=on)
    assert set(RuleGroup.objects.values_list("enabled", flat=True)) == {on}
    assert RuleGroup.objects.filter(name="vigil-watchdog").exists()
    assert not RuleGroup.objects.filter(name="llm-wasserstein").exists()
