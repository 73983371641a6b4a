import datetime as dt

import pytest
from django.utils import translation

from monitor import query
from monitor.drift import read, run, windows
from monitor.drift.models import DriftWatch
from monitor.drift.subjects import Span
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_traffic import Traffic

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def drifted(cast: Cast, now: dt.datetime, traffic: Traffic) -> DriftWatch:
    traffic(8, until=now - 3 * HOUR)
    traffic(3, factor=2.0)
    made = [
        DriftWatch.objects.create(
            project=cast.project, model="qwen", version="v1", feature=feature, detector="wasserstein", reference_hours=6
        )
        for feature in ("prompt_length", "output_length")
    ]  # fmt: skip
    rows = windows.traffic(cast.project.id, Span(now - run.LOOKBACK, now))
    for _ in range(4):
        made[0].refresh_from_db()
        run.run(made[0], rows, now=now)
    return made[0]


def test_the_largest_effect_comes_first_and_unknown_ones_last(cast: Cast, drifted: DriftWatch) -> None:
    found = read.watches(cast.project.id)
    assert [(row.feature, row.state) for row in found] == [
        ("prompt_length", "drift"),
        ("output_length", "unknown"),
    ]
    assert found[1].effect is None


def test_the_headline_says_what_moved_and_by_how_much(cast: Cast, drifted: DriftWatch) -> None:
    said = read.watches(cast.project.id)[0].headline
    assert said.startswith("prompt length: ")
    assert "% more; effect " in said
    assert "(normal up to 0." in said


def test_the_selector_finds_the_series_of_the_watch(
    cast: Cast, now: dt.datetime, drifted: DriftWatch
) -> None:
    row = read.watches(cast.project.id)[0]
    found = query.instant(cast.project.id, f"llm_drift_effect{{{row.selector}}}", now)
    assert found.single() == pytest.approx(row.effect)


def test_a_report_holds_what_the_page_draws(cast: Cast, drifted: DriftWatch) -> None:
    found = read.report(cast.project.id, drifted.pk)
    assert found is not None
    assert len(found.edges) == len(found.current_shares) + 1
    assert found.current_quantiles["p50"] > 1.5 * found.reference_quantiles["p50"]
    assert found.examples


def test_an_earlier_report_can_be_opened(cast: Cast, now: dt.datetime, drifted: DriftWatch) -> None:
    found = read.report(cast.project.id, drifted.pk, at=now - 3 * HOUR)
    assert found is not None
    assert found.at <= now - 3 * HOUR
    assert read.moments(cast.project.id, drifted.pk)[-1][0] <= found.at


def test_another_projects_watch_does_not_exist(cast: Cast, drifted: DriftWatch) -> None:
    assert read.report(cast.other.id, drifted.pk) is None
    assert read.watches(cast.other.id) == []


def test_what_a_series_looks_at_has_a_name_in_every_language() -> None:
    with translation.override("zh-hans"):
        names = [
            read.called(one) for one in ("prompt_novelty", "output_length", "number:temperature", "mine")
        ]
    assert not any(name.isascii() for name in names[:2])
    assert names[2:] == ["temperature", "mine"]
