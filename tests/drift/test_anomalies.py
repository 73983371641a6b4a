"""Expected volume through the store: calls in, series out."""

import datetime as dt

import numpy as np
import pytest

from monitor import query
from monitor.drift import anomalies, follow
from monitor.drift.engine.matching import Calendar
from monitor.drift.models import DriftSketch
from monitor.drift.shelf import Shelf
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def steady(push: Push, start: dt.datetime, hours: float, *, per_hour: int = 60) -> None:
    n = round(hours * per_hour)
    push([{"at": start + dt.timedelta(hours=hours * k / n), "output_tokens": 50} for k in range(n)])


def judge(cast: Cast, start: dt.datetime, until: dt.datetime) -> list[tuple[str, int]]:
    first = int(start.timestamp()) // 3600
    shelf = Shelf(cast.project.id, "qwen", until)
    return anomalies.run(shelf, {"v1": first}, Calendar(), until=int(until.timestamp()), begin=first * 3600)


def value(cast: Cast, name: str, at: dt.datetime) -> float:
    found = query.instant(cast.project.id, f'{name}{{signal="requests"}}', at)
    return float(found.values[0, 0]) if len(found.labels) else float("nan")


@pytest.fixture
def silence(cast: Cast, push: Push, now: dt.datetime) -> dt.datetime:
    """Three days of 60 calls an hour, then none for an hour; when it began."""
    start = (now - 4 * DAY).replace(minute=0, second=0, microsecond=0)
    steady(push, start, 72)
    push([{"at": start + 73.5 * HOUR}])
    return start + 72 * HOUR


def test_calls_that_stop_are_an_anomaly_within_minutes(cast: Cast, silence: dt.datetime) -> None:
    found = judge(cast, silence - 3 * DAY, silence + HOUR)
    late = [at - silence.timestamp() for name, at in found if name == "requests"]
    assert 0 < late[0] <= 1800
    assert len(late) == 1


def test_expected_low_and_high_can_be_asked_for(cast: Cast, silence: dt.datetime) -> None:
    judge(cast, silence - 3 * DAY, silence + HOUR)
    at = silence - HOUR
    assert value(cast, "llm_anomaly_expected", at) == pytest.approx(5.0, rel=0.1)
    assert value(cast, "llm_anomaly_low", at) < 5.0 < value(cast, "llm_anomaly_high", at)
    assert value(cast, "llm_anomaly_detected", at) == 0.0
    assert value(cast, "llm_anomaly_detected", silence + 0.9 * HOUR) == 1.0


def test_nothing_is_expected_in_the_first_two_days(cast: Cast, silence: dt.datetime) -> None:
    judge(cast, silence - 3 * DAY, silence + HOUR)
    assert np.isnan(value(cast, "llm_anomaly_expected", silence - 2 * DAY))


def test_small_steps_find_what_one_long_step_finds(cast: Cast, silence: dt.datetime) -> None:
    whole = judge(cast, silence - 3 * DAY, silence + HOUR)
    stepwise = []
    first = int((silence - 3 * DAY).timestamp()) // 3600
    DriftSketch.objects.filter(part__startswith="baseline").delete()
    early = int((silence - HOUR).timestamp())
    anomalies.run(Shelf(cast.project.id, "qwen", silence), {"v1": first}, Calendar(), until=early)
    for minutes in range(-50, 65, 10):
        at = silence + dt.timedelta(minutes=minutes)
        shelf = Shelf(cast.project.id, "qwen", at)
        stepwise += anomalies.run(shelf, {"v1": first}, Calendar(), until=int(at.timestamp()))
    assert sorted(stepwise) == sorted(whole)


def test_a_replay_tells_of_it(cast: Cast, silence: dt.datetime, now: dt.datetime) -> None:
    found = follow.replay(cast.project.id, silence - 3 * DAY, silence + HOUR, now=now)
    kinds = {page.kind for page in found.pages if not page.version}
    assert kinds == {"requests", "output_tokens"}
