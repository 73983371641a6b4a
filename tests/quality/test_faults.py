"""An endpoint that is slow, down, lying, rate-limited, talks nonsense or costs too much: a real one on loopback.

In each case: no score is invented, nothing is blocked, and the page says what happened.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from email.utils import format_datetime
from typing import Any

import pytest
import stamina

from monitor import query
from monitor.core import clock
from monitor.quality import run
from monitor.quality.desk import Desk
from monitor.quality.models import ClaimState, Judge, JudgeClaim, JudgeEpoch, JudgeSpending
from monitor.store.calls import generations
from tests.fixtures.fix_calls import Push
from tests.fixtures.fix_cast import Cast
from tests.fixtures.fix_outside import Answer, Outside, Received
from tests.fixtures.fix_world import Look

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)
USAGE = {"prompt_tokens": 400, "completion_tokens": 40}


@pytest.fixture(autouse=True)
def no_pauses() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def said(content: Any, **more: Any) -> dict[str, Any]:
    text = content if isinstance(content, str) else json.dumps(content)
    choices = [{"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}]
    return {"model": "judge-1", "choices": choices, "usage": USAGE, **more}


GOOD = said({"reason": "right", "score": 4})


@pytest.fixture
def server(outside: Callable[[], Outside]) -> Outside:
    started = outside()
    started.always(body=GOOD)
    return started


@pytest.fixture
def judge(cast: Cast, server: Outside) -> Judge:
    return Judge.objects.create(
        project=cast.project, name="helpfulness", kind="rubric", sample_share=1.0,
        settings={"url": f"{server.url}/v1", "model": "judge-1", "timeout_seconds": 0.3, "most_tokens": 200},
    )  # fmt: skip


def calls(count: int, **more: Any) -> list[dict[str, Any]]:
    return [{"prompt": f"why {number}?", **more} for number in range(count)]


def marked(cast: Cast, ids: list[Any]) -> int:
    return sum(bool(call.scores) for call in generations.many(cast.project.id, ids))


def told(look: Look) -> str:
    text: str = look("quality").content.decode()
    return text


def test_slow(cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside, look: Look) -> None:
    server.always(hang=True)
    ids = push(calls(2))
    outcome = run.run(judge, now=now)
    assert outcome.failures == {"timeout": 2}
    assert marked(cast, ids) == 0
    assert "no answer within 0.3 s" in told(look)
    assert query.instant(cast.project.id, "vigil_judge_waiting", now).single() == 2


def test_down(cast: Cast, now: dt.datetime, judge: Judge, push: Push, look: Look) -> None:
    Judge.objects.update(settings={"url": "http://127.0.0.1:9/v1", "model": "judge-1"})
    other = Judge.objects.create(
        project=cast.project, name="short", kind="business_rule", sample_share=1.0, settings={"longest": 9}
    )
    ids = push(calls(3))
    done = run.run_due(now=now)
    assert done["helpfulness"].failures["connection"] == 3
    # the neighbour is not held up
    assert done["short"].judged == 3
    assert {mark.name for call in generations.many(cast.project.id, ids) for mark in call.scores} == {
        other.name
    }
    assert "is the endpoint running?" in told(look)


def test_down_for_long_it_is_asked_less_and_less(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(503)
    push(calls(60))
    rests, moment = [], now
    for _ in range(5):
        run.run_due(now=moment)
        judge.refresh_from_db()
        assert judge.due_at is not None
        rests.append(judge.due_at - moment)
        moment = judge.due_at
    assert rests[4] > 4 * rests[0]
    assert max(rests) <= 1.25 * run.LONGEST_REST
    server.always(body=GOOD)
    assert run.run_due(now=moment)["helpfulness"].judged > 0
    judge.refresh_from_db()
    assert (judge.fruitless, judge.last_error) == (0, "")


@pytest.mark.parametrize(
    "lie",
    [
        {"reason": "great", "score": 11},
        {"reason": "", "score": 5},
        {"reason": "x", "score": "5"},
        {"verdict": "excellent"},
        [5],
    ],
)
def test_lying_about_the_mark(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside, look: Look, lie: Any
) -> None:
    server.always(body=said(lie))
    ids = push(calls(1))
    assert run.run(judge, now=now).failures == {"bad_answer": 1}
    assert marked(cast, ids) == 0
    assert "an answer of the wrong form" in told(look)


def test_lying_about_who_it_is_begins_another_epoch(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    push(calls(1))
    run.run(judge, now=now)
    server.always(body={**GOOD, "model": "cheaper-judge"})
    push([{"prompt": "another"}])
    run.run(judge, now=now + MINUTE)
    assert list(JudgeEpoch.objects.values_list("number", "served_model")) == [
        (1, "judge-1"),
        (2, "cheaper-judge"),
    ]
    assert "before as judge-1" in JudgeEpoch.objects.get(number=2).changed


def test_lying_about_its_usage_does_not_stretch_the_budget(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(body={**GOOD, "usage": {"prompt_tokens": 0, "completion_tokens": 0}})
    push(calls(4, output="so " * 1000))
    run.run(judge, now=now)
    assert JudgeSpending.objects.get().tokens_in > 4 * 300


@pytest.mark.parametrize(
    "lie",
    [
        said({"reason": "right\x00", "score": 4}),
        said('{"reason": "\\ud800", "score": 4}'),
        said({"reason": "endless " * 9000, "score": 4}),
        {**GOOD, "model": "m" * 5000},
        {**GOOD, "model": "judge\x00"},
        {**GOOD, "usage": {"prompt_tokens": 9 * 10**18, "completion_tokens": 9 * 10**18}},
    ],
)
def test_what_no_database_takes_is_told_without_it(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside, lie: Any
) -> None:
    server.always(body=lie)
    ids = push(calls(5))
    assert run.run(judge, now=now).judged == 5
    assert marked(cast, ids) == 5


@pytest.mark.parametrize(
    ("status", "body", "after"), [(200, b"[" * 100_000, "1"), (429, b"\x00", "9" * 30), (503, b"", "9" * 400)]
)
def test_an_answer_made_to_break_us_is_a_failure_like_any_other(
    now: dt.datetime, judge: Judge, push: Push, server: Outside, status: int, body: bytes, after: str
) -> None:
    server.always(status, body, retry_after=after)
    push(calls(1))
    outcome = run.run(judge, now=now)
    assert outcome.failures.total() == 1
    assert "broken" not in outcome.failures
    judge.refresh_from_db()
    assert judge.due_at is not None
    assert judge.due_at <= now + run.LONGEST_ASKED_REST


def test_a_judge_that_breaks_in_our_own_hands_holds_up_no_other(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, monkeypatch: pytest.MonkeyPatch, look: Look
) -> None:
    Judge.objects.create(
        project=cast.project, name="short", kind="business_rule", sample_share=1.0, settings={"longest": 9}
    )
    push(calls(1))
    work = run._work

    def broken(desk: Desk, outcome: run.Outcome, *, started: float) -> None:
        if desk.judge.name == "helpfulness":
            message = "never seen before"
            raise RuntimeError(message)
        work(desk, outcome, started=started)

    monkeypatch.setattr(run, "_work", broken)
    done = run.run_due(now=now)
    assert (done["helpfulness"].failures, done["short"].judged) == ({"broken": 1}, 1)
    assert "never seen before" in told(look)


def test_the_same_texts_side_by_side_are_one_question(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    ids = push([{"prompt": "same"}] * 4)
    run.run(judge, now=now)
    assert (len(server.received), marked(cast, ids)) == (1, 4)
    assert JudgeSpending.objects.get().cached == 3


@pytest.mark.parametrize("wanted", ["300", ""])
def test_rate_limited_it_rests_as_long_as_it_was_asked_to(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside, look: Look, wanted: str
) -> None:
    until = format_datetime(clock.now().replace(microsecond=0) + 6 * MINUTE, usegmt=True)
    server.always(429, b"slow down", retry_after=wanted or until)
    ids = push(calls(8))
    outcome = run.run(judge, now=now)
    assert outcome.failures["rate_limited"] == 4
    # a wait that long is not spent inside the run
    assert len(server.received) == 4
    judge.refresh_from_db()
    assert judge.due_at is not None
    assert judge.due_at >= now + 5 * MINUTE
    assert marked(cast, ids) == 0
    assert "HTTP 429" in told(look)


def test_our_own_limit_a_minute_is_kept(now: dt.datetime, judge: Judge, push: Push, server: Outside) -> None:
    Judge.objects.update(per_minute=6)
    push(calls(20))
    judge.refresh_from_db()
    run.run(judge, now=now)
    assert len(server.received) <= 6
    first = len(server.received)
    judge.refresh_from_db()
    assert judge.last_error == ""
    run.run(judge, now=now + MINUTE)
    assert first < len(server.received) <= 12


def test_broken_json_is_repaired_by_asking_for_it(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.answer(body=said('Sure! {"reason": "right", "score":'))
    ids = push(calls(1))
    assert run.run(judge, now=now).judged == 1
    second = server.received[1].json["messages"]
    assert second[-2]["content"].startswith("Sure!")
    assert "exactly one JSON object" in second[-1]["content"]
    assert marked(cast, ids) == 1


@pytest.mark.parametrize("body", [b"<html>gateway</html>", b"{", said("4 out of 5"), {"choices": []}, {}])
def test_broken_json_that_stays_broken(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside, look: Look, body: Any
) -> None:
    server.always(body=body)
    ids = push(calls(1))
    for later in range(3):
        run.run(judge, now=now + later * 16 * MINUTE)
    assert marked(cast, ids) == 0
    assert JudgeClaim.objects.get().state == ClaimState.FAILED
    assert "unusable answer" in told(look)


def test_an_endpoint_without_json_schema_is_asked_in_a_plainer_form(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    def respond(request: Received) -> Answer:
        if request.json.get("response_format", {}).get("type") == "json_schema":
            return Answer(400, b'{"error": "response_format json_schema is not supported"}')
        return Answer(body=json.dumps(GOOD).encode())

    server.respond = respond
    push(calls(1))
    assert run.run(judge, now=now).judged == 1
    last = server.received[-1].json
    assert last["response_format"] == {"type": "json_object"}
    assert '"score"' in last["messages"][0]["content"]


def test_a_question_that_is_refused_does_not_hold_up_the_others(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside, look: Look
) -> None:
    def respond(request: Received) -> Answer:
        if b"endless" in request.body:
            return Answer(400, b"maximum context length exceeded")
        return Answer(body=json.dumps(GOOD).encode())

    server.respond = respond
    push([*calls(3), {"prompt": "endless"}])
    outcome = run.run(judge, now=now)
    assert (outcome.judged, outcome.failures) == (3, {"refused": 1})
    assert JudgeClaim.objects.get(state=ClaimState.FAILED).reason == "refused"
    assert "question refused" in told(look)


def test_too_costly_in_tokens(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside, look: Look
) -> None:
    Judge.objects.update(daily_tokens=9000)
    judge.refresh_from_db()
    ids = push(calls(60))
    run.run_due(now=now)
    used = JudgeSpending.objects.get()
    assert 0 < used.tokens_in + used.tokens_out <= 9000
    assert 0 < marked(cast, ids) == len(server.received) < 60
    assert "budget is spent" in told(look)
    assert "day’s budget spent" in told(look)


def test_too_costly_in_money_and_on_the_next_day_it_goes_on(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    Judge.objects.update(daily_usd=0.01, usd_in=1.0, usd_out=4.0)
    judge.refresh_from_db()
    push(calls(30))
    run.run(judge, now=now)
    assert 0 < JudgeSpending.objects.get().usd <= 0.01
    asked = len(server.received)
    run.run(judge, now=now + MINUTE)
    assert len(server.received) <= asked + 4
    asked = len(server.received)
    judge.refresh_from_db()
    run.run(judge, now=now + dt.timedelta(hours=13))
    assert len(server.received) > asked


def test_what_was_not_asked_for_lack_of_budget_waits_and_is_no_failure(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    Judge.objects.update(daily_tokens=10)
    judge.refresh_from_db()
    push(calls(3))
    outcome = run.run(judge, now=now)
    assert (server.received, outcome.failures.total(), outcome.limit) == ([], 0, "budget")
    assert not JudgeClaim.objects.exists()


def test_the_same_texts_are_paid_for_once(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    first = push([{"prompt": "same"}])
    run.run(judge, now=now)
    again = push([{"prompt": "same"}, {"prompt": "other"}])
    run.run(judge, now=now + MINUTE)
    assert len(server.received) == 2
    assert marked(cast, [*first, *again]) == 3
    assert JudgeSpending.objects.get().cached == 1


def test_after_the_criterion_changed_nothing_is_remembered(
    now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    push([{"prompt": "same"}])
    run.run(judge, now=now)
    judge.settings = {**judge.settings, "criterion": "Is it kind?"}
    judge.save()
    push([{"prompt": "same"}])
    run.run(judge, now=now + MINUTE)
    assert len(server.received) == 2
    assert JudgeEpoch.objects.count() == 2


def test_another_key_or_time_out_is_the_same_judge(now: dt.datetime, judge: Judge) -> None:
    run.run(judge, now=now)
    judge.settings = {**judge.settings, "api_key": "sk-new", "timeout_seconds": 9.0}
    judge.save()
    run.run(judge, now=now + MINUTE)
    assert JudgeEpoch.objects.count() == 1


def test_the_age_of_the_oldest_waiting_call_is_told(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(503)
    push(calls(1))
    run.run(judge, now=now)
    run.run(judge, now=now + 10 * MINUTE)
    found = query.instant(cast.project.id, "vigil_judge_oldest_seconds", now + 10 * MINUTE)
    assert found.single() == 600


def test_while_the_judge_rests_the_age_goes_on(
    cast: Cast, now: dt.datetime, judge: Judge, push: Push, server: Outside
) -> None:
    server.always(503)
    push(calls(1))
    run.run_due(now=now)
    Judge.objects.update(due_at=now + 12 * MINUTE)
    asked = len(server.received)
    run.run_due(now=now + 8 * MINUTE)
    found = query.instant(cast.project.id, "vigil_judge_oldest_seconds", now + 8 * MINUTE)
    assert (found.single(), len(server.received)) == (480, asked)
