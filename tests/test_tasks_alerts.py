"""The doors through which the beat evaluates rules and delivers alerts."""

import datetime as dt
from urllib.parse import urlsplit

import pytest
from django.urls import resolve

from monitor import tasks
from monitor.core import clock
from monitor.rules import read
from monitor.rules.models import Rule, RuleGroup
from tests.fixtures.fix_alerting import Pager


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, pager: Pager) -> dt.datetime:
    moment = pager.moment(0)
    monkeypatch.setattr(clock, "now", lambda: moment)
    return moment


def test_a_rule_that_is_true_reaches_the_contact_by_two_ticks(
    pager: Pager, at: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = RuleGroup.objects.create(project=pager.cast.project, name="g")
    Rule.objects.create(group=group, name="Always", expr="vector(1) > 0")
    tasks.evaluate_rules(unknown="argument of a newer release")
    monkeypatch.setattr(clock, "now", lambda: pager.moment(11))
    tasks.deliver_alerts()
    assert read.firing_count(pager.cast.project.id) == 1
    assert pager.heard == ["firing Always"]
    link = pager.service.received[0].json["alerts"][0]["generatorURL"]
    assert resolve(urlsplit(link).path).kwargs == {"slug": "shop"}


def test_old_history_is_forgotten(pager: Pager, at: dt.datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    group = RuleGroup.objects.create(project=pager.cast.project, name="g")
    Rule.objects.create(group=group, name="Always", expr="vector(1) > 0")
    tasks.evaluate_rules()
    monkeypatch.setattr(clock, "now", lambda: at + dt.timedelta(days=91))
    tasks.forget_alerts()
    assert read.history(pager.cast.project.id, at, at + dt.timedelta(days=1)) == []
