"""Labels, the queue, the corrected rates and the frozen calls, on stored marks."""

import datetime as dt
import json
import math
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pytest
import stamina

from monitor import query
from monitor.core.stats import Interval
from monitor.ingest import verify
from monitor.quality import epochs, golden, labels, moved, people, rates, run
from monitor.quality.models import GoldenItem, GoldenMark, Judge, JudgeEpoch, Label
from monitor.store.calls import generations, scores
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Answer, Outside

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


@pytest.fixture
def judge(cast: Cast, now: dt.datetime) -> Judge:
    made = Judge.objects.create(
        project=cast.project, name="helpfulness", kind="rubric", second_share=0.0,
        settings={"url": "http://127.0.0.1:9/v1", "model": "m"},
    )  # fmt: skip
    JudgeEpoch.objects.create(judge=made, number=1, fingerprint="f", started_at=now - HOUR)
    return made


def marked(cast: Cast, push: Push, now: dt.datetime, marks: list[float], **more: Any) -> list[UUID]:
    ids = push([{"prompt": f"p{number}", **more} for number in range(len(marks))])
    rows = [
        scores.ScoreRow(one, "helpfulness", "judge", mark, "so", "rubric#1")
        for one, mark in zip(ids, marks, strict=True)
    ]
    scores.put(cast.project.id, rows, now=now)
    return ids


def label(judge: Judge, call: UUID, value: float | None, now: dt.datetime, rater: str = "ann") -> None:
    labels.put(judge, call, rater, value, now=now)


