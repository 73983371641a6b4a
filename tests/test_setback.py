"""A clock that is set back by hours: what watches goes on at once, and what lasted keeps how long it has."""

import datetime as dt

import pytest
from django.apps import apps
from django.core.cache import cache
from django.db import models

from monitor import setback
from monitor.rules import evaluate
from monitor.rules.models import Rule, RuleAlert, RuleGroup
from tests.fixtures.fix_cast import Cast

HOURS = dt.timedelta(hours=2)
# what nothing but our own clock sets
OURS = {"due_at", "next_at", "lease_until", "rest_until", "retry_at", "evaluated_at"}


@pytest.fixture
def waiting(cast: Cast, now: dt.datetime) -> RuleAlert:
    """An alert that waits for its minute, begun by a clock that was two hours ahead."""
    cache.delete(setback.SEEN)
    group = RuleGroup.objects.create(project=cast.project, name="g", interval_ms=15_000)
    Rule.objects.create(group=group, name="Always", expr="vector(1)", for_ms=60_000)
    for seconds in (0, 15, 30):
        look(now + HOURS + dt.timedelta(seconds=seconds))
    return RuleAlert.objects.get()


def look(now: dt.datetime) -> None:
    setback.mind(now=now)
    evaluate.run_due(evaluate.stored(lambda *_: None, now=now), now=now)


def test_rules_go_on_and_alerts_keep_how_long_they_have_waited(waiting: RuleAlert, now: dt.datetime) -> None:
    assert waiting.state == "pending"
    for seconds in (31, 46, 61):
        look(now + dt.timedelta(seconds=seconds))
    waiting.refresh_from_db()
    assert waiting.state == "firing"
    assert waiting.fired_at is not None
    assert waiting.fired_at < now + dt.timedelta(seconds=62)


def test_a_clock_that_is_trimmed_moves_nothing(waiting: RuleAlert, now: dt.datetime) -> None:
    before = waiting.active_at
    assert setback.mind(now=now + HOURS + dt.timedelta(seconds=27)) is None
    waiting.refresh_from_db()
    assert waiting.active_at == before


def test_every_moment_that_something_waits_for_is_known() -> None:
    found = {
        (model.__name__, field.name)
        for model in apps.get_app_config("monitor").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.DateTimeField) and field.name in OURS
    }
    noted = {(name, field) for name, fields in setback.NOTED.items() for field in fields}
    assert found - noted == set()
    assert len(found) > 8
