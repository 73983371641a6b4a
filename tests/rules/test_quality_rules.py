"""The starter rules on quality: what labels corrected decides; without labels only that nobody knows is said."""

import datetime as dt

import pytest

from monitor import query
from monitor.core.clock import to_ms
from monitor.core.labels import NAME, Labels
from monitor.rules import sets, yaml
from monitor.store.calls import scores
from monitor.store.samples import append
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
RULES = {rule.alert: rule.expr for group in yaml.load(sets.text("starter")) for rule in group.rules}


def fires(cast: Cast, alert: str, now: dt.datetime) -> bool:
    return bool(query.instant(cast.project.id, RULES[alert], now).labels)


def corrected(cast: Cast, at: dt.datetime, lower: float, upper: float) -> None:
    """What is told of a version's mean mark in the eight hours before ``at``."""
    append.samples(cast.project.id, [
        (
            Labels({NAME: "llm_quality_mean", "rubric": "helpfulness", "model": "qwen", "version": "v1", "bound": bound}),
            to_ms(at - age * HOUR), value,
        )
        for bound, value in (("lower", lower), ("estimate", (lower + upper) / 2), ("upper", upper))
        for age in range(8, -1, -1)
    ], now=at)  # fmt: skip


def raw(cast: Cast, push: Push, at: dt.datetime, mark: float) -> None:
    ids = push([{"model": "qwen", "version": "v1", "at": at} for _ in range(60)])
    scores.put(cast.project.id, [scores.ScoreRow(one, "helpfulness", "judge", mark) for one in ids], now=at)


@pytest.fixture
def fallen(cast: Cast, push: Push, now: dt.datetime) -> None:
    """Raw marks of one version that fell since yesterday."""
    raw(cast, push, now - 27 * HOUR, 4.0)
    raw(cast, push, now - 3 * HOUR, 3.0)


@pytest.mark.usefixtures("fallen")
def test_raw_marks_that_fell_are_told_as_unknown_and_not_as_worse_answers(
    cast: Cast, now: dt.datetime
) -> None:
    assert fires(cast, "LLMRawMarksFell", now)
    assert not fires(cast, "LLMQualityDropped", now)


@pytest.mark.usefixtures("fallen")
def test_with_labels_raw_marks_alarm_nobody(cast: Cast, now: dt.datetime) -> None:
    corrected(cast, now - 30 * HOUR, 3.5, 4.1)
    corrected(cast, now, 3.4, 4.0)
    assert not fires(cast, "LLMRawMarksFell", now)
    assert not fires(cast, "LLMQualityDropped", now)


def test_quality_dropped_when_even_the_upper_bound_is_below_what_was_sure(
    cast: Cast, now: dt.datetime
) -> None:
    corrected(cast, now - 30 * HOUR, 3.5, 4.1)
    corrected(cast, now, 2.9, 3.4)
    assert fires(cast, "LLMQualityDropped", now)