def test_the_rate_is_what_people_say_and_not_what_a_kind_judge_does(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    chance = np.random.default_rng(1)
    truth = np.rint(np.clip(chance.normal(3.0, 1.3, 240), 0, 5))
    ids = marked(cast, push, now, np.clip(truth + 1, 0, 5).tolist())
    for _ in range(90):
        following = labels.next_for(judge, "ann", now=now)
        assert following is not None
        label(judge, following.call.id, float(truth[ids.index(following.call.id)]), now)
    (found,) = rates.quality(judge, now=now)
    share = float((truth >= 3).mean())
    assert found.rate is not None
    assert found.rate.interval().contains(share)
    assert not found.rate.interval().contains(found.raw_rate)
    assert rates.tell_all(now=now) == 6
    lower, upper = (
        query.instant(
            cast.project.id, f'llm_quality_rate{{rubric="helpfulness",bound="{bound}"}}', now
        ).single()
        for bound in ("lower", "upper")
    )
    assert lower is not None
    assert upper is not None
    assert 0 <= lower < share < upper <= 1


def test_without_labels_there_is_no_rate(cast: Cast, now: dt.datetime, judge: Judge, push: Push) -> None:
    ids = marked(cast, push, now, [4.0] * 50)
    for one in ids[:20]:
        label(judge, one, 4.0, now)
    (found,) = rates.quality(judge, now=now)
    assert (found.rate, found.mean, found.lacking) == (None, None, 10)
    rates.tell_all(now=now)
    assert query.instant(cast.project.id, "llm_quality_rate", now).single() is None


def test_marks_of_another_epoch_are_not_counted(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    marked(cast, push, now, [4.0] * 5)
    JudgeEpoch.objects.create(judge=judge, number=2, fingerprint="g", started_at=now)
    assert rates.quality(judge, now=now) == []


def test_the_queue_first_fills_what_has_no_labels(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    ids = marked(cast, push, now, [5.0] * 60 + [1.0] * 8)
    seen = set()
    for _ in range(8):
        following = labels.next_for(judge, "ann", now=now)
        assert following is not None
        seen.add(ids.index(following.call.id) >= 60)
        label(judge, following.call.id, 3.0, now)
    assert seen == {True, False}


def test_two_people_are_not_given_the_same_call_unless_a_second_opinion_is_wanted(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    marked(cast, push, now, [4.0] * 30)
    one = labels.next_for(judge, "ann", now=now)
    assert one is not None
    label(judge, one.call.id, 4.0, now)
    other = labels.next_for(judge, "ben", now=now)
    assert other is not None
    assert (other.call.id == one.call.id, other.second) == (False, False)
    judge.second_share = 1.0
    other = labels.next_for(judge, "ben", now=now)
    assert other is not None
    assert (other.call.id == one.call.id, other.second) == (True, True)
    assert labels.next_for(judge, "ann", now=now) != one


def test_who_can_no_longer_say_takes_the_mark_back(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    one, other = marked(cast, push, now, [4.0, 4.0])
    label(judge, one, 2.0, now)
    label(judge, one, None, now)
    assert _human(cast, now) in {None, 0.0}
    label(judge, other, 2.0, now, "ben")
    label(judge, other, None, now)
    assert _human(cast, now) == 1.0
    assert verify.verify(cast.project.id).differences == []


def _human(cast: Cast, now: dt.datetime) -> float | None:
    return query.instant(
        cast.project.id, 'sum(histogram_count(llm_score{source="human"}))', now + HOUR
    ).single()


def test_agreement_is_told_of_calls_that_two_labelled(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    ids = marked(cast, push, now, [4.0] * 12)
    for place, one in enumerate(ids):
        label(judge, one, float(place % 6), now, "ann")
        label(judge, one, float(place % 6), now, "ben")
    found = labels.agreement(judge)
    assert (found.shared, found.raters) == (12, ("ann", "ben"))
    assert found.alpha == pytest.approx(1.0)
    assert found.kappa == pytest.approx(1.0)


def test_without_two_people_agreement_is_unknown(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    label(judge, marked(cast, push, now, [4.0])[0], 4.0, now)
    assert math.isnan(labels.agreement(judge).alpha)


def test_two_labels_make_one_human_mark_their_mean(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    (one,) = marked(cast, push, now, [4.0])
    label(judge, one, 2.0, now, "ann")
    label(judge, one, 5.0, now, "ben")
    call = generations.one(cast.project.id, one)
    assert call is not None
    (mark,) = [mark for mark in call.scores if mark.source == "human"]
    assert (mark.value, mark.author) == (3.5, "ann, ben")


@pytest.mark.parametrize("wrong", [-1.0, 5.5, float("nan")])
def test_what_is_no_mark_is_refused(now: dt.datetime, judge: Judge, push: Push, wrong: float) -> None:
    (one,) = push([{}])
    with pytest.raises(labels.NotAMarkError):
        label(judge, one, wrong, now)
    assert not Label.objects.exists()


def test_a_correction_is_what_the_answer_is_compared_with(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    (one,) = push([{"output": "Lyon"}])
    labels.put(judge, one, "ann", 0.0, correction="Paris", now=now)
    exact = Judge.objects.create(project=cast.project, name="exact", kind="exact", sample_share=1.0)
    run.run(exact, now=now)
    call = generations.one(cast.project.id, one)
    assert call is not None
    assert {mark.value for mark in call.scores if mark.name == "exact"} == {0.0}


def said(score: int, model: str = "m") -> dict[str, Any]:
    content = json.dumps({"reason": "so", "score": score})
    return {"model": model, "choices": [{"message": {"content": content}, "finish_reason": "stop"}]}


@pytest.fixture
def frozen(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, outside: Callable[[], Outside]
) -> tuple[Judge, Outside]:
    """Twelve frozen calls, and an endpoint that marks them 3."""
    server = outside()
    server.always(body=said(3))
    judge.settings = {"url": f"{server.url}/v1", "model": "m"}
    judge.sample_share = 0.0
    judge.save()
    for one in push([{"prompt": f"p{n}", "output": f"o{n}"} for n in range(12)]):
        label(judge, one, 3.0, now)
    assert people.freeze(cast.project.id, judge.name, now=now) == 12
    return judge, server


def test_frozen_calls_are_asked_once_a_day(now: dt.datetime, frozen: tuple[Judge, Outside]) -> None:
    judge, server = frozen
    run.run(judge, now=now)
    run.run(judge, now=now + HOUR)
    assert len(server.received) == 12
    run.run(judge, now=now + 24 * HOUR)
    assert len(server.received) == 24


def test_a_judge_that_moved_is_told_from_answers_that_did(
    cast: Cast, now: dt.datetime, frozen: tuple[Judge, Outside]
) -> None:
    judge, server = frozen
    run.run(judge, now=now)
    server.respond = lambda request: Answer(body=json.dumps(said(4 if b"o1" in request.body else 3)).encode())
    run.run(judge, now=now + 24 * HOUR)
    shift = golden.shift(judge)
    assert shift is not None
    assert (shift.moved, shift.items) == (False, 12)
    server.respond = lambda request: Answer(body=json.dumps(said(5 if b"o1" in request.body else 4)).encode())
    run.run(judge, now=now + 48 * HOUR)
    shift = golden.shift(judge)
    assert shift is not None
    assert shift.moved
    assert shift.difference > 1.0
    at = now + 48 * HOUR
    found = query.instant(cast.project.id, 'vigil_judge_shift{bound="lower"}', at).single()
    assert found is not None
    assert found > 0.5


def test_a_judge_that_moved_long_ago_is_not_blamed_for_answers_that_move_now(
    now: dt.datetime, frozen: tuple[Judge, Outside]
) -> None:
    judge, _ = frozen
    epoch = JudgeEpoch.objects.get()
    marks = {20: 4.0, 15: 3.0, 6: 3.0, 0: 3.0}
    GoldenMark.objects.bulk_create(
        GoldenMark(item=item, epoch=epoch, day=(now - days * 24 * HOUR).date(), value=mark)
        for item in GoldenItem.objects.all()
        for days, mark in marks.items()
    )
    week, day = (now - 168 * HOUR).date(), (now - 24 * HOUR).date()
    told = (golden.shift(judge), golden.shift_lately(judge, week, day))
    assert [one and one.moved for one in told] == [True, False]
    later = golden.shift_lately(judge, week, day + 48 * HOUR)
    assert later is not None
    assert later.moved is None


def test_a_frozen_call_without_an_answer_is_left_for_an_hour(
    now: dt.datetime, frozen: tuple[Judge, Outside]
) -> None:
    judge, server = frozen
    server.always(400, b"too long")
    outcome = run.run(judge, now=now)
    assert outcome.failures == {"refused": 12}
    told = query.instant(judge.project_id, 'vigil_judge_failures_total{reason="refused"}', now)
    assert told.single() == 12
    run.run(judge, now=now + HOUR / 2)
    assert len(server.received) == 12
    assert not GoldenMark.objects.exists()
    run.run(judge, now=now + 2 * HOUR)
    assert len(server.received) == 24


def test_frozen_calls_are_left_alone_for_this_run_where_nobody_answers(
    now: dt.datetime, frozen: tuple[Judge, Outside]
) -> None:
    judge, server = frozen
    server.always(503)
    with stamina.set_testing(True, attempts=1):
        run.run(judge, now=now)
    assert len(server.received) == 4
    server.always(body=said(3))
    run.run(judge, now=now + HOUR)
    assert GoldenMark.objects.count() == 12


def test_frozen_calls_keep_their_texts_when_the_calls_are_gone(frozen: tuple[Judge, Outside]) -> None:
    assert {item.output for item in GoldenItem.objects.all()} == {f"o{n}" for n in range(12)}


def shift(difference: float, *, is_move: bool | None) -> golden.Shift:
    return golden.Shift(40, difference, Interval(difference - 0.1, difference + 0.1), is_move, None, 0.0)


@pytest.mark.parametrize(
    "before, after, found, word",
    [
        (4.0, 4.0, None, "steady"),
        (4.0, 3.0, None, "unknown"),
        (4.0, 3.0, shift(0.0, is_move=None), "unknown"),
        (4.0, 3.0, shift(0.02, is_move=False), "quality"),
        (4.0, 3.0, shift(-0.9, is_move=True), "judge"),
        (4.0, 3.0, shift(0.5, is_move=True), "quality"),
        (4.0, 3.0, shift(-0.3, is_move=True), "both"),
    ],
)
def test_what_moved_is_said_from_marks_and_frozen_calls(
    before: float, after: float, found: golden.Shift | None, word: str
) -> None:
    chance = np.random.default_rng(2)
    told = moved.tell(chance.normal(before, 0.5, 300), chance.normal(after, 0.5, 300), found)
    assert told.word == word


def test_few_marks_say_nothing_about_a_move() -> None:
    assert moved.tell(np.ones(300), np.zeros(5), None).word == "few"


def test_marks_that_may_hide_a_large_move_are_not_called_steady() -> None:
    few, many = np.tile([1.0, 5.0], 12), np.tile([1.0, 5.0], 600)
    assert moved.tell(many, few, None).word == "few"
    assert moved.tell(many, many, None).word == "steady"


def test_a_second_correction_replaces_the_first(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push
) -> None:
    (one,) = marked(cast, push, now, [3.0])
    for reason, correction in (("so", "Lyon."), ("or so", "Paris.")):
        labels.put(judge, one, "ann", 3.0, reason=reason, correction=correction, now=now)
    call = generations.one(cast.project.id, one)
    assert call is not None
    assert {mark.name: mark.reason for mark in call.scores if mark.source == "human"} == {
        "correction": "Paris.", "helpfulness": "or so",
    }  # fmt: skip
    counted = query.instant(cast.project.id, 'histogram_count(llm_score{source="human"})', now)
    assert counted.values.ravel().tolist() == [1.0, 1.0]


def test_the_same_wording_is_the_same_judge_and_another_is_not(judge: Judge) -> None:
    first = epochs.fingerprint(judge, run.make(judge))
    assert epochs.fingerprint(judge, run.make(judge)) == first
    judge.settings = {**judge.settings, "criterion": "Is it kind?"}
    assert epochs.fingerprint(judge, run.make(judge)) != first
