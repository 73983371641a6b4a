import datetime as dt
from typing import Any

import pytest

from monitor.drift import explain
from monitor.drift.models import DriftSignal
from monitor.drift.shelf import Shelf
from tests.drift.test_follow import DAY, follow_all, only, play
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


@pytest.fixture
def drifted(cast: Cast, push: Push, now: dt.datetime) -> DriftSignal:
    """15 days about pumps, then a day about contracts of another topic."""
    only(cast, "topic")
    play(push, now - 15 * DAY, 14, prompt="how do I return a pump")
    play(push, now - DAY, 1, topics="c", prompt="review this contract clause")
    follow_all(cast, now)
    return DriftSignal.objects.get(kind="topic", version="v1")


def test_a_page_tells_the_words_and_slices_that_moved(drifted: DriftSignal) -> None:
    found = explain.told(drifted)
    assert "contract" in [word for word, _, _ in found["came"]]
    assert "pump" in [word for word, _, _ in found["went"]]
    assert ["topic", "c"] in [one[:2] for one in found["slices"]]


def test_examples_are_calls_of_what_is_new(drifted: DriftSignal, cast: Cast) -> None:
    from monitor.store.calls import generations

    found = explain.told(drifted)["examples"]
    calls = generations.many(cast.project.id, found)
    assert len(calls) == explain.EXAMPLES
    assert {one.prompt for one in calls} == {"review this contract clause"}


def test_it_is_explained_once_for_each_beginning(drifted: DriftSignal, cast: Cast, now: dt.datetime) -> None:
    assert not explain.run(drifted, Shelf(cast.project.id, "qwen", now))


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [("refusal_rate", "finish_reason", "content_filter"), ("error_rate", "error", "timeout")],
)
def test_examples_of_refusals_and_errors_are_refusals_and_errors(
    cast: Cast, push: Push, now: dt.datetime, kind: str, field: str, value: str
) -> None:
    """Half of the day's calls go wrong; what the users asked stays as it was."""
    from monitor.store.calls import generations

    only(cast, kind)
    play(push, now - 15 * DAY, 15)
    wrong: dict[str, Any] = {field: value}
    play(push, now - DAY, 1, output="I must decline this", **wrong)
    follow_all(cast, now)
    found = explain.told(DriftSignal.objects.get(kind=kind, version="v1"))["examples"]
    calls = generations.many(cast.project.id, found)
    assert len(calls) == explain.EXAMPLES
    # an answer of another wording is shown once at most
    assert sum(getattr(one.summary, field) == value for one in calls) >= explain.EXAMPLES - 1
