import datetime as dt
from typing import Any

import numpy as np
import pytest

from monitor.drift import embedders, embedding, explain, read
from monitor.drift.models import DriftSignal, WatchState
from monitor.drift.shelf import Shelf
from monitor.store.calls import generations
from tests.drift.test_follow import DAY, HOUR, follow_all, only, play
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


def test_the_tenant_whose_prompts_grew_is_told_by_its_own_evidence(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    """One of three tenants writes 2.5 times as much; all ask about the same."""
    only(cast, "prompt_length")
    for tenant in ("acme", "beta", "core"):
        play(push, now - 5 * DAY, 4, tenant=tenant)
        play(push, now - DAY, 1, tenant=tenant, longer=2.5 if tenant == "beta" else 1.0)
    follow_all(cast, now)
    row = DriftSignal.objects.get(kind="prompt_length", version="v1")
    found = read.why(cast.project.id, row.pk)
    assert found is not None
    assert [(one.dimension, one.value) for one in found.places] == [("tenant", "beta")]
    place = found.places[0]
    assert place.now - place.before == pytest.approx(np.log(2.5), abs=0.15)
    assert abs((place.rest_now or 0.0) - (place.rest_before or 0.0)) < 0.1
    assert found.looked >= 5
    shown = generations.many(cast.project.id, found.examples)
    assert {one.summary.tenant for one in shown} == {"beta"}


def test_examples_of_a_signal_of_vectors_are_chosen_by_their_vectors(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    """All prompts read the same; only their vectors tell which are new."""
    only(cast, "prompt_mix", "prompt_novelty")
    chance = np.random.default_rng(5)

    def asked(start: dt.datetime, hours: int, new: float) -> list[bool]:
        fresh = [bool(chance.random() < new) for _ in range(60 * hours)]
        push([
            {
                "at": start + dt.timedelta(minutes=place), "output": "new" if one else "old",
                "embedding": (chance.normal(0, 0.2, 8) + (np.eye(8)[3] * 3 if one else np.eye(8)[place % 2])).tolist(),
            }
            for place, one in enumerate(fresh)
        ])  # fmt: skip
        return fresh

    asked(now - 60 * HOUR, 50, 0.0)
    asked(now - 10 * HOUR, 10, 0.3)
    follow_all(cast, now)
    row = DriftSignal.objects.get(kind="prompt_novelty", version="v1")
    assert row.state == WatchState.WARNING
    calls = generations.many(cast.project.id, explain.told(row)["examples"])
    assert {one.output for one in calls} == {"new"}


def test_a_signal_of_offline_vectors_says_what_it_cannot_see(
    cast: Cast, push: Push, now: dt.datetime
) -> None:
    only(cast, "prompt_mix")
    play(push, now - DAY, 1, prompt="how do I return a pump")
    embedding.embed_missing(embedders.Hashing(), now=now)
    follow_all(cast, now)
    row = next(one for one in read.signals(cast.project.id) if one.kind == "prompt_mix")
    assert "not another meaning" in row.note
