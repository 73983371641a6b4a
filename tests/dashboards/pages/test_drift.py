import datetime as dt

import pytest

from monitor.drift import run
from monitor.drift.models import DriftWatch
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_traffic import Traffic
from tests.fixtures.fix_world import Look


@pytest.fixture
def drifted(traffic: Traffic, cast: Cast, now: dt.datetime) -> DriftWatch:
    """Prompts twice as long since an hour, and a watch that has looked at them."""
    traffic(14, until=now - dt.timedelta(hours=1))
    traffic(1, until=now, factor=2.0)
    watch = DriftWatch.objects.create(
        project=cast.project, model="qwen", version="v1", feature="prompt_length", detector="wasserstein"
    )
    run.run_due(now=now)
    return watch


def test_a_watch_opens_with_both_distributions(look: Look, drifted: DriftWatch) -> None:
    figure = look("drift").context["spread"].figure
    assert [trace["name"] for trace in figure["data"]] == ["reference", "now"]


def test_what_moved_is_said_in_words(look: Look, drifted: DriftWatch) -> None:
    assert look("drift").context["chosen"].headline in look("drift").content.decode()


def test_a_watch_that_could_not_look_is_unknown_and_not_calm(look: Look, cast: Cast) -> None:
    DriftWatch.objects.create(
        project=cast.project, model="m", version="v", feature="prompt_length", detector="wasserstein"
    )
    assert look("drift").context["watches"][0][1] == "unknown"


def test_a_watch_that_does_not_exist_shows_the_first(look: Look, drifted: DriftWatch) -> None:
    assert look("drift", watch="9999").context["chosen"].id == drifted.pk
