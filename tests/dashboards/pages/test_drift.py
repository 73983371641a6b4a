import datetime as dt

import pytest

from monitor.drift import run
from monitor.drift.models import DriftSignal, DriftWatch
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


@pytest.fixture
def signal(cast: Cast) -> DriftSignal:
    """A topic that came up and pages."""
    found = {
        "end": 1763460000, "state": "drift", "effect": 0.08, "low": -0.03, "high": 0.03, "evidence": 1.0,
        "names": [["chat", 0.08, 1.0]], "since": 1763450000.0, "paged_at": 1763456400.0, "maturity": "full",
        "reference": ["v1", 489000, 489336],
    }  # fmt: skip
    DriftSignal.objects.create(
        project=cast.project, model="qwen", version="v1", kind="judge_score", state="unknown",
        reason="the reference has under 6 hours with 10 such calls",
    )  # fmt: skip
    return DriftSignal.objects.create(
        project=cast.project, model="qwen", version="v1", kind="topic", state="drift", body=found
    )


def test_a_signal_says_which_value_moved_and_by_how_much(look: Look, signal: DriftSignal) -> None:
    assert "topic “chat”: +8.0 points (normal -3.0 points … +3.0 points)" in look("drift").content.decode()


def test_signals_of_which_nothing_is_known_are_listed_apart(look: Look, signal: DriftSignal) -> None:
    context = look("drift").context
    assert [one.row.kind for one in context["signals"]] == ["topic"]
    assert [one.headline for one in context["quiet"]] == [
        "the reference has under 6 hours with 10 such calls"
    ]


def test_a_young_reference_says_what_it_cannot_know(look: Look, signal: DriftSignal) -> None:
    signal.body["maturity"] = "young"
    signal.save()
    assert "warns but never pages" in look("drift").content.decode()
