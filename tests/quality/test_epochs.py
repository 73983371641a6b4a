"""What makes a judge another one, and what does not."""

import datetime as dt
import importlib

import pytest
from django.apps import apps

from monitor.quality import epochs, run
from monitor.quality.judges import groundedness
from monitor.quality.models import Judge, JudgeEpoch
from tests.fixtures.fix_cast import Cast

pytestmark = pytest.mark.django_db
LATER = importlib.import_module("monitor.migrations.0038_groundedness_asks_as_before")
ENDPOINT = {"url": "http://127.0.0.1:9/v1", "model": "m"}


def grounded(cast: Cast, **settings: str) -> Judge:
    return Judge.objects.create(
        project=cast.project, name="grounded", kind="groundedness", settings={**ENDPOINT, **settings}
    )


def now_of(judge: Judge, now: dt.datetime) -> JudgeEpoch:
    judge.refresh_from_db()
    return epochs.current(judge, run.make(judge), now=now)


def test_a_judge_from_before_the_setting_goes_on_as_the_same_judge(cast: Cast, now: dt.datetime) -> None:
    judge = grounded(cast)
    always = run.make(Judge(kind="groundedness", settings={**ENDPOINT, "ask": "always"}))
    JudgeEpoch.objects.create(
        judge=judge, number=1, fingerprint=epochs.fingerprint(judge, always), started_at=now
    )
    LATER.as_before(apps, None)
    assert now_of(judge, now).number == 1
    assert judge.settings["ask"] == "always"


def test_asking_in_doubt_alone_is_another_judge(cast: Cast, now: dt.datetime) -> None:
    judge = grounded(cast, ask="always")
    assert now_of(judge, now).number == 1
    Judge.objects.update(settings={**ENDPOINT, "ask": "when in doubt"})
    assert now_of(judge, now).number == 2


def test_another_wording_counts_also_where_most_answers_need_no_model(
    cast: Cast, now: dt.datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = grounded(cast)
    assert now_of(judge, now).number == 1
    monkeypatch.setattr(groundedness, "TASK", {**groundedness.TASK, "en": "Take it apart."})
    assert now_of(judge, now).number == 2


@pytest.mark.parametrize(("kind", "settings"), [("groundedness", ENDPOINT), ("sentences", {})])
def test_sentences_that_score_otherwise_begin_a_new_epoch(
    kind: str, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = Judge(kind=kind, settings=settings)
    before = epochs.fingerprint(judge, run.make(judge))
    monkeypatch.setattr(groundedness, "EDITION", 99)
    monkeypatch.setattr("monitor.quality.judges.sentences.Sentences.edition", 99)
    assert epochs.fingerprint(judge, run.make(judge)) != before
