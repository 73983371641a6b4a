import datetime as dt

import pytest

from monitor.core.clock import to_ms
from monitor.core.labels import Labels
from monitor.quality import run, sampling
from monitor.quality.models import Extra, Judge, JudgeClaim
from monitor.store.calls import generations
from monitor.store.samples import append
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db


def judge(cast: Cast, extra: Extra, **more: object) -> Judge:
    return Judge.objects.create(
        project=cast.project, name="short", kind="business_rule", settings={"longest": 3}, sample_share=0.0,
        extra=extra, **more,
    )  # fmt: skip


def test_nothing_more_than_the_share_is_judged_by_itself(cast: Cast, now: dt.datetime, push: Push) -> None:
    push([{} for _ in range(20)])
    assert run.run(judge(cast, Extra.NOTHING), now=now).judged == 0


def test_small_versions_are_seen_as_fairly_as_large_ones(cast: Cast, now: dt.datetime, push: Push) -> None:
    push([{"version": "v1"} for _ in range(60)] + [{"version": "v2"} for _ in range(6)])
    made = judge(cast, Extra.VERSION)
    run.run(made, now=now)
    found = generations.many(
        cast.project.id, list(JudgeClaim.objects.values_list("generation_id", flat=True))
    )
    by_version = [one.summary.version for one in found]
    assert by_version.count("v2") == 6
    assert 0 < by_version.count("v1") < 40
    # they are part of the fair sample: their marks stand under the judge's own name
    assert {mark.name for one in found for mark in one.scores} == {"short"}


def test_doubtful_calls_are_marked_under_a_name_of_their_own(
    cast: Cast, now: dt.datetime, push: Push
) -> None:
    sure, unsure = ([{"text": "x", "logprob": value}] for value in (-0.01, -4.0))
    rows = [{"tokens": sure} for _ in range(28)]
    ids = push([*rows, {"tokens": unsure}, {"contexts": []}])
    run.run(judge(cast, Extra.UNCERTAIN), now=now)
    found = generations.many(cast.project.id, ids)
    named = {one.id: {mark.name for mark in one.scores if mark.source == "rule"} for one in found}
    assert named[ids[28]] == named[ids[29]] == {"short-targeted"}
    assert sum(bool(one) for one in named.values()) == 3


def test_while_an_alert_fires_its_version_is_looked_at(cast: Cast, now: dt.datetime, push: Push) -> None:
    push([{"version": "v1"} for _ in range(5)] + [{"version": "v2"} for _ in range(5)])
    made = judge(cast, Extra.ALERT)
    assert sampling.candidates(made, now=now, left=50, limit=50) == {}
    firing = Labels({"__name__": "ALERTS", "alertname": "Slow", "alertstate": "firing", "version": "v2"})
    append.samples(cast.project.id, [(firing, to_ms(now) - 10_000, 1.0)], now=now)
    found = sampling.candidates(made, now=now, left=50, limit=50)
    calls = generations.many(cast.project.id, list(found))
    assert [one.summary.version for one in calls] == ["v2"] * 5
    assert set(found.values()) == {Extra.ALERT}


def test_extras_get_at_most_half_of_the_hour(cast: Cast, now: dt.datetime, push: Push) -> None:
    push([{"version": "v2"} for _ in range(12)])
    made = judge(cast, Extra.VERSION, hourly_budget=8)
    run.run(made, now=now)
    run.run(made, now=now + dt.timedelta(minutes=1))
    assert JudgeClaim.objects.count() == 4


def test_a_pair_needs_the_same_prompt_in_both_versions(cast: Cast, now: dt.datetime, push: Push) -> None:
    from monitor.store.calls import twins

    push(
        [
            {"version": "v1", "prompt": "same", "output": "one"},
            {"version": "v1", "prompt": "other", "output": "x"},
        ]
    )
    hour = dt.timedelta(hours=1)
    found = twins.answers(cast.project.id, now - hour, now, ["same", "new"], model="qwen", version="v1")
    assert found == {"same": "one"}
