import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
import pytest

from monitor.core import clock
from monitor.drift import run
from monitor.drift.models import DriftPolicy, DriftSignal, DriftSketch, DriftWatch
from tests.fixtures.fix_calls import Push
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


def told(signal: DriftSignal, part: str, body: dict[str, object], version: str = "v1") -> None:
    DriftSketch.objects.create(
        project=signal.project, model="qwen", version=version, part=part, hour=0,
        body=msgspec.msgpack.encode(body),
    )  # fmt: skip


def test_what_an_unusual_signal_is_made_of_is_shown(
    look: Look, signal: DriftSignal, world: Sequence[UUID]
) -> None:
    told(signal, "why topic", {
        "text": "prompt", "n_before": 300, "n_now": 200, "came": [["contract", 0.01, 0.25]], "went": [["pump", 0.4, 0.1]],
        "slices": [["topic", "chat", 0.1, 0.18]], "examples": [str(world[0])], "since": 1763450000, "end": 1763460000,
    })  # fmt: skip
    page = look("drift")
    assert [call.id for call in page.context["new_calls"]] == [world[0]]
    assert all(word in page.content.decode() for word in ("contract", "pump", "chat"))


def test_where_it_moved_is_shown_with_the_rest_beside_it(look: Look, signal: DriftSignal) -> None:
    told(signal, "why topic", {
        "text": "prompt", "n_before": 300, "n_now": 200, "came": [], "went": [], "slices": [], "examples": [],
        "where": [["tenant", "acme", 0.1, 0.4, 0.1, None, 0.08, 12.0, True]], "looked": 17, "reading": "share",
        "of": "chat", "since": 1763450000, "end": 1763460000,
    })  # fmt: skip
    page = look("drift")
    shown = page.context["places"][0]
    assert shown[2:] == ("10.0%", "40.0%", "10.0%", "—", "over a billion")
    assert "17 slices were looked at" in page.content.decode()


def test_a_signal_of_offline_vectors_says_what_it_cannot_see(look: Look, signal: DriftSignal) -> None:
    DriftSignal.objects.filter(pk=signal.pk).update(body={**signal.body, "embedder": "hashing-256-v1"})
    assert look("drift").content.decode().count("not another meaning in the same words") == 2


def test_the_shares_of_a_watched_mix_are_a_table(look: Look, drifted: DriftWatch) -> None:
    report = drifted.reports.latest("at")
    report.body |= {"shares": [["zh", 0.9, 0.5]], "histogram": None, "quantiles": None}
    report.save()
    page = look("drift")
    assert page.context["spread"] is None
    assert page.context["report"].shares == [("zh", 0.9, 0.5)]
    assert "<td>zh</td>" in page.content.decode()


def test_a_signal_that_is_as_always_is_not_explained(look: Look, signal: DriftSignal) -> None:
    DriftSignal.objects.filter(pk=signal.pk).update(state="ok")
    assert look("drift").context["why"] is None


@pytest.mark.parametrize(
    ("found", "tokens", "word"),
    [
        ({"basis": "none"}, False, "state unknown"),
        ({}, False, "state good"),
        ({"anomalous": True}, False, "state warn"),
        ({}, True, "state warn"),
        ({"expected": None}, False, "state unknown"),
        ({"to": 1763460000}, False, "state unknown"),
    ],
)
def test_a_volume_says_whether_it_is_as_expected(
    look: Look, signal: DriftSignal, found: dict[str, Any], tokens: bool, word: str
) -> None:
    body = {
        "to": int(clock.now().timestamp()) - 300, "basis": "weeks", "anomalous": False, "value": 1.0, "expected": 2.0,
    }  # fmt: skip
    told(signal, "baseline requests", body | found, version="")
    told(signal, "baseline output_tokens", body | {"anomalous": tokens}, version="")
    assert word in look("drift").content.decode().rpartition("Volume against its season")[2]


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"steps": ["a", "b"]}, "in none of 30 calls that were looked at is it a number or a word"),
        ({"other": 1}, "none of 30 calls that were looked at has an attribute of this name"),
    ],
)
def test_a_watched_attribute_without_a_usable_value_is_unknown_and_says_why(
    look: Look, push: Push, cast: Cast, now: dt.datetime, given: dict[str, Any], why: str
) -> None:
    push([{"at": now - dt.timedelta(minutes=place), "attributes": given} for place in range(1, 31)])
    DriftPolicy.objects.create(project=cast.project, attributes="steps")
    DriftSignal.objects.create(
        project=cast.project, model="qwen", version="v1", kind="topic", evaluated_to=int(now.timestamp())
    )
    shown = look("drift")
    assert [(one.name, one.reason) for one in shown.context["unheard"]] == [("steps", why)]
    assert why in shown.content.decode()
